import numpy as np
import pytest
import torch
from torch import nn

from cardiosynth.measuring.familiarity import Familiarity, cut_percent, looks

RANGES = {
    "slices": (8.0, 12.0),
    "slice_gap_mm": (8.0, 10.0),
    "pixel_mm": (1.0, 1.5),
    "cut_percent": (0.0, 0.0),
    "edv_ml": (100.0, 250.0),
    "ef": (30.0, 70.0),
}
USUAL = {"slices": 10, "slice_gap_mm": 9.0, "pixel_mm": 1.2, "cut_percent": 0.0, "edv_ml": 150.0, "ef": 55.0}


def known(seed=0, train=4000, seeds=1):
    """Looks of two correlated numbers with means 5 and -3, standard deviations 2 and 1, correlation 0.5."""
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal([5, -3], [[4, 1], [1, 1]], size=(seeds, train + 19))
    return Familiarity.fit(draws[:, :train], draws[:, train:], RANGES)


def test_the_distance_is_mahalanobis():
    """(2, 1) from the mean: d^2 = (1 - 2 x 0.5 + 1) / (1 - 0.25) in standard units = 4/3, over two numbers 2/3."""
    assert known().distance(np.array([[[7.0, -2.0]]]))[0] == pytest.approx(np.sqrt(2 / 3), rel=0.05)
    assert known().distance(np.array([[[7.0, -4.0]]]))[0] == pytest.approx(np.sqrt(2), rel=0.05)  # against the correlation
    assert known().distance(np.array([[[5.0, -3.0]]]))[0] == pytest.approx(0, abs=0.05)


def test_distances_of_seeds_are_averaged():
    both = known(seeds=2)
    ones = [Familiarity(both.centre[i : i + 1], both.whitening[i : i + 1], both.validation, {}) for i in range(2)]
    points = np.random.default_rng(1).normal(size=(2, 5, 2))
    expected = np.mean([one.distance(points[i : i + 1]) for i, one in enumerate(ones)], axis=0)
    assert np.allclose(both.distance(points), expected)


def test_one_in_twenty_of_the_same_kind_lies_beyond_nineteen_validation_subjects():
    beyond = []
    for seed in range(200):
        familiar = known(seed, train=60)
        new = np.random.default_rng(1000 + seed).multivariate_normal([5, -3], [[4, 1], [1, 1]], size=(1, 20))
        beyond.append(familiar.distance(new) > familiar.validation[-1])
    assert np.mean(beyond) == pytest.approx(1 / 20, abs=0.02)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"slices": 14}, "14 slices between base and apex (seen in training: 8 to 12)"),
        ({"slice_gap_mm": 6.0}, "slices 6.0 mm apart (seen in training: 8 to 10)"),
        ({"pixel_mm": 2.4}, "pixels of 2.40 mm"),
        ({"cut_percent": 12.0}, "12 % of the crop lies outside the image"),
        ({"edv_ml": 400.0}, "a predicted EDV of 400 ml"),
        ({"ef": 9.0}, "a predicted EF of 9 %"),
    ],
)
def test_each_measure_out_of_range_is_named(change, words):
    (remark,) = known().remarks(0.0, USUAL | change)
    assert remark.startswith(words)


def test_what_is_within_or_just_beyond_the_range_passes_and_what_looks_foreign_does_not():
    familiar = known()
    assert familiar.remarks(0.0, USUAL) == [] == familiar.remarks(familiar.validation[-1], USUAL | {"slices": 13, "slice_gap_mm": 7.6})
    assert "2.0 times as far" in familiar.remarks(2 * familiar.validation[-1], USUAL)[0]


def test_it_survives_its_tensors():
    familiar = known(seeds=2)
    again = Familiarity.from_tensors(familiar.tensors())
    points = np.random.default_rng(0).normal(size=(2, 3, 2))
    assert np.array_equal(again.distance(points), familiar.distance(points)) and again.ranges == RANGES


@pytest.mark.parametrize("margins, percent", [((0, 0), 0.0), ((2, 0), 20.0), ((1, 2), 28.0)])
def test_the_part_of_the_crop_that_the_scan_misses(margins, percent):
    """Of ten rows, and ten columns, as many at the border are empty: 1 - 0.8, and 1 - 0.9 x 0.8."""
    images = np.ones((3, 2, 10, 10), np.uint8)
    images[..., : margins[0], :] = 0
    images[..., 10 - margins[1] :] = 0
    images[0, 0, 5, 5] = 0  # a dark pixel inside is none of it
    assert cut_percent(images) == pytest.approx(percent)


def test_looks_are_means_of_the_first_blocks_channels():
    network = nn.Module()
    network.blocks = nn.Sequential(nn.Identity(), nn.AvgPool2d(2), nn.Conv2d(2, 5, 1))
    images = torch.rand(4, 2, 6, 6)
    means = images.mean(dim=(0, 2, 3)).numpy()
    assert np.allclose(looks(network, images), [*means, *means], atol=1e-6)
