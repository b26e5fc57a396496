"""The stage that reads painted hearts: do they have the size that was asked for?"""

from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.networks import unet
from cardiosynth.painting import fidelity
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.paint_masks import masks_of


def check_labels(study: Study, results: Path) -> None:
    """fidelity/label_fidelity.csv: what the reader finds in real and in painted hearts that no network was trained on.

    Columns quantity and value. ``_real`` and ``_synthetic`` are the validation split's; ``_synthetic_train`` the painted
    hearts that SFERA is pre-trained on. ``ef_bias`` and ``ef_mae`` are those of ``_synthetic``.
    """
    cohort, painted = Cohort.open(results / "cohorts" / study.datasets.a), Cohort.open(results / "synthetic" / "images")
    table = read_candidates(results / "synthetic" / "candidates.csv")
    with stage(results / "fidelity", "fidelity", {}, __name__) as folder:
        network = unet.load_segmentation(results / "reader", device())
        real = (_heart(cohort, row, cohort.masks()[cohort.rows(row.name)]) for _, row in cohort.split("validation").table.iterrows())
        values = fidelity.summary(fidelity.read_labels(network, real, device()), "_real")
        for split, suffix in (("validation", "_synthetic"), ("train", "_synthetic_train")):
            chosen = table[table["chosen"] & (table["split"] == split)]
            hearts = (_heart(painted, row.rename(row["id"]), masks) for row, masks in masks_of(chosen, cohort))
            values |= fidelity.summary(fidelity.read_labels(network, hearts, device()), suffix)
        values = {"ef_bias": values["ef_bias_synthetic"], "ef_mae": values["ef_mae_synthetic"]} | values
        rows = pd.DataFrame(values.items(), columns=["quantity", "value"]).round(5)
        rows.to_csv(folder / "label_fidelity.csv", index=False)


def _heart(cohort: Cohort, row: pd.Series, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Images and masks of a subject and the ml of one pixel. row: named by the id, with spacing_mm and slice_gap_mm."""
    pixel_ml = row["spacing_mm"] ** 2 * row["slice_gap_mm"] / 1000
    return np.asarray(cohort.images()[cohort.rows(row.name)]), np.asarray(masks), float(pixel_ml)
