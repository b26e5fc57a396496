"""The stage that makes synthetic hearts of masks that nobody drew: the U-Net's outlines of Dataset 2."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import volume_ml
from cardiosynth.networks import unet
from cardiosynth.painting import painter
from cardiosynth.study.files import sha256
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.choose_masks import write_recipes
from cardiosynth.workflow.stages.paint_masks import paint_in_parts, spade_part


def synthesise_outlined(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/outlines/: recipes from the U-Net's outlines of Dataset 2, and images/, painted by the generator.

    sources/ holds the outlined training and validation subjects, with the volumes of these outlines; no drawn mask and
    no published volume of Dataset 2 has a part in it.
    """
    cohort = Cohort.open(results / "cohorts" / study.datasets.b).split("train", "validation")
    with stage(results / "synthetic" / "outlines", "outlines", study.subset("masks", "seed"), __name__) as folder:
        network = unet.load_segmentation(results / "segmentation", device())
        outlined = write_cohort(folder / "sources", _outlined(network, cohort))
        write_recipes(study, outlined, folder)
    mark = sha256(results / "generator" / painter.FILE)
    paint_in_parts(study, results, folder / "sources", folder / "images", "paint outlines", mark, spade_part, workers, __name__)


def _outlined(network, cohort: Cohort) -> Iterator[Subject]:
    """Subjects with the masks that the network finds; those in which it finds no heart that ejects are left out."""
    for name, row in cohort.table.iterrows():
        images = np.asarray(cohort.images()[cohort.rows(name)])
        masks = unet.segment_stack(network, images, device())
        edv_ml, esv_ml = volume_ml(masks, row["spacing_mm"] ** 2, row["slice_gap_mm"]).tolist()
        if edv_ml >= esv_ml > 0:
            yield Subject(name, row["source"], images, masks, (row["spacing_mm"],) * 2, row["slice_gap_mm"], edv_ml, esv_ml, {"split": row["split"]})
