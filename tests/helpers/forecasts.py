"""Predictions whose errors have the deviations that they state, for tests of uncertainty."""

import numpy as np
import pandas as pd


def predictions(n=40, splits=("validation", "test"), seeds=(1, 2), scale=1.0, rng_seed=0):
    """Trainings that all read the same: errors with the stated deviations of 8 and 6 ml, correlated by 0.5, times ``scale``."""
    rng, tables = np.random.default_rng(rng_seed), []
    for split in splits:
        truth = pd.DataFrame({"subject": [f"{split}-{i:03d}" for i in range(n)], "split": split, "true_edv_ml": rng.uniform(120, 200, n)})
        truth["true_esv_ml"] = truth.true_edv_ml * rng.uniform(0.3, 0.7, n)
        errors = scale * rng.multivariate_normal([0, 0], [[64, 24], [24, 36]], n)
        tables.append(truth.assign(edv_ml=truth.true_edv_ml + errors[:, 0], esv_ml=truth.true_esv_ml + errors[:, 1]))
    table = pd.concat(tables, ignore_index=True).assign(
        dataset="acdc", experiment="RSP", edv_sd_ml=8.0, esv_sd_ml=6.0, ef_sd=4.0, volume_correlation=0.5
    )
    table = table.assign(ef=100 - 100 * table.esv_ml / table.edv_ml, true_ef=100 - 100 * table.true_esv_ml / table.true_edv_ml)
    return pd.concat([table.assign(seed=seed) for seed in seeds], ignore_index=True)


def points(table):
    """The same predictions by a model that states no deviation."""
    return table.assign(experiment="segmentation", edv_sd_ml=np.nan, esv_sd_ml=np.nan, ef_sd=np.nan, volume_correlation=np.nan)
