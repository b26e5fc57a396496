"""Whether stated uncertainty holds: coverage of intervals, forecasts subject by subject, and their score.

All trainings of an experiment together make one forecast of each subject, their ensemble (``uncertainty.Forecast``). It is
judged as the trainings state it (``stated``) and with its covariance set right on validation subjects (``calibrated``);
validation subjects themselves are not judged by it. Volumes in ml, ejection fractions in percent.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom, kstwo

from cardiosynth.data.volumes import QUANTITIES, VOLUMES
from cardiosynth.judging.measures import FEWEST_PATIENTS, bootstrap_interval, crps_gaussian, crps_kaggle, share_interval
from cardiosynth.measuring.predictions import CELL, by_seed, check_predictions, error_correlation, has_spread, members, with_pooled
from cardiosynth.measuring.uncertainty import Calibration, Forecast

LEVELS = (0.5, 0.8, 0.9, 0.95)
TRUTHS = [f"true_{name}" for name in QUANTITIES]
SHARES = ("covered", "covered_low", "covered_high", "expected_low", "expected_high")
SDS = ["edv_sd_ml", "esv_sd_ml"]


def ensemble(rows: pd.DataFrame) -> tuple[Forecast, pd.DataFrame]:
    """The forecast of all trainings together, and the truth (n, columns TRUTHS) by subject in the same order.

    rows: the predictions of one experiment on one split of a dataset, with standard deviations.
    """
    rows = rows.assign(correlation=error_correlation(rows))
    mean, sd = (np.stack([by_seed(rows, name).to_numpy().T for name in names], axis=-1) for names in (VOLUMES, SDS))
    forecast = Forecast.of_seeds(mean, sd, by_seed(rows, "correlation").to_numpy().T)
    return forecast, rows.drop_duplicates("subject").set_index("subject")[TRUTHS].sort_index()


def calibrations(predictions: pd.DataFrame) -> pd.DataFrame:
    """``uncertainty.Calibration`` of every experiment and dataset: factor, power, reference volumes, subjects, trainings.

    Only experiments that state standard deviations and have FEWEST_PATIENTS validation subjects.
    """
    records = []
    rows = check_predictions(predictions)
    for cell, own in rows[(rows["split"] == "validation") & has_spread(rows)].groupby(CELL[:2], sort=False):
        forecast, truth = ensemble(own)
        if len(truth) >= FEWEST_PATIENTS:
            fitted = Calibration.fit(forecast, truth[TRUTHS[:2]])
            edv, esv = fitted.reference_ml
            records.append(dict(zip(CELL, cell)) | {
                "factor": fitted.factor, "power": fitted.power, "reference_edv_ml": edv, "reference_esv_ml": esv,
                "n": len(truth), "seeds": own["seed"].nunique()})  # fmt: skip
    return pd.DataFrame(records, columns=[*CELL[:2], "factor", "power", "reference_edv_ml", "reference_esv_ml", "n", "seeds"])


def by_experiment(predictions: pd.DataFrame) -> dict[tuple[str, str], Calibration]:
    """(experiment, dataset) -> its calibration, where it has one."""
    return {
        (c.experiment, c.dataset): Calibration(c.factor, c.power, (c.reference_edv_ml, c.reference_esv_ml))
        for c in calibrations(predictions).itertuples()
    }


def judged(predictions: pd.DataFrame):
    """Yield (experiment, dataset, split and which forecast as a dict, its rows, the Forecast, the truth) of what is judged.

    Every split but ``validation``; ``test`` and ``extra_test`` also together. ``calibrated`` only where there is a calibration.
    """
    rows = with_pooled(check_predictions(predictions))
    known = by_experiment(predictions)
    for cell, own in rows[(rows["split"] != "validation") & has_spread(rows)].groupby(CELL, sort=False):
        stated, truth = ensemble(own)
        yield dict(zip(CELL, cell)) | {"forecast": "stated"}, own, stated, truth
        if cell[:2] in known:
            yield dict(zip(CELL, cell)) | {"forecast": "calibrated"}, own, known[cell[:2]].apply(stated), truth


def coverage(predictions: pd.DataFrame, settings) -> pd.DataFrame:
    """How many true values lie in their central intervals, per experiment, dataset, split, forecast, group, quantity, level.

    covered: the share, with its exact binomial interval (Clopper and Pearson 1934). expected_low and expected_high: between
    them lies the share, with probability ``settings.confidence``, where the level is kept; ``holds`` says whether it does.
    """
    records = []
    for named, rows, forecast, truth in judged(predictions):
        groups = members(rows, truth.index)
        for quantity, level in ((quantity, level) for quantity in QUANTITIES for level in LEVELS):
            low, high = forecast.interval(quantity, level)
            inside = (low <= truth[f"true_{quantity}"]) & (truth[f"true_{quantity}"] <= high)
            for group, belongs in groups.items():
                records.append(
                    named
                    | {"group": group, "quantity": quantity, "level": level, "seeds": rows["seed"].nunique()}
                    | share_covered(inside.to_numpy()[belongs], level, settings.confidence)
                )
    return pd.DataFrame(records)


def share_covered(inside, level: float, confidence: float) -> dict:
    """Share of intervals of a level that hold the truth, inside (n,) boolean, with what is expected of n subjects."""
    n, count = len(inside), int(np.sum(inside))
    if n == 0:
        return {"n": 0, **dict.fromkeys(SHARES, np.nan), "holds": False}
    fewest, most = binom.interval(confidence, n, level)
    return {"n": n, **dict(zip(SHARES, (*share_interval(count, n, confidence), fewest / n, most / n))), "holds": bool(fewest <= count <= most)}


def by_subject(predictions: pd.DataFrame) -> pd.DataFrame:
    """Every forecast of every judged subject: the median, ``sd``, the truth and where it falls, per quantity.

    pit: the probability that the forecast gave to values up to the truth; uniform between 0 and 1 where the forecast is
    right (probability integral transform: Gneiting, Balabdaoui and Raftery, J R Stat Soc B 2007). sd: half of the central
    interval of 68.27 %, which is the standard deviation of a volume. Subjects of the pooled split stand once.
    """
    tables = []
    for named, _, forecast, truth in judged(predictions):
        for quantity in QUANTITIES if "+" not in named["split"] else ():
            table = pd.DataFrame(
                {
                    "subject": truth.index,
                    "quantity": quantity,
                    "median": forecast.quantile(quantity, 0.5),
                    "sd": forecast.deviation(quantity),
                    "truth": truth[f"true_{quantity}"].to_numpy(),
                    "pit": forecast.cdf(quantity, truth[f"true_{quantity}"].to_numpy()),
                }
            )
            tables.append(table.assign(**named))
    columns = [*CELL, "forecast", "subject", "quantity", "median", "sd", "truth", "pit"]
    return pd.concat(tables)[columns].reset_index(drop=True) if tables else pd.DataFrame(columns=columns)


def reliability(pit, confidence: float) -> pd.DataFrame:
    """Share of subjects whose pit (n,) is at most each nominal probability, and the exact Kolmogorov band of n uniform ones.

    Columns nominal, observed, low, high; the curve of a right forecast lies wholly in the band with probability ``confidence``.
    """
    nominal = np.linspace(0, 1, 101)
    observed = np.searchsorted(np.sort(pit), nominal, side="right") / len(pit)
    reach = kstwo.ppf(confidence, len(pit))
    return pd.DataFrame({"nominal": nominal, "observed": observed, "low": np.clip(nominal - reach, 0, 1), "high": np.clip(nominal + reach, 0, 1)})


def spread_and_error(rows: pd.DataFrame, bins: int, settings, seed: int) -> pd.DataFrame:
    """Root mean square of stated deviation and of error in ``bins`` equal groups of subjects, ordered by the deviation.

    rows: ``by_subject`` of one forecast and quantity. Columns sd, error, error_low, error_high (over subjects), n.
    """
    records = []
    for part in np.array_split(np.argsort(rows["sd"].to_numpy(), kind="stable"), min(bins, len(rows))):
        own = rows.iloc[part]
        squares = (own["median"] - own["truth"]).to_numpy() ** 2
        low, high = bootstrap_interval(lambda weights: np.sqrt(weights @ squares), len(own), settings, seed)
        records.append(
            {"sd": np.sqrt(np.mean(own["sd"] ** 2)), "error": np.sqrt(squares.mean()), "error_low": low, "error_high": high, "n": len(own)}
        )
    return pd.DataFrame(records)


def crps(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """CRPS of the predicted volumes per experiment, dataset, split and forecast: mean over patients and both volumes.

    crps_kaggle follows the challenge's 600 steps, crps_gaussian (ml) the closed form, also for each volume. forecast:
    ``normal``, the mean over trainings of the score of each, or ``point`` where a model states no standard deviation; and the
    score of their ensemble, as ``stated`` and as ``calibrated``.
    """
    records = []
    for cell, rows in with_pooled(check_predictions(predictions)).groupby(CELL, sort=False):
        scores = _scores(rows[list(VOLUMES)], rows.reindex(columns=SDS), rows[TRUTHS[:2]]).groupby(rows["subject"]).mean()
        kind = "normal" if has_spread(rows).all() else "point"
        records.append(dict(zip(CELL, cell)) | {"forecast": kind} | _summary(scores, rows, settings, seed))
    for named, rows, forecast, truth in judged(predictions):
        sd = np.sqrt(np.diagonal(forecast.covariance, axis1=1, axis2=2))
        records.append(named | _summary(_scores(forecast.mean, sd, truth[TRUTHS[:2]]), rows, settings, seed))
    return pd.DataFrame(records)


def _scores(mean, sd, truth: pd.DataFrame) -> pd.DataFrame:
    """Both scores of every row, as means over EDV and ESV, and the closed form of each volume."""
    gaussian = crps_gaussian(mean, sd, truth)
    table = pd.DataFrame(gaussian, truth.index, [f"crps_gaussian_{name}" for name in VOLUMES])
    return table.assign(crps_kaggle=crps_kaggle(mean, sd, truth).mean(axis=1), crps_gaussian=gaussian.mean(axis=1))


def _summary(scores: pd.DataFrame, rows: pd.DataFrame, settings, seed: int) -> dict:
    """Means over patients with the intervals of the two scores."""
    record = {"seeds": rows["seed"].nunique(), "n": len(scores)} | scores.mean().to_dict()
    for name in ("crps_kaggle", "crps_gaussian"):
        values = scores[name].to_numpy()
        low, high = bootstrap_interval(lambda weights: weights @ values, len(values), settings, seed)
        record |= {f"{name}_low": low, f"{name}_high": high}
    return record
