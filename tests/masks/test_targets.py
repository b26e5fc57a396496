"""Targets of selection: bins and weights, and those that cannot be."""

import numpy as np
import pytest
from scipy.stats import norm

from cardiosynth.masks.targets import edv_bin_of, histogram, make_target, percent_target
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks


def test_uniform_has_fourteen_equal_bins_and_all_has_one():
    uniform = make_target(Masks())
    np.testing.assert_allclose(uniform.low, np.arange(10, 80, 5))
    np.testing.assert_allclose(uniform.share, 1 / 14)
    assert make_target(Masks(target="all")).share.tolist() == [1.0]


def test_an_ef_is_in_one_bin_and_what_lies_outside_in_none():
    target = make_target(Masks(target="bins", target_bins=[[60.0, 70.0, 1.0], [10.0, 20.0, 2.0], [20.0, 30.0, 1.0]]))
    assert target.bin_of([9.9, 10, 19.9, 20, 30, 45, 60, 70, 70.1, np.nan]).tolist() == [-1, 0, 0, 1, -1, -1, 2, 2, -1, -1]
    assert target.share.tolist() == [0.5, 0.25, 0.25]


def test_normal_weights_are_the_probabilities_of_the_bins():
    target = make_target(Masks(target="normal", target_mean_sd=(45.0, 15.0)))
    inside = norm.cdf(80, 45, 15) - norm.cdf(10, 45, 15)
    np.testing.assert_allclose(target.share[0], (norm.cdf(15, 45, 15) - norm.cdf(10, 45, 15)) / inside)
    np.testing.assert_allclose(target.share, target.share[::-1])


def test_matched_counts_the_reference_between_the_limits():
    target = make_target(Masks(target="matched"), [5.0, 12.0, 13.0, 80.0, 90.0, np.nan])
    assert target.weight[[0, -1]].tolist() == [2, 1] and target.weight.sum() == 3


def test_percent_targets_hold_the_outermost():
    assert percent_target([-3.0, 2.0, 99.0]).weight[[0, -1]].tolist() == [2, 1]
    assert histogram([np.nan], np.array([0.0, 1.0])).tolist() == [0]


def test_edv_terciles_are_those_of_the_usable():
    edv = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 1000.0])
    assert edv_bin_of(edv, edv < 100).tolist() == [0, 0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("settings, said", [
    (Masks(target="bins"), "target_bins is empty"),
    (Masks(target="bins", target_bins=[[10.0, 30.0, 1.0], [20.0, 40.0, 1.0]]), r"\[10, 30\] and \[20, 40\] overlap"),
    (Masks(target="bins", target_bins=[[5.0, 30.0, 1.0]]), "minimum_ef 10"),
    (Masks(target="bins", target_bins=[[70.0, 90.0, 1.0]]), "maximum_ef 80"),
    (Masks(target="bins", target_bins=[[30.0, 30.0, 1.0]]), "no interval"),
    (Masks(target="bins", target_bins=[[float("nan"), 30.0, 1.0]]), "no interval"),
    (Masks(target="normal", target_mean_sd=(45.0, 1.0)), "SD of 1 points leaves most bins"),
    (Masks(target="normal", target_mean_sd=(200.0, 10.0)), "0 % of a normal"),
    (Masks(target="matched"), "no reference EF"),
])  # fmt: skip
def test_a_target_that_cannot_be_is_refused_in_one_sentence(settings, said):
    with pytest.raises(InputError, match=said) as caught:
        make_target(settings, [5.0, 99.0])
    assert "\n" not in str(caught.value)
