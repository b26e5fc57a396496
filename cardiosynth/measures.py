"""Measures of error, agreement and forecast: arrays in, numbers out.

Errors are prediction minus truth. Every interval is over patients: a training seed is not a patient,
so within each bootstrap draw of patients the statistic is the mean over seeds.
"""

from functools import lru_cache

import numpy as np
import scoringrules
from scipy import stats

LIMITS_SD = 1.96  # limits of agreement, bias +- 1.96 SD (Bland and Altman 1986; paper, Methods)
FEWEST_PATIENTS = 5  # below this a bootstrap interval says nothing and the cell stays empty
KAGGLE_STEPS_ML = np.arange(600)  # the thresholds of the Kaggle score, 0 to 599 ml


def rmse(errors):
    """Root mean square over patients: (patients, ...) -> (...)."""
    return np.sqrt(np.mean(np.square(errors), axis=0))


def mae(errors):
    """Mean absolute error over patients: (patients, ...) -> (...)."""
    return np.mean(np.abs(errors), axis=0)


def patient_mae(errors):
    """Absolute error of every patient, mean over seeds: (patients, seeds) -> (patients,)."""
    return np.abs(errors).mean(axis=1)


@lru_cache(maxsize=8)
def patient_weights(n: int, draws: int, seed: int) -> np.ndarray:
    """Bootstrap draws of n patients as weights (draws, n): how often each was drawn, over n."""
    drawn = np.random.default_rng([seed, n]).integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n) / n


def bootstrap_rmse(errors, weights) -> np.ndarray:
    """RMSE of every draw, mean over seeds: errors (patients, seeds), weights (draws, patients) -> (draws,)."""
    return np.sqrt(weights @ np.square(errors)).mean(axis=1)


def bootstrap_interval(statistic, n: int, settings, seed: int) -> tuple[float, float]:
    """Percentile interval (Efron 1979) of ``statistic(weights)`` over draws of n patients; NaN for too few."""
    if n < FEWEST_PATIENTS:
        return np.nan, np.nan
    tail = (1 - settings.confidence) / 2
    low, high = np.quantile(statistic(patient_weights(n, settings.bootstrap_draws, seed)), [tail, 1 - tail])
    return float(low), float(high)


def pearson(prediction, truth) -> tuple[float, float]:
    """Pearson correlation and its two-sided p; NaN for fewer than three patients or a constant column."""
    if len(truth) < 3 or np.ptp(prediction) == 0 or np.ptp(truth) == 0:
        return np.nan, np.nan
    return tuple(stats.pearsonr(prediction, truth))


def bland_altman(prediction, truth, confidence: float = 0.95) -> dict:
    """Bland-Altman agreement of prediction (patients,) with truth (patients,), in their unit.

    Bias with its t interval; limits of agreement bias +- 1.96 SD. The interval of each limit is the exact
    one under normal differences, from the noncentral t distribution (Carkeet, Optom Vis Sci 2015), not the
    large-sample approximation of Bland and Altman (1999). NaN where there are fewer than two patients.
    """
    difference = np.asarray(prediction, float) - np.asarray(truth, float)
    n, tails = len(difference), np.array([1 - confidence, 1 + confidence]) / 2
    bias = difference.mean() if n else np.nan
    sd, unit = (difference.std(ddof=1), stats.t.ppf(tails, n - 1)) if n > 1 else (np.nan, np.full(2, np.nan))
    factor = stats.nct.ppf(tails, n - 1, LIMITS_SD * np.sqrt(n)) if n > 1 else unit
    bias_low, bias_high = bias + unit * sd / np.sqrt(n or 1)
    near, far = factor * sd / np.sqrt(n or 1)
    return {"bias": bias, "bias_low": bias_low, "bias_high": bias_high,
            "lower_limit": bias - LIMITS_SD * sd, "lower_limit_low": bias - far, "lower_limit_high": bias - near,
            "upper_limit": bias + LIMITS_SD * sd, "upper_limit_low": bias + near, "upper_limit_high": bias + far,
            "sd": sd, "n": n}


def kruskal_p(first, second) -> float:
    """Kruskal-Wallis p of two samples of absolute errors, as the paper tests them.

    The test takes the samples for independent; here they share patients, so read ``wilcoxon_p`` beside it.
    """
    if len(first) < 2 or np.ptp(np.concatenate([first, second])) == 0:
        return np.nan
    return float(stats.kruskal(first, second).pvalue)


def wilcoxon_p(first, second) -> float:
    """Wilcoxon signed-rank p of paired absolute errors (patients,), two-sided; NaN when no pair differs."""
    difference = np.asarray(first) - np.asarray(second)
    return float(stats.wilcoxon(difference).pvalue) if np.any(difference) else np.nan


def crps_gaussian(mean, sd, truth):
    """Continuous ranked probability score of normal forecasts, in their unit (Gneiting and Raftery 2007, Eq. 21).

    Arrays of one shape. Where sd is 0 or NaN the forecast is a point and its score the absolute error.
    """
    mean, sd, truth = (np.asarray(values, float) for values in (mean, sd, truth))
    is_point = ~(sd > 0)
    return np.where(is_point, np.abs(mean - truth), scoringrules.crps_normal(truth, mean, np.where(is_point, 1, sd)))


def crps_kaggle(mean, sd, truth):
    """Score of the Second Annual Data Science Bowl for normal forecasts of volumes in ml, without unit.

    (1/600) sum over n = 0..599 of (F(n) - 1[n >= truth])^2, F the forecast's distribution function.
    Arrays of one shape. Where sd is 0 or NaN, F is a step and the score about |mean - truth| / 600.
    """
    mean, sd, truth = (np.asarray(values, float)[..., None] for values in (mean, sd, truth))
    is_point = ~(sd > 0)
    normal = stats.norm.cdf(KAGGLE_STEPS_ML, mean, np.where(is_point, 1, sd))
    forecast = np.where(is_point, KAGGLE_STEPS_ML >= mean, normal)
    return np.mean((forecast - (KAGGLE_STEPS_ML >= truth)) ** 2, axis=-1)
