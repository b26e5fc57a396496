"""Measures of likeness, against samples whose likeness is known."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter

from cardiosynth.painting import realism
from cardiosynth.study.errors import InputError


def normal(count, width, seed, mean=0.0, sd=1.0):
    return np.random.default_rng(seed).normal(mean, sd, (count, width))


def test_kid_by_hand():
    real, painted = np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    # (xy + 1)^3 over different pairs: real 8, 125 and four of 27; painted 1, 8 and four of 1; across 1, 1, 8 and 27 alike
    within = (8 + 125 + 4 * 27) / 6 + (1 + 8 + 4 * 1) / 6
    assert realism.kid(real, painted)[0] == pytest.approx(within - 2 * (1 + 1 + 8 + 27) / 4)


def repeated_kid(mean, count=60):
    return np.array([realism.kid(normal(80, 8, 2 * seed), normal(80, 8, 2 * seed + 1, mean)) for seed in range(count)]).T


def test_kid_of_samples_that_are_alike_is_zero_on_average_and_its_error_not_too_small():
    values, errors = repeated_kid(0.0)
    assert min(values) < 0 < max(values) and abs(values.mean()) < 3 * values.std() / np.sqrt(60)
    assert 1 < errors.mean() / values.std() < 2


@pytest.mark.parametrize("mean", [0.3, 1.0])
def test_the_error_of_kid_is_the_spread_of_repetitions(mean):
    values, errors = repeated_kid(mean)
    assert errors.mean() == pytest.approx(values.std(), rel=0.25)  # of 60 repetitions the spread is known to 9 %


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


def test_fid_is_the_formula_with_the_root_of_the_product():
    rng = np.random.default_rng(0)
    real, painted = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)), rng.normal(1.0, 2.0, (40, 6))
    first, second = np.cov(real.T), np.cov(painted.T)
    expected = ((real.mean(0) - painted.mean(0)) ** 2).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert realism.fid(real, painted) == pytest.approx(expected)


def test_fid_with_fewer_samples_than_features():
    """Two samples a kind along axes of their own: the covariances 2 and 8 share nothing, the means are sqrt(1 + 4) apart."""
    real, painted = np.array([[0.0, 0, 0], [2, 0, 0]]), np.array([[0.0, 0, 0], [0, 4, 0]])
    assert realism.fid(real, painted) == pytest.approx(1 + 4 + 2 + 8)
    assert realism.fid(real, real) == pytest.approx(0, abs=1e-12)
    assert realism.fid(np.array([[0.0], [2.0]]), np.array([[5.0], [7.0]])) == pytest.approx(25)
    with pytest.raises(InputError, match="1 real and 2 painted frames"):
        realism.fid(real[:1], painted)


def test_what_differs_is_told_apart_and_what_does_not_is_not():
    groups = np.repeat(np.arange(20), 10)
    assert realism.separability(normal(200, 5, 0), normal(200, 5, 1, mean=3.0), groups, groups) > 0.99
    assert realism.separability(normal(200, 5, 0), normal(200, 5, 1), groups, groups) == pytest.approx(0.5, abs=0.12)


def test_a_subject_that_is_known_by_heart_is_of_no_use_to_the_classifier():
    groups = np.repeat(np.arange(40), 5)
    real = groups < 20  # some subjects are real, some painted, each with a signature of its own
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        signature = rng.normal(0, 10, (40, 30))[groups] + rng.normal(0, 0.1, (200, 30))
        found.append(realism.separability(signature[real], signature[~real], groups[real], groups[~real], seed))
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)  # one has a spread of 0.12


def test_a_single_subject_cannot_be_split():
    with pytest.raises(InputError, match="1 real and 2 painted subjects"):
        realism.separability(normal(4, 2, 0), normal(4, 2, 1), [0, 0, 0, 0], [0, 0, 1, 1])


def test_grey_levels_by_structure():
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[:, :4], masks[:, 4] = 3, 2
    real, painted = np.full(masks.shape, 50, np.uint8), np.full(masks.shape, 60, np.uint8)
    assert {name: len(levels) for name, levels in realism.intensities(real, masks).items()} == {"background": 48, "rv": 0, "myocardium": 16, "lv": 64}
    table = realism.intensity_table((real, masks), (painted, masks)).set_index("structure")
    assert table.loc["lv", "wasserstein"] == pytest.approx(10) and table.loc["background", "real_mean"] == 50
    assert table.loc["myocardium", "painted_sd"] == 0 and table.loc["rv"].isna().all()


@pytest.mark.parametrize("cycles", [4, 10, 14])
def test_a_grating_has_its_power_at_its_frequency(cycles):
    wave = 128 + 100 * np.cos(2 * np.pi * cycles * np.arange(32) / 32)
    power = realism.spectrum(np.tile(wave, (1, 32, 1)))
    assert len(power) == 17 and power.argmax() == cycles  # rings from 0 to 0.5 cycles per pixel


def test_the_spectrum_keeps_the_power_of_the_image():
    """Parseval: rings times their pixels, over all pixels, is the mean square of the windowed image, but for the corners."""
    smooth = gaussian_filter(np.random.default_rng(0).normal(0, 20, (1, 32, 32)), (0, 2, 2))  # nothing in the corners
    ring = np.rint(32 * np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32))).astype(int)
    window = np.hanning(32)[:, None] * np.hanning(32)
    power = realism.spectrum(smooth) @ np.bincount(ring[ring < 17])
    assert power == pytest.approx((((smooth[0] - smooth.mean()) * window) ** 2).sum(), rel=1e-3)


def test_blank_images_have_no_sharpness():
    assert np.isnan(realism.sharpness(np.full((2, 16, 16), 7, np.uint8)))


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
    assert np.isnan(realism.diversity(features, [0, 0, 0]))


def test_a_copy_is_found_whatever_its_brightness():
    training = np.random.default_rng(0).integers(0, 200, (20, 16, 16)).astype(np.uint8)
    copy, new = (training[7] * 0.5 + 90).astype(np.uint8), np.random.default_rng(1).integers(0, 200, (16, 16)).astype(np.uint8)
    found = realism.nearest_training(np.stack([copy, new]), training)
    assert found.loc[0, "index"] == 7 and found.loc[0, "correlation"] > 0.999 and found.loc[1, "correlation"] < 0.4


def test_the_nearest_is_found_in_whichever_chunk(monkeypatch):
    monkeypatch.setattr(realism, "CHUNK", 3)
    training = np.random.default_rng(0).integers(0, 255, (11, 6, 6)).astype(np.uint8)
    images = np.concatenate([training[[10, 0, 4, 7]], np.random.default_rng(1).integers(0, 255, (3, 6, 6)).astype(np.uint8)])
    expected = np.corrcoef(images.reshape(7, -1), training.reshape(11, -1))[:7, 7:]
    found = realism.nearest_training(images, training)
    assert found["index"].tolist() == expected.argmax(axis=1).tolist() and found["index"].tolist()[:4] == [10, 0, 4, 7]
    assert found["correlation"].to_numpy() == pytest.approx(expected.max(axis=1), abs=1e-5)


@pytest.mark.parametrize("images, training", [((0, 8, 8), (2, 8, 8)), ((2, 8, 8), (0, 8, 8)), ((2, 8, 8), (2, 8, 9))])
def test_frames_that_cannot_be_compared(images, training):
    with pytest.raises(InputError, match="cannot be compared"):
        realism.nearest_training(np.zeros(images, np.uint8), np.zeros(training, np.uint8))


def test_constant_images_are_like_nothing():
    found = realism.nearest_training(np.zeros((1, 8, 8), np.uint8), np.ones((2, 8, 8), np.uint8))
    assert found.loc[0, "correlation"] == 0


def test_the_share_of_copies():
    unseen = np.linspace(0.2, 0.8, 1001)
    assert realism.copies(unseen, unseen) == pytest.approx(0.01, abs=0.002)
    assert realism.copies(np.array([0.5, 0.9, 0.95, 0.1]), unseen) == 0.5
    with pytest.raises(InputError, match="4 painted and 0 unseen"):
        realism.copies(unseen[:4], unseen[:0])
