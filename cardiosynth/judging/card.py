"""The card of a model: what it learnt from, how well it measures subjects it has never seen, and what it is not for.

After Mitchell et al., Model cards for model reporting (FAT* 2019). It holds counts and ranges, but nothing of a single subject.
"""

import pandas as pd

from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.judging.calibration import ensemble
from cardiosynth.judging.measures import rmse
from cardiosynth.measuring.uncertainty import Calibration

LEVEL = 0.9  # of the intervals whose coverage is stated
WORDS = {"edv_ml": "EDV, ml", "esv_ml": "ESV, ml", "ef": "EF, points"}
RANGES = {
    "edv_ml": "EDV, ml", "esv_ml": "ESV, ml", "ef": "EF, %", "slices": "slices between base and apex", "slice_gap_mm": "slice gap, mm",
    "pixel_mm": "pixel of the scan, mm", "cut_percent": "crop outside the image, %",
}  # fmt: skip
NOT_A_DEVICE = "Not a medical device. For research only; not for the diagnosis or treatment of anybody."


def held_out(predictions: pd.DataFrame, calibration: Calibration) -> list[dict]:
    """Bias, RMSE and coverage (percent) of the calibrated 90 % intervals of the ensemble, a row for each split and quantity.

    predictions: rows of predictions.csv of one experiment on one dataset, of all its seeds.
    """
    rows = []
    for split, own in predictions.groupby("split"):
        forecast, truth = ensemble(own)
        forecast = calibration.apply(forecast)
        for quantity in QUANTITIES:
            value = forecast.ef if quantity == "ef" else forecast.mean[:, QUANTITIES.index(quantity)]
            true, (low, high) = truth[f"true_{quantity}"].to_numpy(), forecast.interval(quantity, LEVEL)
            coverage = 100 * float(((true >= low) & (true <= high)).mean())
            errors = value - true
            rows.append(
                {
                    "split": split,
                    "subjects": len(truth),
                    "quantity": quantity,
                    "bias": round(float(errors.mean()), 2),
                    "rmse": round(float(rmse(errors)), 2),
                    "coverage_percent": round(coverage, 1),
                }
            )
    return rows


def written(card: dict) -> str:
    """card.md: the card as a page."""
    subjects = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in card["subjects"].items())
    seen = [f"| {RANGES[name]} | {low:g} | {high:g} |" for name, (low, high) in card["seen"].items()]
    scores = [
        f"| {row['split']} | {row['subjects']} | {WORDS[row['quantity']]} | {row['bias']:.1f} | {row['rmse']:.1f} | {row['coverage_percent']:.0f} |"
        for row in card["held_out"]
    ]
    return "\n".join([
        f"# {card['title']}", "", NOT_A_DEVICE, "",
        "## What it is", "",
        f"SFERA networks of the seeds {', '.join(map(str, card['seeds']))}, averaged, that read EDV, ESV and EF from "
        f"short-axis cine MRI at ED and ES, at {card['size_px']} x {card['size_px']} pixels over {card['extent_mm']:g} mm. "
        f"Experiment {card['experiment']}: trained on synthetic subjects first, then on real ones. Study `{card['study']}`.", "",
        "## What it learnt from", "",
        f"{card['data']}: {subjects}. Before that, {card['synthetic']['train']} synthetic subjects (and {card['synthetic']['validation']} for "
        "validation) whose masks were made from the training and validation subjects.", *([card["licence"]] if card["licence"] else []), "",
        "| of the training subjects | lowest | highest |", "| --- | --- | --- |", *seen, "",
        "## How well it measures", "",
        f"Subjects that no training saw; mean error, root mean square error, and how many of the {100 * LEVEL:.0f} % intervals hold the "
        "truth. The validation subjects chose the epoch and set the width of the intervals.", "",
        "| split | subjects | quantity | bias | RMSE | coverage, % |", "| --- | --- | --- | --- | --- | --- |", *scores, "",
        "## Unlike the training data", "",
        f"What the first layers see of a new scan is compared with the training subjects. One of the same kind lies beyond all "
        f"{card['familiarity']['validation']} validation subjects with probability {card['familiarity']['false_alarm']:.3f}; of the test "
        f"subjects {card['familiarity']['test_beyond_percent']:.0f} % did, and {card['familiarity']['test_warned_percent']:.0f} % had a warning "
        "of any kind.", "",
        "## Limits", "", *(f"- {limit}" for limit in card["limits"]), "",
    ])  # fmt: skip
