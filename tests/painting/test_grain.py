"""The noise that painted images lack: what is missing is measured and given back."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cardiosynth.data.volumes import LV
from cardiosynth.painting import grain

SD = 9.0


@pytest.fixture(scope="module")
def masks():
    masks = np.zeros((60, 2, 32, 32), np.uint8)
    masks[..., 8:24, 8:24] = LV
    return masks


@pytest.fixture(scope="module")
def smooth(masks):
    """Blurred structure that ED and ES share, far from black and white."""
    rng = np.random.default_rng(0)
    structure = gaussian_filter(rng.normal(0, 60, (60, 1, 32, 32)), (0, 0, 2, 2)) + 120
    return np.broadcast_to(structure, masks.shape).round().astype(np.uint8)


def noisy(images, masks, colour, sd=SD, seed=1):
    return grain.with_noise(images, masks, np.full(4, sd), colour, np.random.default_rng(seed))


def test_white_noise_that_was_added_is_found(smooth, masks):
    sd, colour = grain.missing(noisy(smooth, masks, np.ones(grain.RINGS)), smooth, masks)
    fine = np.linspace(0, 0.5, grain.RINGS) >= grain.COARSE
    assert sd[[0, LV]] == pytest.approx(SD, rel=0.06)
    assert colour[fine] == pytest.approx(colour[fine].mean(), rel=0.15) and not colour[~fine].any()


def test_what_is_given_back_is_no_longer_missing(smooth, masks):
    rng = np.random.default_rng(2)
    real = smooth + gaussian_filter(rng.normal(0, 20, smooth.shape), (0, 0, 0.7, 0.7)) * np.where(masks == LV, 1.0, 0.3)
    real = real.round().clip(0, 255).astype(np.uint8)
    sd, colour = grain.missing(real, smooth, masks)
    assert sd[0] == pytest.approx(0.3 * sd[LV], rel=0.15)
    mended = grain.with_noise(smooth, masks, sd, colour, rng)
    assert np.all(grain.missing(real, mended, masks)[0] < 0.25 * sd[LV])
    spectra = [np.mean(np.abs(np.fft.fft2(np.subtract(x[:, 0], x[:, 1], dtype=float)))[:, 4:16, 4:16]) for x in (real, mended)]
    assert spectra[1] == pytest.approx(spectra[0], rel=0.1)


def test_texture_that_stays_is_not_taken_for_noise(smooth, masks):
    texture = np.random.default_rng(3).normal(0, 15, (60, 1, 32, 32))
    real = (smooth + texture).round().clip(0, 255).astype(np.uint8)
    assert grain.missing(real, smooth, masks)[0].max() < 1


def test_images_that_lack_nothing_get_nothing(smooth, masks):
    sd, colour = grain.missing(smooth, noisy(smooth, masks, np.ones(grain.RINGS)), masks)
    assert not sd.any() and not colour.any()
    assert grain.with_noise(smooth, masks, sd, colour, np.random.default_rng(0)) is smooth


def test_noise_has_the_deviation_of_its_label(smooth, masks):
    flat = np.full_like(smooth, 128)
    made = grain.with_noise(flat, masks, np.array([2.0, 0.0, 0.0, 12.0]), np.ones(grain.RINGS), np.random.default_rng(4))
    assert made[masks == 0].std() == pytest.approx(2.0, rel=0.05)
    assert made[masks == LV].std() == pytest.approx(12.0, rel=0.05)
