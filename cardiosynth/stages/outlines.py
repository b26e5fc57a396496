"""The stage that makes synthetic hearts of masks that nobody drew: the U-Net's outlines of Dataset 2."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cardiosynth import painting, segmentation
from cardiosynth.cohort import Cohort, Subject, write_cohort
from cardiosynth.provenance import device, sha256, stage
from cardiosynth.stages.masks import write_recipes
from cardiosynth.stages.paint import paint_in_parts, spade_part
from cardiosynth.study import Study
from cardiosynth.volumes import volume_ml


def synthesise_outlined(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/outlines/: recipes from the U-Net's outlines of Dataset 2, and images/, painted by the generator.

    sources/ holds the outlined training and validation subjects, with the volumes of these outlines; no drawn mask and
    no published volume of Dataset 2 has a part in it.
    """
    cohort = Cohort.open(results / "cohorts" / study.datasets.b).split("train", "validation")
    with stage(results / "synthetic" / "outlines", "outlines", study.subset("masks", "seed"), __name__) as folder:
        network = segmentation.load_segmentation(results / "segmentation", device())
        outlined = write_cohort(folder / "sources", _outlined(network, cohort))
        write_recipes(study, outlined, folder)
    mark = sha256(results / "generator" / painting.FILE)
    paint_in_parts(study, results, folder / "sources", folder / "images", "paint outlines", mark, spade_part, workers, __name__)


def _outlined(network, cohort: Cohort) -> Iterator[Subject]:
    """Subjects with the masks that the network finds; those in which it finds no heart that ejects are left out."""
    for name, row in cohort.table.iterrows():
        images = np.asarray(cohort.images()[cohort.rows(name)])
        masks = segmentation.segment_stack(network, images, device())
        edv_ml, esv_ml = volume_ml(masks, row["spacing_mm"] ** 2, row["slice_gap_mm"]).tolist()
        if edv_ml >= esv_ml > 0:
            yield Subject(name, row["source"], images, masks, (row["spacing_mm"],) * 2, row["slice_gap_mm"], edv_ml, esv_ml,
                          {"split": row["split"]})
