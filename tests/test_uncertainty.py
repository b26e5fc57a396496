import numpy as np
import pytest
from scipy.stats import norm

from cardiosynth.uncertainty import Forecast


def one(edv=160.0, esv=80.0, sds=(8.0, 6.0), correlation=0.5):
    return Forecast.of_seeds([[[edv, esv]]], [[sds]], [correlation])


def test_one_seed_keeps_its_distribution():
    forecast = one()
    assert forecast.mean[0].tolist() == [160, 80]
    assert np.allclose(forecast.covariance[0], [[64, 24], [24, 36]])
    assert forecast.interval("edv_ml", 0.9)[1][0] == pytest.approx(160 + 8 * norm.ppf(0.95))


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
