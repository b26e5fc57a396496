"""Measures of likeness, against samples whose likeness is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cardiosynth import realism
from cardiosynth.errors import InputError


def normal(count, width, seed, mean=0.0, sd=1.0):
    return np.random.default_rng(seed).normal(mean, sd, (count, width))


def test_kid_by_hand():
    real, painted = np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    # (xy + 1)^3 over different pairs: real 8, 125 and four of 27; painted 1, 8 and four of 1; across 1, 1, 8 and 27 alike
    within = (8 + 125 + 4 * 27) / 6 + (1 + 8 + 4 * 1) / 6
    assert realism.kid(real, painted)[0] == pytest.approx(within - 2 * (1 + 1 + 8 + 27) / 4)


def test_kid_is_unbiased_and_its_error_is_that_of_repetition():
    values, errors = zip(*(realism.kid(normal(80, 8, 2 * seed), normal(80, 8, 2 * seed + 1)) for seed in range(40)))
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(40)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.5)


def test_kid_grows_with_the_distance_and_needs_samples():
    near, far = (realism.kid(normal(100, 8, 0), normal(100, 8, 1, mean))[0] for mean in (0.3, 1.0))
    assert 0 < near < far
    with pytest.raises(InputError, match="3 real and 5 painted frames are too few"):
        realism.kid(normal(3, 8, 0), normal(5, 8, 1))


def test_fid_of_two_normal_distributions():
    real, painted = normal(20000, 3, 0), normal(20000, 3, 1, mean=2.0, sd=3.0)
    # |difference of means|^2 + trace(1 + 9 - 2 * 3) in three dimensions
    assert realism.fid(real, painted) == pytest.approx(3 * 4 + 3 * 4, rel=0.03)
    assert realism.fid(real, real) == pytest.approx(0, abs=1e-6)


def test_what_differs_is_told_apart_and_what_does_not_is_not():
    groups = np.repeat(np.arange(20), 10)
    assert realism.separability(normal(200, 5, 0), normal(200, 5, 1, mean=3.0), groups, groups) > 0.99
    assert realism.separability(normal(200, 5, 0), normal(200, 5, 1), groups, groups) == pytest.approx(0.5, abs=0.12)


def test_a_subject_that_is_known_by_heart_is_of_no_use_to_the_classifier():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    signature = rng.normal(0, 10, (40, 30))[groups] + rng.normal(0, 0.1, (400, 30))
    real = groups < 20  # some subjects are real, some painted, each with a signature of its own
    assert realism.separability(signature[real], signature[~real], groups[real], groups[~real]) < 0.8


def test_grey_levels_by_structure():
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[:, :4], masks[:, 4] = 3, 2
    real, painted = np.full(masks.shape, 50, np.uint8), np.full(masks.shape, 60, np.uint8)
    table = realism.intensity_table((real, masks), (painted, masks)).set_index("structure")
    assert table.loc["lv", "wasserstein"] == pytest.approx(10) and table.loc["background", "real_mean"] == 50
    assert table.loc["myocardium", "painted_sd"] == 0 and table.loc["rv"].isna().all()


@pytest.mark.parametrize("cycles", [4, 10, 14])
def test_a_grating_has_its_power_at_its_frequency(cycles):
    wave = 128 + 100 * np.cos(2 * np.pi * cycles * np.arange(32) / 32)
    power = realism.spectrum(np.tile(wave, (1, 32, 1)))
    assert len(power) == 17 and power.argmax() == cycles  # rings from 0 to 0.5 cycles per pixel


def test_white_noise_has_a_flat_spectrum_and_blur_takes_sharpness():
    noise = np.random.default_rng(0).normal(128, 20, (50, 32, 32))
    power = realism.spectrum(noise)[2:]
    assert power.max() / power.min() < 1.3
    blurred = gaussian_filter(noise, (0, 1, 1))
    assert realism.sharpness(noise) == pytest.approx(0.73, abs=0.03)  # rings weigh by radius: 1 - (8.5/16.5)^2
    assert realism.sharpness(blurred) < 0.3 * realism.sharpness(noise)


def test_diversity_counts_pairs_of_different_subjects():
    features = np.array([[0.0], [1.0], [10.0]])
    assert realism.diversity(features, [0, 0, 1]) == pytest.approx(9.5)  # 10 and 9; the pair of one subject is left out


def test_a_copy_is_found_whatever_its_brightness():
    training = np.random.default_rng(0).integers(0, 200, (20, 16, 16)).astype(np.uint8)
    copy, new = (training[7] * 0.5 + 90).astype(np.uint8), np.random.default_rng(1).integers(0, 200, (16, 16)).astype(np.uint8)
    found = realism.nearest_training(np.stack([copy, new]), training)
    assert found.loc[0, "index"] == 7 and found.loc[0, "correlation"] > 0.999 and found.loc[1, "correlation"] < 0.4


def test_constant_images_are_like_nothing():
    found = realism.nearest_training(np.zeros((1, 8, 8), np.uint8), np.ones((2, 8, 8), np.uint8))
    assert found.loc[0, "correlation"] == 0


def test_the_share_of_copies():
    unseen = np.linspace(0.2, 0.8, 1001)
    assert realism.copies(unseen, unseen) == pytest.approx(0.01, abs=0.002)
    assert realism.copies(np.array([0.5, 0.9, 0.95, 0.1]), unseen) == 0.5
