"""Disagreement of regression and segmentation as an alarm: does it find the subjects that are measured badly?

An alarm is a number for each subject, in points of EF: the absolute difference of both methods' EF (``disagreement``), or the
deviation that the regression alone predicts for its EF (``sd``). A subject is measured badly where the absolute error of the
EF exceeds LIMITS. Read with care: where the segmentation is nearly right, the disagreement is the error of the regression.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score, roc_curve

from cardiosynth.judging.combination import PARTS, PairedReadings, pairs, upper_bound, widest
from cardiosynth.judging.measures import FEWEST_PATIENTS, patient_weights, share_interval

ALARMS = ("disagreement", "sd")
ERROR_OF = (*PARTS, "mean")
LIMITS = (5.0, 10.0)  # points
SPECIFICITY = 0.8  # of the threshold that validation subjects choose
CASE = ["dataset", "split", "error_of", "limit", "alarm"]
AREAS = ["auc", "auc_low", "auc_high", "auc_gain", "auc_gain_low", "auc_gain_high"]
SHARES = [f"{name}{end}" for name in ("sensitivity", "specificity") for end in ("", "_low", "_high")]


def alarms_of(pair: PairedReadings) -> dict[str, np.ndarray]:
    """Both alarms of n subjects in points of EF, each (n,)."""
    one, other = (pair.readings[method]["ef"].to_numpy() for method in PARTS)
    return {"disagreement": np.abs(one - other), "sd": pair.forecast.deviation("ef")}


def measured_badly(pair: PairedReadings, error_of: str, limit: float) -> np.ndarray:
    """Whose EF by a method is wrong by more than ``limit`` points, boolean (n,)."""
    return np.abs(pair.errors(error_of, "ef")) > limit


def judge_alarms(predictions: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """How well each alarm works, per dataset (widest split), method whose errors it should detect (``error_of``), and limit.

    auc: area under the ROC curve, with its percentile interval over patients, resampled among those measured badly and among
    the others (as Robin et al., BMC Bioinformatics 2011). auc_gain: area of ``disagreement`` less that of ``sd``, paired.
    threshold: the least that keeps a specificity of SPECIFICITY on further subjects like the validation subjects
    (``combination.upper_bound``), infinite where these are too few (n_validation: those measured well); sensitivity and
    specificity under it, with exact binomial intervals. Areas are empty, and ``reason`` says why, where fewer than
    FEWEST_PATIENTS are measured badly, or all but so few.
    """
    records = []
    for dataset, _, validation, judged in pairs(predictions):
        split, pair = widest(judged)
        scores, before = alarms_of(pair), alarms_of(validation)
        for error_of, limit in ((method, limit) for method in ERROR_OF for limit in LIMITS):
            badly, well = measured_badly(pair, error_of, limit), ~measured_badly(validation, error_of, limit)
            areas = {alarm: area(scores[alarm], badly, settings, seed) for alarm in ALARMS}
            for alarm in ALARMS:
                threshold = upper_bound(before[alarm][well], SPECIFICITY)
                records.append(dict(zip(CASE, (dataset, split, error_of, limit, alarm))) | {
                    "n": len(badly), "badly": int(badly.sum()), "reason": too_few(badly), **_areas(areas, alarm, settings),
                    "threshold": threshold, "n_validation": int(well.sum()),
                    **(under_threshold(scores[alarm] > threshold, badly, settings.confidence) if threshold < np.inf else {})})  # fmt: skip
    return pd.DataFrame(records, columns=[*CASE, "n", "badly", "reason", *AREAS, "threshold", "n_validation", *SHARES])


def curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """The ROC curves behind ``judge_alarms``: threshold, false_alarms (share of those measured well) and sensitivity."""
    tables = []
    for dataset, _, _, judged in pairs(predictions):
        split, pair = widest(judged)
        for error_of, limit in ((method, limit) for method in ERROR_OF for limit in LIMITS):
            badly = measured_badly(pair, error_of, limit)
            for alarm, score in alarms_of(pair).items() if not too_few(badly) else ():
                false_alarms, sensitivity, threshold = roc_curve(badly, score)
                table = pd.DataFrame({"threshold": threshold, "false_alarms": false_alarms, "sensitivity": sensitivity})
                tables.append(table.assign(**dict(zip(CASE, (dataset, split, error_of, limit, alarm)))))
    columns = [*CASE, "threshold", "false_alarms", "sensitivity"]
    return pd.concat(tables)[columns].reset_index(drop=True) if tables else pd.DataFrame(columns=columns)


def too_few(badly) -> str:
    """Why no curve is drawn for subjects of whom some are measured badly, boolean (n,); empty where one is."""
    count, n = int(np.sum(badly)), len(badly)
    if min(count, n - count) >= FEWEST_PATIENTS:
        return ""
    return f"{count} of {n} subjects err by more than the limit; at least {FEWEST_PATIENTS} must, and as many must not"


def area(score, badly, settings, seed: int) -> np.ndarray:
    """Area under the ROC curve, then that of every bootstrap draw: (1 + draws,), NaN where there are too few.

    The area is the share of pairs, one measured badly and one well, in which the first has the larger score (n,), ties
    counting half; a draw weighs the subjects of each kind.
    """
    if too_few(badly):
        return np.full(1 + settings.bootstrap_draws, np.nan)
    high, low = score[badly][:, None], score[~badly]
    won = (high > low) + 0.5 * (high == low)
    one = patient_weights(len(high), settings.bootstrap_draws, seed)
    other = patient_weights(len(low), settings.bootstrap_draws, seed + 1)  # another stream, should both be as many
    return np.append(roc_auc_score(badly, score), np.sum((one @ won) * other, axis=1))


def _areas(areas: dict[str, np.ndarray], alarm: str, settings) -> dict:
    """The area of one alarm and, for ``disagreement``, what it gains over ``sd``, with intervals."""
    tail = (1 - settings.confidence) / 2
    gain = areas[alarm] - areas["sd"] if alarm == "disagreement" else np.full(2, np.nan)
    values = [part for draws in (areas[alarm], gain) for part in (draws[0], *np.quantile(draws[1:], [tail, 1 - tail]))]
    return dict(zip(AREAS, values))


def under_threshold(raised, badly, confidence: float) -> dict:
    """Sensitivity and specificity of alarms raised for subjects measured badly or not, both boolean (n,)."""
    shares = {}
    for name, right in (("sensitivity", raised[badly]), ("specificity", ~raised[~badly])):
        shares |= dict(zip((name, f"{name}_low", f"{name}_high"), share_interval(int(right.sum()), len(right), confidence)))
    return shares
