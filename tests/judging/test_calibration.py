"""Coverage, reliability and scores against binomial tables, uniform draws and numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.judging import calibration
from cardiosynth.measuring.predictions import ef_sd
from cardiosynth.study.sections import Statistics
from forecasts import points, predictions

SETTINGS = Statistics(bootstrap_draws=200)


def test_the_ensemble_has_its_subjects_and_its_correlation():
    rows = predictions(5, ("test",)).sample(frac=1, random_state=3)
    forecast, truth = calibration.ensemble(rows)
    assert truth.index.tolist() == sorted(rows.subject.unique())
    own = rows[rows.seed == 1].set_index("subject").loc[truth.index]
    assert forecast.mean == pytest.approx(own[["edv_ml", "esv_ml"]].to_numpy())
    assert forecast.covariance == pytest.approx(np.tile([[64, 24], [24, 36]], (5, 1, 1)))
    assert truth.true_ef.tolist() == own.true_ef.tolist()


def test_an_older_table_gives_the_same_ensemble():
    """Without the correlation it is solved from the deviation of the EF."""
    rows = predictions(30, ("test",))
    rows = rows.assign(ef_sd=ef_sd(rows.edv_ml, rows.esv_ml, rows.edv_sd_ml, rows.esv_sd_ml, 0.5).round(4))
    older, _ = calibration.ensemble(rows.drop(columns="volume_correlation"))
    assert older.covariance == pytest.approx(calibration.ensemble(rows)[0].covariance, rel=1e-3)


@pytest.mark.parametrize("count, n, low, high", [(8, 10, 0.4439, 0.9748), (0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0)])
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(count, n, low, high):
    found = calibration.share_covered(np.arange(n) < count, 0.9, 0.95)
    assert (found["covered"], found["n"]) == (count / n, n)
    assert (found["covered_low"], found["covered_high"]) == pytest.approx((low, high), abs=1e-4)


def test_a_level_holds_within_its_binomial_range():
    """Of ten subjects at 90 % fewer than seven are seen with a probability of 0.0128, fewer than eight with 0.07."""
    assert [calibration.share_covered(np.arange(10) < count, 0.9, 0.95)["holds"] for count in (6, 7, 10)] == [False, True, True]
    assert calibration.share_covered(np.arange(10) < 7, 0.9, 0.95)["expected_low"] == 0.7
    assert calibration.share_covered(np.zeros(0, bool), 0.9, 0.95)["n"] == 0


@pytest.mark.slow
def test_coverage_of_right_forecasts_is_nominal():
    table = calibration.coverage(predictions(2000, ("test",)), SETTINGS)
    assert set(table.forecast) == {"stated"}  # nobody to calibrate on
    whole = table[table.group == "all"]
    assert whole.covered.to_numpy() == pytest.approx(whole.level.to_numpy(), abs=0.03)
    grouped = table.groupby("group").n.first()
    assert grouped["ef<40"] + grouped["ef40-70"] + grouped["ef>70"] == grouped["all"] == 2000


def test_validation_subjects_mend_the_coverage_of_others_and_are_not_judged():
    table = calibration.coverage(predictions(300, scale=2.0), SETTINGS)
    assert set(table.split) == {"test"}
    at_90 = table.query("group == 'all' and level == 0.9").set_index(["forecast", "quantity"]).covered
    assert (at_90["stated"] < 0.7).all() and at_90["calibrated"].to_numpy() == pytest.approx([0.9] * 3, abs=0.05)
    fitted = calibration.calibrations(predictions(300, scale=2.0)).iloc[0]
    assert fitted.factor == pytest.approx(4.0, rel=0.15) and (fitted.n, fitted.seeds) == (300, 2)


def test_coverage_does_not_look_at_the_errors_of_test_when_it_calibrates():
    table = predictions(50)
    moved = table.assign(edv_ml=table.edv_ml + np.where(table.split == "test", 40.0, 0.0))
    pd.testing.assert_frame_equal(calibration.calibrations(table), calibration.calibrations(moved))


@pytest.mark.slow
def test_test_and_extra_test_are_covered_together():
    table = calibration.coverage(predictions(20, ("validation", "test", "extra_test")), SETTINGS)
    sizes = table.query("group == 'all'").groupby("split").n.first()
    assert sizes.to_dict() == {"test": 20, "extra_test": 20, "test+extra_test": 40}


def test_models_without_deviations_are_not_judged():
    table = pd.concat([predictions(10), points(predictions(10))])
    for found in (calibration.coverage(table, SETTINGS), calibration.by_subject(table), calibration.calibrations(table)):
        assert set(found.experiment) == {"RSP"}


def test_few_validation_subjects_calibrate_nothing():
    table = predictions(4)
    assert calibration.calibrations(table).empty and set(calibration.coverage(table, SETTINGS).forecast) == {"stated"}


def test_where_the_truth_falls_by_hand():
    """A true EDV one deviation above its forecast has 84 % below it; an EF equal to that of the mean volumes has half."""
    rows = predictions(3, ("test",), seeds=(1,)).assign(edv_ml=150.0, esv_ml=75.0, ef=50.0, true_edv_ml=158.0, true_esv_ml=79.0, true_ef=50.0)
    found = calibration.by_subject(rows).set_index("quantity")
    assert found.loc["edv_ml", "pit"].tolist() == pytest.approx([stats.norm.cdf(1)] * 3)
    assert found.loc["ef", "pit"].tolist() == pytest.approx([0.5] * 3) and found.loc["ef", "median"].tolist() == pytest.approx([50.0] * 3)
    assert found.loc["edv_ml", "sd"].tolist() == pytest.approx([8.0] * 3, rel=1e-3)


def test_every_subject_stands_once_though_splits_are_pooled():
    found = calibration.by_subject(predictions(12, ("validation", "test", "extra_test")))
    assert not found.duplicated(["subject", "quantity", "forecast"]).any()
    assert len(found) == 24 * 3 * 2 and set(found.split) == {"test", "extra_test"}


@pytest.mark.slow
def test_reliability_counts_subjects_and_its_band_holds_uniform_draws():
    curve = calibration.reliability(np.array([0.1, 0.2, 0.2, 0.9]), 0.95).set_index("nominal").observed
    assert curve[0.0] == 0 and curve.iloc[15] == 0.25 and curve.iloc[20] == 0.75 and curve.iloc[100] == 1
    rng, inside = np.random.default_rng(2), 0
    for _ in range(400):
        drawn = calibration.reliability(rng.uniform(size=30), 0.95)
        inside += ((drawn.low <= drawn.observed) & (drawn.observed <= drawn.high)).all()
    assert 0.92 < inside / 400 < 0.99
    assert calibration.reliability(np.full(10, 0.5), 0.95).low.iloc[100] == pytest.approx(1 - 0.40925, abs=1e-4)  # Kolmogorov's table


def test_error_against_deviation_by_hand():
    """Deviations 1, 1, 3, 3 and errors 1, -1, 4, 2: the halves have the errors 1 and sqrt 10."""
    rows = pd.DataFrame({"sd": [3.0, 1.0, 3.0, 1.0], "median": [4.0, 1.0, 2.0, -1.0], "truth": 0.0})
    found = calibration.spread_and_error(rows, 2, SETTINGS, 1)
    assert found.sd.tolist() == [1, 3] and found.error.tolist() == pytest.approx([1, np.sqrt(10)])
    assert found.n.tolist() == [2, 2] and found.error_low.isna().all()


def test_crps_table_of_points_normals_and_their_ensemble():
    """Errors of 6 ml in one training and none in the other: each is scored by itself, and their mean, which errs by 3."""
    rows = predictions(8, ("test",)).assign(
        true_edv_ml=100.5, true_esv_ml=50.5, esv_ml=50.5, true_ef=50.0, edv_sd_ml=1.0, esv_sd_ml=1.0, volume_correlation=0.0
    )
    rows = rows.assign(edv_ml=np.where(rows.seed == 1, 106.5, 100.5))
    found = calibration.crps(pd.concat([rows, points(rows[rows.seed == 1])]), SETTINGS, 1).set_index(["experiment", "forecast"])
    centre, off = (np.sqrt(2) - 1) / np.sqrt(np.pi), 6 - 1 / np.sqrt(np.pi)  # six SD off is a point to 1e-9
    assert found.loc[("RSP", "normal"), "crps_gaussian"] == pytest.approx((3 * centre + off) / 4)
    sd = np.sqrt(1 + 9)  # one within, nine between
    z = 3 / sd
    mixed = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    stated = found.loc[("RSP", "stated")]
    assert stated.crps_gaussian_edv_ml == pytest.approx(mixed) and stated.crps_gaussian_esv_ml == pytest.approx(centre)
    assert stated.crps_gaussian == pytest.approx((mixed + centre) / 2) and (stated.n, stated.seeds) == (8, 2)
    assert 600 * stated.crps_kaggle == pytest.approx(stated.crps_gaussian, rel=0.03)  # steps of 1 ml
    point = found.loc[("segmentation", "point")]
    assert point.crps_gaussian == pytest.approx(3.0) and point.crps_kaggle == pytest.approx(3.0 / 600)


def test_perfect_points_score_nothing():
    table = points(predictions(8, ("test",), seeds=(1,), scale=0.0))
    assert (calibration.crps(table, SETTINGS, 1)[["crps_kaggle", "crps_gaussian"]] == 0).all(axis=None)


def test_levels_and_quantities_are_all_there():
    table = calibration.coverage(predictions(10), SETTINGS)
    assert sorted(table.level.unique()) == list(calibration.LEVELS) and set(table.quantity) == set(QUANTITIES)
    assert len(table) == 2 * 4 * 3 * 4
