"""From the predictions table to the results tables: errors, intervals, agreement and tests.

Intervals of an error are over patients: a training seed is not a patient, so within each bootstrap draw of
patients the statistic is the mean over seeds, and the spread over seeds is reported on its own. Intervals of
the difference of two experiments are over patients and trainings. Errors are always prediction minus truth;
volumes are in ml, ejection fractions in percent. Where a dataset has them, ``test`` and ``extra_test`` are
judged apart and together (``predictions.with_pooled``).
"""

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.judging.measures import (
    bland_altman,
    bootstrap_interval,
    bootstrap_mae,
    bootstrap_rmse,
    joint_interval,
    kruskal_p,
    mae,
    patient_mae,
    pearson,
    rmse,
    wilcoxon_p,
)
from cardiosynth.judging.paper import DIFFERENCES, claims
from cardiosynth.measuring.predictions import CELL, by_seed, check_predictions, errors_by_seed, members, with_pooled

COMPARISONS = (
    ("RSO", "RSP"),
    ("RSO", "RSA"),
    ("RSA", "RSP"),
    ("RSP", "RSP-half-random"),
    ("RSP", "RSP-half-matched"),
    ("RSP-half-random", "RSP-half-matched"),
    ("RSP", "segmentation"),
)
CASE = ["first", "second", "dataset", "split", "group", "quantity"]
TESTS_COLUMNS = [*CASE, "kruskal_p", "wilcoxon_p", *DIFFERENCES, "n", "seeds_first", "seeds_second"]


def error_summary(predicted, truth, settings, seed: int) -> dict:
    """RMSE, MAE (mean over seeds, interval over patients) and correlation of predicted (patients, seeds).

    rmse_sd is the SD of the RMSE over seeds, NaN for one seed. pearson is the mean over seeds, pearson_p
    the largest p of any seed. settings: ``sections.Statistics``.
    """
    errors = predicted - truth[:, None]
    n, seeds = errors.shape
    summary = dict.fromkeys(("rmse", "rmse_sd", "rmse_low", "rmse_high", "mae", "mae_low", "mae_high", "pearson", "pearson_p"), np.nan)
    if n:
        low, high = bootstrap_interval(lambda weights: bootstrap_rmse(errors, weights), n, settings, seed)
        mae_low, mae_high = bootstrap_interval(lambda weights: bootstrap_mae(errors, weights), n, settings, seed)
        correlations = np.array([pearson(column, truth) for column in predicted.T])
        summary |= {
            "rmse": rmse(errors).mean(),
            "rmse_low": low,
            "rmse_high": high,
            "rmse_sd": rmse(errors).std(ddof=1) if seeds > 1 else np.nan,
            "mae": mae(errors).mean(),
            "mae_low": mae_low,
            "mae_high": mae_high,
            "pearson": correlations[:, 0].mean(),
            "pearson_p": correlations[:, 1].max(),
        }
    return summary | {"n": n, "seeds": seeds}


