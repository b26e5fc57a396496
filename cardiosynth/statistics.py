"""From the predictions table to the results tables: errors, intervals, agreement, tests and CRPS.

Every interval is over patients. A training seed is not a patient: within each bootstrap draw of
patients the statistic is the mean over seeds, and the spread over seeds is reported on its own.
Errors are always prediction minus truth; volumes are in ml, ejection fractions in percent.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from cardiosynth.measures import (
    bland_altman,
    bootstrap_interval,
    bootstrap_rmse,
    crps_gaussian,
    crps_kaggle,
    kruskal_p,
    mae,
    patient_mae,
    pearson,
    rmse,
    wilcoxon_p,
)
from cardiosynth.predictions import (  # noqa: F401 (groups and reader are part of this module's face)
    CELL,
    GROUPS,
    QUANTITIES,
    VOLUMES,
    by_seed,
    check_predictions,
    errors_by_seed,
    group_of,
    has_spread,
    members,
    read_predictions,
)

COMPARISONS = (
    ("RSO", "RSP"),
    ("RSO", "RSA"),
    ("RSA", "RSP"),
    ("RSP", "RSP-half-random"),
    ("RSP", "RSP-half-matched"),
    ("RSP-half-random", "RSP-half-matched"),
    ("RSP", "segmentation"),
)
TESTS_COLUMNS = [
    "first", "second", "dataset", "split", "group", "quantity", "kruskal_p", "wilcoxon_p", "rmse_difference",
    "rmse_difference_low", "rmse_difference_high", "rmse_difference_seed_se", "n", "seeds_first", "seeds_second",
]


def error_summary(predicted, truth, settings, seed: int) -> dict:
    """RMSE, MAE (mean over seeds, interval over patients) and correlation of predicted (patients, seeds).

    rmse_sd is the SD of the RMSE over seeds, NaN for one seed. pearson is the mean over seeds, pearson_p
    the largest p of any seed. settings: ``sections.Statistics``.
    """
    errors = predicted - truth[:, None]
    n, seeds = errors.shape
    summary = dict.fromkeys(("rmse", "rmse_sd", "rmse_low", "rmse_high", "mae", "mae_low", "mae_high",
                             "pearson", "pearson_p"), np.nan)
    if n:
        low, high = bootstrap_interval(lambda weights: bootstrap_rmse(errors, weights), n, settings, seed)
        mae_low, mae_high = bootstrap_interval(lambda weights: weights @ patient_mae(errors), n, settings, seed)
        correlations = np.array([pearson(column, truth) for column in predicted.T])
        summary |= {"rmse": rmse(errors).mean(), "rmse_low": low, "rmse_high": high,
                    "rmse_sd": rmse(errors).std(ddof=1) if seeds > 1 else np.nan,
                    "mae": mae(errors).mean(), "mae_low": mae_low, "mae_high": mae_high,
                    "pearson": correlations[:, 0].mean(), "pearson_p": correlations[:, 1].max()}
    return summary | {"n": n, "seeds": seeds}


def table1(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """The paper's Table 1 for every experiment, dataset, split, group and quantity, in long form."""
    records = []
    for cell, rows in check_predictions(predictions).groupby(CELL, sort=False):
        for quantity in QUANTITIES:
            predicted, truth = by_seed(rows, quantity), by_seed(rows, f"true_{quantity}").to_numpy()[:, 0]
            for group, belongs in members(rows, predicted.index).items():
                summary = error_summary(predicted.to_numpy()[belongs], truth[belongs], settings, seed)
                records.append(dict(zip(CELL, cell)) | {"group": group, "quantity": quantity} | summary)
    return pd.DataFrame(records)


def agreement(predictions: pd.DataFrame, settings) -> pd.DataFrame:
    """Bland-Altman per experiment, dataset, split and quantity.

    Several seeds count as one predictor: the prediction of a patient is the mean over seeds, since repeated
    predictions of one patient are not independent differences.
    """
    records = []
    for cell, rows in check_predictions(predictions).groupby(CELL, sort=False):
        for quantity in QUANTITIES:
            predicted, truth = by_seed(rows, quantity).mean(axis=1), by_seed(rows, f"true_{quantity}").iloc[:, 0]
            found = bland_altman(predicted, truth, settings.confidence)
            records.append(dict(zip(CELL, cell)) | {"quantity": quantity} | found | {"seeds": rows.seed.nunique()})
    return pd.DataFrame(records)


