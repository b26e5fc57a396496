"""The stage that paints the same masks by the phantom's formulas."""

from pathlib import Path

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.painting.formulas import PhantomStudio
from cardiosynth.painting.painter import paint_subjects
from cardiosynth.study.study_file import Study, fingerprint
from cardiosynth.workflow.stages.paint_masks import masks_of, paint_in_parts


def paint_phantom(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/phantom/: the chosen synthetic subjects painted by the phantom's formulas instead of the generator."""
    sources = results / "cohorts" / study.datasets.a
    grid = fingerprint(study.subset("grid"))
    paint_in_parts(study, results, sources, results / "synthetic" / "phantom", "paint phantom", grid, _phantom_part, workers, __name__)


def _phantom_part(job: tuple) -> None:
    study, _, sources, rows, folder = job
    studio = PhantomStudio(study.grid, study.seed)
    write_cohort(folder, paint_subjects(studio, masks_of(rows, Cohort.open(sources))))
