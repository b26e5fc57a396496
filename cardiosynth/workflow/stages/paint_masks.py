"""The stage that paints the chosen recipes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.masks import source
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.masks.recipes import recipes
from cardiosynth.painting import painter
from cardiosynth.study.closure import mark
from cardiosynth.study.files import sha256
from cardiosynth.study.pool import pool
from cardiosynth.study.progress import bar
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study, fingerprint

PART = 50  # synthetic subjects painted between two points at which a killed run can go on


def paint(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/images/: the chosen synthetic subjects as painted images; masks stay recipes."""
    sources, folder = results / "cohorts" / study.datasets.a, results / "synthetic" / "images"
    weights = sha256(results / "generator" / painter.FILE)
    paint_in_parts(study, results, sources, folder, "paint", weights, spade_part, workers, __name__)


def paint_in_parts(study: Study, results: Path, sources: Path, folder: Path, title: str, painter: str, paint_part, workers: int, module: str) -> None:
    """Fill a folder with the chosen recipes of the candidates.csv above it, painted.

    sources: cohort of the masks that they start from. painter: what else the images depend on. module: of the stage. paint_part takes (study,
    results, sources, rows, folder of the part). Painted in parts by ``workers`` processes, each a small cohort that a killed
    run leaves behind for the next, then joined one subject at a time: memory does not grow with their number.
    """
    table = read_candidates(folder.parent / "candidates.csv")
    chosen = table[table["chosen"]].assign(source="synthetic")
    with stage(folder, title, study.subset("seed"), module):
        parts = folder / "parts"
        own = parts / fingerprint([study.seed, sha256(sources / "masks.npy"), painter, mark(module), chosen.to_csv()])
        if not own.is_dir():
            shutil.rmtree(parts, ignore_errors=True)
        jobs = [(study, results, sources, chosen.iloc[first : first + PART], own / f"{first:06d}") for first in range(0, len(chosen), PART)]
        pending = [job for job in jobs if not (job[-1] / "subjects.csv").is_file()]
        for _ in bar(_painted(paint_part, pending, workers), title, total=len(pending)):
            pass
        cohorts = (Cohort.open(job[-1]) for job in jobs)
        write_cohort(folder, (part.subject(name) for part in cohorts for name in part.table.index))
        shutil.rmtree(parts)


def _painted(paint_part, jobs: list[tuple], workers: int) -> Iterator[None]:
    """The parts painted, in one process or several."""
    if workers == 1 or len(jobs) < 2:
        yield from map(paint_part, jobs)
        return
    with pool(workers, preload=[__name__]) as painters:
        try:
            yield from painters.map(paint_part, jobs)
        finally:
            painters.shutdown(cancel_futures=True)


def spade_part(job: tuple) -> None:
    """One part painted by the generator: a job of ``paint_in_parts``."""
    study, results, sources, rows, folder = job
    studio = painter.Studio(painter.load_painter(results / "generator", device()), study.seed, device())
    write_cohort(folder, painter.paint_subjects(studio, masks_of(rows, Cohort.open(sources))))


def masks_of(chosen: pd.DataFrame, cohort: Cohort) -> Iterator[tuple[pd.Series, np.ndarray]]:
    """Rows of recipes with their masks, source by source, so that a source's distances serve all its recipes."""
    pixels = cohort.masks()
    for source_id, rows in chosen.groupby("source_id", sort=False):
        made = source.synthesise(pixels[cohort.rows(source_id)], recipes(rows))
        yield from zip((row for _, row in rows.iterrows()), made)
