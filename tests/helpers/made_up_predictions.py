"""A table of predictions with errors of a known size."""

import numpy as np
import pandas as pd


def predictions(edv_errors: dict, true_ef=(30.0, 50.0, 60.0, 75.0), dataset="phantom-a", sd_ml=np.nan, split="test"):
    """A table in which every heart has 100 ml at ED: edv_errors[(experiment, seed)] are added to the true EDV."""
    true_ef = np.asarray(true_ef, float)
    rows = []
    for (experiment, seed), errors in edv_errors.items():
        table = pd.DataFrame({"subject": [f"{split}-{i:03d}" for i in range(len(true_ef))], "true_ef": true_ef})
        table = table.assign(
            dataset=dataset,
            split=split,
            experiment=experiment,
            seed=seed,
            true_edv_ml=100.0,
            true_esv_ml=100 - true_ef,
            edv_ml=100 + np.asarray(errors, float),
            esv_ml=100 - true_ef,
            ef=true_ef,
            edv_sd_ml=sd_ml,
            esv_sd_ml=sd_ml,
            ef_sd=np.nan,
        )
        rows.append(table)
    return pd.concat(rows, ignore_index=True)
