"""Measures of error, agreement and forecast: arrays in, numbers out.

Errors are prediction minus truth. A training seed is not a patient: a statistic is the mean over seeds within
each bootstrap draw of patients. ``joint_interval`` draws the seeds as well.
"""

from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.special import erf
from statsmodels.stats.proportion import proportion_confint

LIMITS_SD = 1.96  # limits of agreement, bias +- 1.96 SD (Bland and Altman 1986; paper, Methods)
FEWEST_PATIENTS = 5  # with fewer a bootstrap interval is meaningless and the cell stays empty
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


@lru_cache(maxsize=8)
def seed_weights(trainings: int, draws: int, seed: int, side: int = 0) -> np.ndarray:
    """Bootstrap draws of trainings as weights (draws, trainings) that sum to 1; another stream for each ``side``.

    One fewer is drawn than there are: the mean over them then has the variance s^2/R of a mean over R trainings, where
    R draws of R would give s^2 (R - 1)/R^2 (Rao and Wu, J Am Stat Assoc 1988). A single training is always drawn.
    """
    size = max(trainings - 1, 1)
    drawn = np.random.default_rng([seed, trainings, side, 1]).integers(trainings, size=(draws, size))
    return (drawn[:, :, None] == np.arange(trainings)).mean(axis=1)


def bootstrap_rmse(errors, weights, trainings=None) -> np.ndarray:
    """RMSE of every draw, mean over seeds: errors (patients, seeds), weights (draws, patients) -> (draws,).

    trainings: weights of the seeds (draws, seeds); equal where none are given.
    """
    return _mean_over_seeds(np.sqrt(weights @ np.square(errors)), trainings)


def bootstrap_mae(errors, weights, trainings=None) -> np.ndarray:
    """Mean absolute error of every draw, mean over seeds; arrays as for ``bootstrap_rmse``."""
    return _mean_over_seeds(weights @ np.abs(errors), trainings)


def _mean_over_seeds(values, trainings):
    return values.mean(axis=1) if trainings is None else np.sum(values * trainings, axis=1)


def bootstrap_interval(statistic, n: int, settings, seed: int) -> tuple[float, float]:
    """Percentile interval (Efron 1979) of ``statistic(weights)`` over draws of n patients; NaN for too few."""
    if n < FEWEST_PATIENTS:
        return np.nan, np.nan
    tail = (1 - settings.confidence) / 2
    low, high = np.quantile(statistic(patient_weights(n, settings.bootstrap_draws, seed)), [tail, 1 - tail])
    return float(low), float(high)


def joint_interval(measure, first, second, paired: bool, settings, seed: int) -> tuple[float, float]:
    """Percentile interval of measure(first) - measure(second) over patients and trainings.

    first, second: errors (patients, seeds) of two experiments on the same patients. measure: ``bootstrap_rmse`` or
    ``bootstrap_mae``. Every draw takes patients, the same for both, and trainings of each experiment, independently of
    the patients (the pigeonhole bootstrap: Owen, Ann Appl Stat 2007). paired: both experiments were trained with the same
    seeds, and seed s of one is drawn together with seed s of the other. That is right whether or not they have anything
    in common (RSP starts from the SSO of its seed, and equal seeds draw equal batches): the pairs are independent of each
    other, and what the two share cancels. In simulated trainings that differ much, the interval of 95 % holds the true
    difference in 95 % of studies of five trainings, 92 % of three, 87 % of two. Where an experiment has one training the
    interval knows nothing of its others; where both have one it is the interval over patients.
    """
    draws = settings.bootstrap_draws
    one, other = (seed_weights(errors.shape[1], draws, seed, side) for errors, side in ((first, 0), (second, 0 if paired else 1)))
    return bootstrap_interval(lambda weights: measure(first, weights, one) - measure(second, weights, other), len(first), settings, seed)


def share_interval(count: int, n: int, confidence: float) -> tuple[float, float, float]:
    """count / n with its exact binomial interval (Clopper and Pearson, Biometrika 1934); all NaN where n is 0."""
    return (count / n, *proportion_confint(count, n, 1 - confidence, method="beta")) if n else (np.nan,) * 3


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
    slope: proportional bias, the least-squares slope of the difference on the mean of both values (Bland and Altman 1999,
    section 3.2), without unit, with its t interval; NaN below three patients or where all means are equal.
    """
    difference = np.asarray(prediction, float) - np.asarray(truth, float)
    n, tails = len(difference), np.array([1 - confidence, 1 + confidence]) / 2
    bias = difference.mean() if n else np.nan
    sd, unit = (difference.std(ddof=1), stats.t.ppf(tails, n - 1)) if n > 1 else (np.nan, np.full(2, np.nan))
    factor = stats.nct.ppf(tails, n - 1, LIMITS_SD * np.sqrt(n)) if n > 1 else unit
    bias_low, bias_high = bias + unit * sd / np.sqrt(n or 1)
    near, far = factor * sd / np.sqrt(n or 1)
    return {
        "bias": bias,
        "bias_low": bias_low,
        "bias_high": bias_high,
        "lower_limit": bias - LIMITS_SD * sd,
        "lower_limit_low": bias - far,
        "lower_limit_high": bias - near,
        "upper_limit": bias + LIMITS_SD * sd,
        "upper_limit_low": bias + near,
        "upper_limit_high": bias + far,
        "sd": sd,
        "n": n,
    } | _proportional_bias(difference, (np.asarray(prediction, float) + truth) / 2, tails)


def _proportional_bias(difference, mean, tails) -> dict:
    n = len(mean)
    if n < 3 or np.ptp(mean) == 0:
        return dict.fromkeys(("slope", "slope_low", "slope_high"), np.nan)
    line = stats.linregress(mean, difference)
    low, high = line.slope + stats.t.ppf(tails, n - 2) * line.stderr
    return {"slope": line.slope, "slope_low": low, "slope_high": high}


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
    scale = np.where(is_point, 1, sd)
    z = (truth - mean) / scale
    below, density = (1 + erf(z / np.sqrt(2))) / 2, 1 / np.sqrt(2 * np.pi) * np.exp(-(z**2) / 2)
    return np.where(is_point, np.abs(mean - truth), scale * (z * (2 * below - 1) + 2 * density - 1 / np.sqrt(np.pi)))


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
