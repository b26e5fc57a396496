"""Stages that make cohorts of patients or phantom subjects, and write them in public layouts."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cardiosynth import quality, report
from cardiosynth.cohort import Cohort, Subject, write_cohort
from cardiosynth.duplicates import refuse_leaks
from cardiosynth.errors import InputError
from cardiosynth.exports import acdc, kaggle, kaggle_png, mnms, sunnybrook, ukbb
from cardiosynth.preprocessing import exclude
from cardiosynth.provenance import stage
from cardiosynth.sections import Grid
from cardiosynth.sources import all_jobs, jobs, read
from cardiosynth.study import Study

WRITERS = {"acdc": acdc, "mnms": mnms, "ukbb": ukbb, "kaggle": kaggle, "kaggle-png": kaggle_png, "sunnybrook": sunnybrook}

def prepare_dataset(study: Study, results: Path, dataset: str, data, workers: int = 1) -> None:
    """cohorts/<dataset>/: the dataset on the study's grid with its splits, its quality report, and who was left out.

    Raises InputError, after the report is written, where a subject of the split cannot be read or where the
    same images stand in two splits.
    """
    parameters = study.subset("grid", "phantom", "seed") | {"truth": study.datasets.truth}
    with stage(results / "cohorts" / dataset, f"prepare {dataset}", parameters) as folder:
        log, excluded = quality.Log(), []
        readings = read(jobs(dataset, data, study), study.grid, workers, f"prepare {dataset}")
        _write(folder, f"{dataset} in study {study.name}", exclude(log.passing(readings), study.grid, excluded), log)
        if log.refused():
            first = log.refused()[0]
            raise InputError(
                f"{len(log.refused())} subjects of {dataset} cannot be read ({folder / 'quality.html'} lists them); "
                f"mend them or mark them as excluded in the split file; the first: {first['note']}"
            )
        refuse_leaks(log.twins())
        pd.DataFrame(excluded, columns=["id", "split", "reason"]).to_csv(folder / "excluded.csv", index=False)


def ingest(dataset: str, root: str, out: Path, grid: Grid, workers: int) -> bool:
    """A cohort of every subject of a dataset that can be read, with no study around it, and its quality report.

    root: the dataset's folder; for a phantom, a study file. Returns whether all could be read.
    """
    pending = all_jobs(dataset, root)
    with stage(out, f"ingest {dataset}", {"grid": grid.model_dump()}) as folder:
        log = quality.Log()
        _write(folder, dataset, log.passing(read(pending, grid, workers, f"ingest {dataset}")), log)
    for row in log.refused():
        print(f"left out: {row['note']}", file=sys.stderr)
    print(f"{out}: {report.summary(log.table())} See {out / 'quality.html'}.")
    return not log.refused()


def _write(folder: Path, title: str, subjects: Iterable[Subject], log: quality.Log) -> None:
    """Cohort and report; the report also where no subject was left to make a cohort of."""
    cohort = None
    try:
        cohort = write_cohort(folder, subjects)
    finally:
        if log.records:
            table = log.table()
            table.to_csv(folder / ".quality.partial", index=False)
            os.replace(folder / ".quality.partial", folder / "quality.csv")
            report.write(folder / "quality.html", title, table, cohort)


def export(cohort_folder: Path, layout: str, out: Path) -> None:
    """A cohort in a public layout below ``out``, with ``exported.csv``: its ids there and the volumes of that grid."""
    cohort = Cohort.open(cohort_folder)
    if layout not in WRITERS:
        raise InputError(f"{layout}: no such layout; expected {', '.join(WRITERS)}")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: not empty; name a new folder for the {layout} files")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was killed
    rows = WRITERS[layout].write(partial, (cohort.subject(name) for name in cohort.table.index))
    pd.DataFrame(rows).to_csv(partial / "exported.csv", index=False)
    if out.exists():
        out.rmdir()
    os.replace(partial, out)
    print(f"{out}: {len(rows)} subjects in the layout of {layout}")