def table1(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """The paper's Table 1 for every experiment, dataset, split, group and quantity, in long form."""
    records = []
    for cell, rows in with_pooled(check_predictions(predictions)).groupby(CELL, sort=False):
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
    for cell, rows in with_pooled(check_predictions(predictions)).groupby(CELL, sort=False):
        for quantity in QUANTITIES:
            predicted, truth = by_seed(rows, quantity).mean(axis=1), by_seed(rows, f"true_{quantity}").iloc[:, 0]
            limits = bland_altman(predicted, truth, settings.confidence)
            records.append(dict(zip(CELL, cell)) | {"quantity": quantity} | limits | {"seeds": rows.seed.nunique()})
    return pd.DataFrame(records)


def differences(predictions: pd.DataFrame) -> pd.DataFrame:
    """The points of a Bland-Altman plot, one row a subject and quantity, for every experiment and dataset.

    predictions: rows of one split. Several seeds count as one predictor, as for ``agreement``. Columns: experiment, dataset,
    subject, quantity, mean of predicted and true value, and difference, predicted minus true; ml for volumes, percent for EF.
    """
    averaged = predictions.groupby(["experiment", "dataset", "subject"], as_index=False, sort=False).mean(numeric_only=True)
    tables = []
    for quantity in QUANTITIES:
        predicted, true = averaged[quantity], averaged[f"true_{quantity}"]
        keys = averaged[["experiment", "dataset", "subject"]]
        tables.append(keys.assign(quantity=quantity, mean=(predicted + true) / 2, difference=predicted - true))
    return pd.concat(tables, ignore_index=True)


def compare(first, second, settings, seed: int, paired: bool = False) -> dict:
    """Two experiments on the same patients: errors (patients, seeds of the first) and (patients, seeds of the second).

    rmse_difference is RMSE(first) - RMSE(second), means over trainings, positive where the second is better;
    mae_difference likewise. Their intervals are over patients and trainings (``measures.joint_interval``; paired:
    the trainings have the same seeds). The rank tests take each patient's absolute error, mean over seeds.
    """
    n = len(first)
    absolute = patient_mae(first), patient_mae(second)
    comparison = {"kruskal_p": kruskal_p(*absolute), "wilcoxon_p": wilcoxon_p(*absolute)}
    for name, measure, resampled in (("rmse", rmse, bootstrap_rmse), ("mae", mae, bootstrap_mae)):
        low, high = joint_interval(resampled, first, second, paired, settings, seed)
        comparison |= {
            f"{name}_difference": measure(first).mean() - measure(second).mean() if n else np.nan,
            f"{name}_difference_low": low,
            f"{name}_difference_high": high,
        }
    return comparison | {"n": n, "seeds_first": first.shape[1], "seeds_second": second.shape[1]}


def family() -> set[tuple]:
    """The comparisons that were stated beforehand: (first, second, group, quantity) of every claim that has a direction.

    Only these are confirmatory, and their tests are adjusted for their number; all others are exploratory. Claims of no
    difference are judged by their margin, not by a test.
    """
    directed = claims().query("expected != 'equal'")
    return set(directed[["first", "second", "group", "quantity"]].itertuples(index=False, name=None))


def tests(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """COMPARISONS per dataset, split, group and quantity, on the patients that both experiments predict.

    wilcoxon_p_holm is adjusted (Holm 1979) over ``family`` within one dataset and split, and empty for all others.
    """
    records = []
    blocks = with_pooled(check_predictions(predictions)).groupby(["dataset", "split"], sort=False)
    for (dataset, split), block in blocks:
        experiments = dict(list(block.groupby("experiment")))
        for first, second in COMPARISONS:
            if first in experiments and second in experiments:
                named = {"first": first, "second": second, "dataset": dataset, "split": split}
                records += [named | record for record in _compare_groups(experiments[first], experiments[second], settings, seed)]
    table = pd.DataFrame(records, columns=TESTS_COLUMNS)
    stated = [key in family() for key in table[["first", "second", "group", "quantity"]].itertuples(index=False, name=None)]
    confirmatory = table.wilcoxon_p.where(np.array(stated, bool))
    table["wilcoxon_p_holm"] = confirmatory.groupby([table.dataset, table.split]).transform(_holm)
    return table


def _compare_groups(first: pd.DataFrame, second: pd.DataFrame, settings, seed: int):
    """Rows of the tests table for two experiments on one dataset and split."""
    for quantity in QUANTITIES:
        errors = errors_by_seed(first, quantity), errors_by_seed(second, quantity)
        shared = errors[0].index.intersection(errors[1].index)
        one, other = (table.loc[shared].to_numpy() for table in errors)
        paired = errors[0].columns.equals(errors[1].columns)
        for group, belongs in members(first, shared).items():
            yield {"group": group, "quantity": quantity} | compare(one[belongs], other[belongs], settings, seed, paired)


def _holm(p: pd.Series) -> pd.Series:
    adjusted, known = p.copy(), p.notna()
    if known.any():
        adjusted[known] = multipletests(p[known], method="holm")[1]
    return adjusted
