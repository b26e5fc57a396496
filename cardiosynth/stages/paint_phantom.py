"""The stage that paints the same masks by the phantom's formulas."""

from pathlib import Path

from cardiosynth.cohort import Cohort, write_cohort
from cardiosynth.painting import paint_subjects
from cardiosynth.phantom_painting import PhantomStudio
from cardiosynth.stages.paint import masks_of, paint_in_parts
from cardiosynth.study import Study


def paint_phantom(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/phantom/: the chosen synthetic subjects painted by the phantom's formulas instead of the generator."""
    sources = results / "cohorts" / study.datasets.a
    paint_in_parts(study, results, sources, results / "synthetic" / "phantom", "paint phantom", "phantom", _phantom_part, workers, __name__)


def _phantom_part(job: tuple) -> None:
    study, _, sources, rows, folder = job
    studio = PhantomStudio(study.grid, study.seed)
    write_cohort(folder, paint_subjects(studio, masks_of(rows, Cohort.open(sources))))
