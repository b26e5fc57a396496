"""Regression and segmentation of the same subjects: what both read, one reading made of two, and its errors.

The regression is the ensemble of all trainings of REGRESSION, the segmentation the U-Net (mean over its trainings, where it
has several). Each quantity is combined by itself, EF as EF: most of an error that both volumes of one method share cancels in
its EF, and would come back where EDV and ESV were mixed in different proportions. Volumes in ml, EF in percent.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cardiosynth.data.volumes import QUANTITIES, VOLUMES, ejection_fraction
from cardiosynth.judging.calibration import ensemble
from cardiosynth.judging.measures import FEWEST_PATIENTS, bootstrap_interval, bootstrap_mae, bootstrap_rmse
from cardiosynth.measuring.predictions import POOLED, by_seed, check_predictions, has_spread, members, with_pooled
from cardiosynth.measuring.uncertainty import Forecast

REGRESSION, SEGMENTATION = "RSP", "segmentation"
PARTS = ("regression", "segmentation")
COMBINED = ("mean", "weighted")
MEASURES = {"rmse": bootstrap_rmse, "mae": bootstrap_mae}
COLUMNS = ["dataset", "split", "group", "quantity", "measure", "method", "against", "value", "low", "high", "n", "weight", "n_validation"]


@dataclass(frozen=True)
class PairedReadings:
    """What both methods say of the same n subjects.

    readings: by method a table (n, QUANTITIES). truth: (n, ``calibration.TRUTHS``). forecast: the regression's distributions.
    Rows are subjects, in the same order.
    """

    readings: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    forecast: Forecast

    def errors(self, method: str, quantity: str) -> np.ndarray:
        """Reading minus truth, (n,)."""
        return self.readings[method][quantity].to_numpy() - self.truth[f"true_{quantity}"].to_numpy()

    def combine(self, weight: pd.Series) -> "PairedReadings":
        """Both, with the readings COMBINED. weight: of the segmentation, by quantity."""
        regression, segmentation = (self.readings[method] for method in PARTS)
        mixtures = {name: share * segmentation + (1 - share) * regression for name, share in (("mean", 0.5), ("weighted", weight))}
        return PairedReadings(self.readings | mixtures, self.truth, self.forecast)


def pair(rows: pd.DataFrame) -> PairedReadings:
    """Both methods on the subjects of one split of a dataset that both predict. rows: of the predictions table."""
    named = [rows[rows["experiment"] == name] for name in (REGRESSION, SEGMENTATION)]
    shared = set(named[0]["subject"]) & set(named[1]["subject"])
    regression, segmentation = (part[part["subject"].isin(shared)] for part in named)
    forecast, truth = ensemble(regression)
    volumes = {"regression": forecast.mean.T, "segmentation": [by_seed(segmentation, name).mean(axis=1) for name in VOLUMES]}
    readings = {
        method: pd.DataFrame(dict(zip(QUANTITIES, (*map(np.asarray, two), ejection_fraction(*two)))), truth.index) for method, two in volumes.items()
    }
    return PairedReadings(readings, truth, forecast)


def weights(validation: PairedReadings) -> pd.Series:
    """Weight of the segmentation by quantity, between 0 and 1; the regression has the rest.

    Inversely as the mean squared errors on validation subjects (Bates and Granger, Oper Res Q 1969, leaving out the
    covariance of the errors, which few subjects do not tell); halves where both are without error.
    """
    regression, segmentation = (pd.Series({q: np.mean(validation.errors(method, q) ** 2) for q in QUANTITIES}) for method in PARTS)
    return (regression / (regression + segmentation)).fillna(0.5)


def pairs(predictions: pd.DataFrame):
    """Yield (dataset, the weights, validation subjects as a PairedReadings, {split: PairedReadings} of the others), all combined.

    Only datasets that both methods predict, the regression with standard deviations, and with FEWEST_PATIENTS validation
    subjects: they choose every weight and threshold, and the others only report. ``test`` and ``extra_test`` also together.
    """
    rows = with_pooled(check_predictions(predictions))
    rows = rows[(rows["experiment"] == SEGMENTATION) | ((rows["experiment"] == REGRESSION) & has_spread(rows))]
    for dataset, own in rows.groupby("dataset", sort=False):
        splits = {split: pair(part) for split, part in own.groupby("split", sort=False) if part["experiment"].nunique() == 2}
        validation = splits.pop("validation", None)
        if splits and validation is not None and len(validation.truth) >= FEWEST_PATIENTS:
            weight = weights(validation)
            yield dataset, weight, validation.combine(weight), {split: readings.combine(weight) for split, readings in splits.items()}


def widest(judged: dict[str, PairedReadings]) -> tuple[str, PairedReadings]:
    """The split with the most subjects, ``test`` and ``extra_test`` together where a dataset has both, and its PairedReadings."""
    split = POOLED if POOLED in judged else max(judged, key=lambda name: len(judged[name].truth))
    return split, judged[split]


def upper_bound(values, level: float) -> float:
    """What another value, exchangeable with the n given ones, does not exceed with probability ``level`` at least.

    The k-th smallest, k = ceil((n + 1) level) (split conformal prediction: Vovk, Gammerman and Shafer, Algorithmic Learning
    in a Random World, 2005); infinite where that is more than there are.
    """
    k = int(np.ceil((len(values) + 1) * level - 1e-9))
    return float(np.sort(values)[k - 1]) if k <= len(values) else np.inf


def combined(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """Errors of each method and of both together, and their differences, per dataset, split, group and quantity.

    Columns COLUMNS. measure: ``rmse`` or ``mae``. value: the measure of ``method``, less that of ``against`` where there is
    one, so that it is negative where combining helps; with its percentile interval over patients, the same draws for both.
    Each method is one predictor, so the intervals do not hold what other trainings would change. weight: of the segmentation.
    settings: ``sections.Statistics``.
    """
    comparisons = [(method, "") for method in (*PARTS, *COMBINED)] + [(method, part) for method in COMBINED for part in PARTS]
    records = []
    for dataset, weight, validation, judged in pairs(predictions):
        share = {
            "regression": dict.fromkeys(QUANTITIES, 0.0),
            "segmentation": dict.fromkeys(QUANTITIES, 1.0),
            "mean": dict.fromkeys(QUANTITIES, 0.5),
            "weighted": weight,
        }
        for split, both in judged.items():
            for group, belongs in members(both.truth.reset_index(), both.truth.index).items():
                for quantity in QUANTITIES:
                    errors = {method: both.errors(method, quantity)[belongs, None] for method in share} | {"": np.zeros((belongs.sum(), 1))}
                    named = {"dataset": dataset, "split": split, "group": group, "quantity": quantity}
                    records += [
                        named
                        | {"measure": measure, "method": method, "against": against}
                        | _difference(of, errors[method], errors[against], settings, seed)
                        | {"weight": share[method][quantity], "n_validation": len(validation.truth)}
                        for method, against in comparisons
                        for measure, of in MEASURES.items()
                    ]
    return pd.DataFrame(records, columns=COLUMNS)


def _difference(measure, first, second, settings, seed: int) -> dict:
    """measure(first) - measure(second) of errors (patients, 1), with its interval."""
    n = len(first)
    low, high = bootstrap_interval(lambda draws: measure(first, draws) - measure(second, draws), n, settings, seed)
    whole = np.full((1, n), 1 / max(n, 1))
    value = float((measure(first, whole) - measure(second, whole))[0]) if n else np.nan
    return {"value": value, "low": low, "high": high, "n": n}
