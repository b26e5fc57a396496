"""The stage that paints the same masks by moving the images of their sources."""

from pathlib import Path

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.painting.painter import paint_subjects
from cardiosynth.painting.warp import WarpStudio
from cardiosynth.study.files import sha256
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.paint_masks import masks_of, paint_in_parts


def paint_warped(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/warp/: the chosen synthetic subjects as their sources' own images, moved to the synthetic masks."""
    sources = results / "cohorts" / study.datasets.a
    pixels = sha256(sources / "images.npy")
    paint_in_parts(study, results, sources, results / "synthetic" / "warp", "paint warp", pixels, _warped_part, workers, __name__)


def _warped_part(job: tuple) -> None:
    _, _, sources, rows, folder = job
    cohort = Cohort.open(sources)
    studio = WarpStudio(cohort, dict(zip(rows["id"], rows["source_id"])))
    write_cohort(folder, paint_subjects(studio, masks_of(rows, cohort)))
