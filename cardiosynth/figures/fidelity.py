"""Whether the painted hearts have the labels that were asked for."""

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.tables import Table

ROWS = {
    "lv_dice": "LV, Dice",
    "myocardium_dice": "myocardium, Dice",
    "rv_dice": "RV, Dice",
    "ef_bias": "EF read less EF asked for, points",
    "ef_mae": "mean absolute error of the EF, points",
    "edv_bias_ml": "EDV read less asked for, ml",
    "esv_bias_ml": "ESV read less asked for, ml",
}
COLUMNS = {"_real": "real, validation", "_synthetic": "painted, validation", "_synthetic_train": "painted, train"}


def label_fidelity(results: Results) -> Table:
    """The reader's finding in real and painted hearts."""
    values = results.table("label_fidelity").set_index("quantity")["value"]
    frame = pd.DataFrame({"": list(ROWS.values())} | {title: [values[name + suffix] for name in ROWS] for suffix, title in COLUMNS.items()})
    return Table(frame, f"What the reader, a U-Net trained on real hearts, finds in real and in painted ones. {results.origin(1)}", 2)
