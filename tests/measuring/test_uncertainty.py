import numpy as np
import pytest
from scipy.stats import norm

from cardiosynth.measuring.uncertainty import Calibration, Forecast


def one(edv=160.0, esv=80.0, sds=(8.0, 6.0), correlation=0.5):
    return Forecast.of_seeds([[[edv, esv]]], [[sds]], [correlation])


def test_one_seed_keeps_its_distribution():
    forecast = one()
    assert forecast.mean[0].tolist() == [160, 80]
    assert np.allclose(forecast.covariance[0], [[64, 24], [24, 36]])
    assert forecast.interval("edv_ml", 0.9)[1][0] == pytest.approx(160 + 8 * norm.ppf(0.95))


def test_the_deviation_of_a_volume_is_its_standard_deviation():
    assert one().deviation("edv_ml")[0] == pytest.approx(8, rel=1e-3)
    assert one().deviation("esv_ml")[0] == pytest.approx(6, rel=1e-3)


def test_seeds_that_disagree_widen_the_distribution():
    """Equal variances v, means +-d: the mixture has variance v + d^2, and covariance by the law of total covariance."""
    forecast = Forecast.of_seeds([[[150.0, 70.0]], [[170.0, 90.0]]], np.full((2, 1, 2), 5.0), [0.0, 0.0])
    assert forecast.mean[0].tolist() == [160, 80]
    assert np.allclose(forecast.covariance[0], [[125, 100], [100, 125]])


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
def test_the_ef_quantiles_agree_with_a_large_sample(probability):
    forecast = one()
    draws = np.random.default_rng(0).multivariate_normal(forecast.mean[0], forecast.covariance[0], 400_000)
    sampled = np.quantile(100 * (1 - draws[:, 1] / draws[:, 0]), probability)
    assert forecast.quantile("ef", probability)[0] == pytest.approx(sampled, abs=0.05)


def test_the_median_ef_is_that_of_the_mean_volumes():
    assert one().quantile("ef", 0.5)[0] == pytest.approx(50.0)
    assert one().ef[0] == pytest.approx(50.0)


def test_cdf_and_quantile_are_inverse():
    forecast = one()
    for quantity in ("edv_ml", "esv_ml", "ef"):
        assert forecast.cdf(quantity, forecast.quantile(quantity, 0.83))[0] == pytest.approx(0.83)


def test_volumes_that_err_together_leave_a_sharper_ef():
    widths = [np.subtract(*one(correlation=r).interval("ef", 0.9)[::-1])[0] for r in (0.0, 0.9)]
    assert widths[1] < 0.6 * widths[0]


def hearts(n, seed=0, power=0.0, factor=1.0):
    """Forecasts of n hearts of 40 to 400 ml with deviations of 10 and 8 ml, and true volumes whose errors are drawn with
    the calibration that the forecasts lack."""
    rng = np.random.default_rng(seed)
    edv = np.exp(rng.uniform(np.log(60), np.log(400), n))
    mean = np.stack([edv, edv * rng.uniform(0.3, 0.8, n)], axis=1)
    forecast = Forecast.of_seeds(mean[None], np.full((1, n, 2), [10.0, 8.0]), [0.6])
    reference = tuple(np.exp(np.log(mean).mean(axis=0)))
    errors = [rng.multivariate_normal([0, 0], own) for own in Calibration(factor, power, reference).apply(forecast).covariance]
    return forecast, mean - errors


def test_calibration_finds_the_factor_and_the_power_that_errors_were_drawn_with():
    found = Calibration.fit(*hearts(4000, power=0.7, factor=2.5))
    assert found.factor == pytest.approx(2.5, rel=0.05) and found.power == pytest.approx(0.7, abs=0.03)


def test_calibration_of_a_right_forecast_changes_little():
    found = Calibration.fit(*hearts(4000))
    assert found.factor == pytest.approx(1.0, abs=0.05) and found.power == pytest.approx(0.0, abs=0.03)


def test_the_factor_of_equal_hearts_is_the_mean_square_by_hand():
    """Errors of 2 deviations in EDV alone, uncorrelated: squares of 4 over two volumes are 2, times n / (n - 1) = 4 / 3."""
    forecast = Forecast(np.tile([100.0, 50.0], (4, 1)), np.tile(np.diag([25.0, 9.0]), (4, 1, 1)))
    truth = forecast.mean + np.outer([1, -1, 1, -1], [10.0, 0.0])
    found = Calibration.fit(forecast, truth)
    assert found.factor == pytest.approx(2 * 4 / 3) and found.reference_ml == pytest.approx((100, 50))
    assert found.apply(forecast).covariance[0] == pytest.approx(np.diag([25.0, 9.0]) * 2 * 4 / 3)  # at the reference any power is 1


def test_errors_smaller_than_stated_promise_no_more_than_is_stated():
    found = Calibration.fit(*hearts(500, factor=0.3))
    assert found.factor == 1.0


def test_deviations_grow_with_the_volume_and_their_correlation_stays():
    forecast, _ = hearts(6)
    grown = Calibration(4.0, 1.0, (100.0, 50.0)).apply(forecast)
    assert np.sqrt(grown.covariance[:, 0, 0]) == pytest.approx(2 * 10 * forecast.mean[:, 0] / 100)
    assert np.sqrt(grown.covariance[:, 1, 1]) == pytest.approx(2 * 8 * forecast.mean[:, 1] / 50)
    correlation = grown.covariance[:, 0, 1] / np.sqrt(grown.covariance[:, 0, 0] * grown.covariance[:, 1, 1])
    assert correlation == pytest.approx(np.full(6, 0.6)) and np.array_equal(grown.mean, forecast.mean)
    assert np.array_equal(Calibration().apply(forecast).covariance, forecast.covariance)


@pytest.mark.slow
def test_what_twenty_subjects_teach_covers_others():
    """Deviations stated at half their size: after twenty validation subjects nine in ten of many others lie in their 90 %."""
    covered = []
    for seed in range(60):
        calibration = Calibration.fit(*hearts(20, seed=seed, factor=4.0))
        forecast, truth = hearts(200, seed=1000 + seed, factor=4.0)
        low, high = calibration.apply(forecast).interval("esv_ml", 0.9)
        covered.append(np.mean((low <= truth[:, 1]) & (truth[:, 1] <= high)))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)
