"""Alarms: a perfect one, a blind one, and thresholds counted by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cardiosynth.judging.alarm import ALARMS, ERROR_OF, LIMITS, alarms_of, area, curves, judge_alarms, too_few, under_threshold
from cardiosynth.judging.combination import pair
from cardiosynth.judging.measures import patient_weights
from cardiosynth.study.sections import Statistics
from two_methods import SD, readings

SETTINGS = Statistics(bootstrap_draws=300)
TRUTH = np.linspace(35, 75, 20)
SIZES = np.arange(20.0)  # of the regression's errors: 6 to 19 exceed five points, 11 to 19 ten


def study(segmentation=TRUTH):
    return pd.concat([readings(TRUTH, TRUTH - SIZES, segmentation, split) for split in ("validation", "test")], ignore_index=True)


def row(table, error_of, limit, alarm="disagreement"):
    (found,) = table.query("error_of == @error_of and limit == @limit and alarm == @alarm").itertuples()
    return found


def test_the_alarms_by_hand():
    """Volumes of 100 and 50 ml, each known to 5 ml: the deviation of the EF is about sqrt(5^2 + (50 / 100 * 5)^2) points."""
    found = alarms_of(pair(readings([50.0], [50.0], [42.0])))
    assert found["disagreement"].tolist() == [8] and found["sd"][0] == pytest.approx(np.hypot(SD, 0.5 * SD), rel=0.02)


def test_a_segmentation_without_error_makes_a_perfect_alarm():
    table = judge_alarms(study(), SETTINGS, 1)
    assert len(table) == len(ERROR_OF) * len(LIMITS) * len(ALARMS)
    found = row(table, "regression", 5.0)
    assert (found.n, found.badly) == (20, 14) and (found.auc, found.auc_low, found.auc_high) == pytest.approx((1, 1, 1))
    assert row(table, "mean", 5.0).badly == 9 and row(table, "mean", 5.0).auc == 1


def test_the_threshold_leaves_the_stated_specificity_to_further_subjects():
    """Ten points: 11 validation subjects err by 0..10, the ceil(12 * 0.8) = 10th of them by 9; 10 and more raise the alarm."""
    found = row(judge_alarms(study(), SETTINGS, 1), "regression", 10.0)
    assert (found.threshold, found.n_validation, found.sensitivity, found.specificity) == (9, 11, 1, pytest.approx(10 / 11))


@pytest.mark.slow
def test_too_few_give_no_area_and_the_reason():
    found = row(judge_alarms(study(), SETTINGS, 1), "segmentation", 5.0)
    assert np.isnan(found.auc) and found.reason.startswith("0 of 20 subjects err by more")
    assert too_few(np.arange(10) < 5) == "" and too_few(np.arange(10) < 6).startswith("6 of 10")
    assert curves(study()).query("error_of == 'segmentation'").empty


def test_without_validation_subjects_measured_well_there_is_no_threshold():
    table = judge_alarms(study(TRUTH - 30), SETTINGS, 1)
    found = row(table, "segmentation", 10.0)
    assert found.threshold == np.inf and found.n_validation == 0 and np.isnan(found.sensitivity)


def test_a_blind_alarm_has_half_the_area():
    badly = np.arange(20) < 8
    assert area(np.ones(20), badly, SETTINGS, 1) == pytest.approx(0.5)
    score = np.random.default_rng(0).normal(size=2000)
    assert area(score, np.arange(2000) < 1000, SETTINGS, 1)[0] == pytest.approx(0.5, abs=0.04)


def test_the_draws_are_areas_of_resampled_subjects():
    """Weights of whole draws: compare with roc_auc_score on subjects repeated as often as they were drawn."""
    rng = np.random.default_rng(3)
    score, badly = rng.integers(6, size=18).astype(float), np.arange(18) < 9
    draws = area(score, badly, SETTINGS, 7)
    assert draws[0] == pytest.approx(roc_auc_score(badly, score)) and len(draws) == 301
    times = np.rint(9 * np.concatenate([patient_weights(9, 300, 7)[4], patient_weights(9, 300, 8)[4]])).astype(int)
    assert draws[5] == pytest.approx(roc_auc_score(np.repeat(badly, times), np.repeat(score, times)))
    assert (times[:9] != times[9:]).any()


def test_the_gain_over_the_predicted_deviation_is_paired_and_stated_once():
    table = judge_alarms(study(), SETTINGS, 1)
    one, other = row(table, "regression", 5.0), row(table, "regression", 5.0, "sd")
    assert one.auc_gain == pytest.approx(1 - other.auc) and one.auc_gain_low == pytest.approx(1 - other.auc_high)
    assert np.isnan(other.auc_gain)


def test_sensitivity_and_specificity_with_their_exact_intervals():
    raised, badly = np.array([1, 1, 1, 0, 0, 0], bool), np.array([1, 1, 1, 1, 0, 0], bool)
    found = under_threshold(raised, badly, 0.95)
    assert (found["sensitivity"], found["specificity"]) == (0.75, 1.0)
    assert found["sensitivity_low"] == pytest.approx(0.194, abs=1e-3) and found["sensitivity_high"] == pytest.approx(0.994, abs=1e-3)
    assert found["specificity_low"] == pytest.approx(0.025**0.5)
    assert np.isnan(under_threshold(raised[:4], badly[:4], 0.95)["specificity"])


def test_the_curve_runs_from_no_alarm_to_an_alarm_for_all():
    curve = curves(study()).query("error_of == 'regression' and limit == 5 and alarm == 'disagreement'")
    assert curve.iloc[0][["false_alarms", "sensitivity"]].tolist() == [0, 0]
    assert curve.iloc[-1][["false_alarms", "sensitivity"]].tolist() == [1, 1]
    assert curve.query("false_alarms == 0").sensitivity.max() == 1
