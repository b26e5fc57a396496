"""Predictions of regression and segmentation with EFs given by hand: every EDV is 100 ml, so that ESV = 100 - EF."""

import numpy as np
import pandas as pd

SD = 5.0  # of both volumes


def readings(truth, regression, segmentation, split="test", dataset="acdc") -> pd.DataFrame:
    """One training of each. truth, regression, segmentation: EF in percent, (n,)."""
    tables = []
    for experiment, ef in (("RSP", regression), ("segmentation", segmentation)):
        ef, true_ef = np.broadcast_to(ef, len(truth)).astype(float), np.asarray(truth, float)
        sd = SD if experiment == "RSP" else np.nan
        tables.append(pd.DataFrame({
            "subject": [f"{split}-{i:03d}" for i in range(len(truth))], "dataset": dataset, "split": split, "experiment": experiment, "seed": 1,
            "edv_ml": 100.0, "esv_ml": 100 - ef, "ef": ef, "edv_sd_ml": sd, "esv_sd_ml": sd, "ef_sd": sd, "volume_correlation": 0 * sd,
            "true_edv_ml": 100.0, "true_esv_ml": 100 - true_ef, "true_ef": true_ef}))  # fmt: skip
    return pd.concat(tables, ignore_index=True)