def compare(first, second, settings, seed: int) -> dict:
    """Two experiments on the same patients: errors (patients, seeds of the first) and (patients, seeds of the second).

    rmse_difference is RMSE(first) - RMSE(second), positive where the second is better, with its paired
    bootstrap interval over patients. Its standard error over trainings, rmse_difference_seed_se, comes from
    the SDs over seeds and is NaN where either has one seed: then the interval knows of one training only.
    The rank tests take each patient's absolute error, mean over seeds.
    """
    n = len(first)
    low, high = bootstrap_interval(
        lambda weights: bootstrap_rmse(first, weights) - bootstrap_rmse(second, weights), n, settings, seed)
    absolute = patient_mae(first), patient_mae(second)
    return {"kruskal_p": kruskal_p(*absolute), "wilcoxon_p": wilcoxon_p(*absolute),
            "rmse_difference": rmse(first).mean() - rmse(second).mean() if n else np.nan,
            "rmse_difference_low": low, "rmse_difference_high": high,
            "rmse_difference_seed_se": np.sqrt(_seed_variance(first) + _seed_variance(second)), "n": n,
            "seeds_first": first.shape[1], "seeds_second": second.shape[1]}


def _seed_variance(errors) -> float:
    """Variance of the mean RMSE over seeds; NaN for one seed or no patients."""
    patients, seeds = errors.shape
    return rmse(errors).var(ddof=1) / seeds if seeds > 1 and patients else np.nan


def tests(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """COMPARISONS per dataset, split, group and quantity, on the patients that both experiments predict.

    wilcoxon_p_holm is adjusted (Holm 1979) over all tests of one dataset and split.
    """
    records = []
    for (dataset, split), block in check_predictions(predictions).groupby(["dataset", "split"], sort=False):
        experiments = dict(list(block.groupby("experiment")))
        for first, second in COMPARISONS:
            if first in experiments and second in experiments:
                named = {"first": first, "second": second, "dataset": dataset, "split": split}
                records += [named | record for record in
                            _compare_groups(experiments[first], experiments[second], settings, seed)]
    table = pd.DataFrame(records, columns=TESTS_COLUMNS)
    table["wilcoxon_p_holm"] = table.groupby(["dataset", "split"]).wilcoxon_p.transform(_holm)
    return table


def _compare_groups(first: pd.DataFrame, second: pd.DataFrame, settings, seed: int):
    """Rows of the tests table for two experiments on one dataset and split."""
    for quantity in QUANTITIES:
        errors = errors_by_seed(first, quantity), errors_by_seed(second, quantity)
        shared = errors[0].index.intersection(errors[1].index)
        one, other = (table.loc[shared].to_numpy() for table in errors)
        for group, belongs in members(first, shared).items():
            yield {"group": group, "quantity": quantity} | compare(one[belongs], other[belongs], settings, seed)


def _holm(p: pd.Series) -> pd.Series:
    adjusted, known = p.copy(), p.notna()
    if known.any():
        adjusted[known] = multipletests(p[known], method="holm")[1]
    return adjusted


def crps(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """CRPS of the predicted volumes per experiment, dataset and split: mean over patients, both volumes and seeds.

    crps_kaggle follows the challenge's 600 steps, crps_gaussian (ml) the closed form, also for each volume.
    forecast says what was scored: ``normal``, or ``point`` where a model states no standard deviation.
    """
    records = []
    for cell, rows in check_predictions(predictions).groupby(CELL, sort=False):
        scores = _volume_scores(rows)
        per_patient = scores.groupby(rows.subject).mean()
        record = dict(zip(CELL, cell)) | {"seeds": rows.seed.nunique(), "n": len(per_patient),
                                          "forecast": "normal" if has_spread(rows).all() else "point"}
        for name in ("crps_kaggle", "crps_gaussian"):
            values = per_patient[name].to_numpy()
            low, high = bootstrap_interval(lambda weights: weights @ values, len(values), settings, seed)
            record |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
        volumes = [f"crps_gaussian_{name}" for name in VOLUMES]
        records.append(record | per_patient[volumes].mean().to_dict())
    return pd.DataFrame(records)


def _volume_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Both scores of every row, as means over EDV and ESV, and the closed form of each volume."""
    mean, truth = rows[list(VOLUMES)], rows[[f"true_{name}" for name in VOLUMES]]
    sd = rows.reindex(columns=["edv_sd_ml", "esv_sd_ml"])
    gaussian = crps_gaussian(mean, sd, truth)
    table = pd.DataFrame(gaussian, rows.index, [f"crps_gaussian_{name}" for name in VOLUMES])
    return table.assign(crps_kaggle=crps_kaggle(mean, sd, truth).mean(axis=1), crps_gaussian=gaussian.mean(axis=1))
