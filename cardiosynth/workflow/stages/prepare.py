"""Stages that make cohorts of patients or phantom subjects."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cardiosynth.data import quality, report
from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.duplicates import refuse_leaks
from cardiosynth.data.preprocessing import exclude
from cardiosynth.data.sources import all_jobs, jobs, read
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import replaced
from cardiosynth.study.provenance import MANIFEST, TIMING, stage
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import Study

# What a cohort's folder may hold; any other file is somebody else's.
REPORT = {"quality.csv", "quality.html", quality.ERRORS}
FILES = REPORT | {"subjects.csv", "images.npy", "masks.npy", "excluded.csv", MANIFEST, TIMING}


def prepare_dataset(study: Study, results: Path, dataset: str, data, workers: int = 1) -> None:
    """cohorts/<dataset>/: the dataset on the study's grid with its splits, its quality report, and who was left out.

    Raises InputError, after the report is written, where a subject of the split cannot be read or where the
    same images stand in two splits.
    """
    parameters = study.subset("grid", "phantom", "seed") | {"truth": study.datasets.truth}
    pending, log, excluded = jobs(dataset, data, study), quality.Log(), []
    subjects = exclude(log.passing(read(pending, study.grid, workers, f"prepare {dataset}")), study.grid, excluded)

    def check(folder: Path) -> None:
        if log.refused():
            raise InputError(
                f"{len(log.refused())} of {len(log.records)} subjects of {dataset} cannot be read ({folder / 'quality.html'} lists them); "
                f"mend them or mark them as excluded in the split file; the first: {log.refused()[0]['note']}"
            )
        refuse_leaks(log.twins())

    folder = results / "cohorts" / dataset
    _fill(folder, f"prepare {dataset}", f"{dataset} in study {study.name}", parameters, subjects, log, check, excluded)
    if told := quality.kinds(log.table()):
        print(told, file=sys.stderr)


def ingest(dataset: str, root: str, out: Path, grid: Grid, workers: int) -> bool:
    """A cohort of every subject of a dataset that can be read, with no study around it, and its quality report.

    root: the dataset's folder; for a phantom, a study file. Returns whether all could be read.
    """
    pending, log = all_jobs(dataset, root), quality.Log()
    subjects = log.passing(read(pending, grid, workers, f"ingest {dataset}"))
    _fill(out, f"ingest {dataset}", dataset, {"grid": grid.model_dump()}, subjects, log)
    print(f"{out}: {report.summary(log.table())} See {out / 'quality.html'}.")
    if told := quality.kinds(log.table()):
        print(told, file=sys.stderr)
    return not log.refused()


def _fill(
    folder: Path,
    stage_title: str,
    title: str,
    parameters: dict,
    subjects: Iterable[Subject],
    log: quality.Log,
    check=lambda folder: None,
    excluded: list[dict] | None = None,
) -> None:
    """A cohort's folder, whole. check: raises InputError where the cohort may not be used; the report stays, and nothing else of it."""
    failure = None
    with replaced(folder, FILES, last=MANIFEST) as partial:
        try:
            with stage(partial, stage_title, parameters, __name__):
                _write(partial, title, subjects, log)
                check(folder)
                if excluded is not None:
                    pd.DataFrame(excluded, columns=["id", "split", "reason"]).to_csv(partial / "excluded.csv", index=False)
        except InputError as error:
            if not log.records:
                raise
            failure = error
            for name in FILES - REPORT:
                (partial / name).unlink(missing_ok=True)
    if failure is not None:
        print(quality.kinds(log.table()), file=sys.stderr)
        if log.refused() and len(log.refused()) == len(log.records):
            raise InputError(
                f"{folder}: none of {len(log.records)} subjects could be read, so there is no cohort; "
                f"see {folder / 'quality.html'}; the first: {log.refused()[0]['note']}"
            ) from failure
        raise failure


def _write(folder: Path, title: str, subjects: Iterable[Subject], log: quality.Log) -> None:
    """Cohort and report; the report also where no subject was left to make a cohort of."""
    cohort = None
    try:
        cohort = write_cohort(folder, subjects)
    finally:
        if log.records:
            table = log.table()
            table.to_csv(folder / "quality.csv", index=False)
            report.write(folder / "quality.html", title, table, cohort)
        if log.traces:
            (folder / quality.ERRORS).write_text("\n".join(log.traces), encoding="utf-8")
