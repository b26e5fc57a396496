"""Zooms: areas grow as drawn, EFs stay hearts', nothing dark comes in from outside."""

import numpy as np
import pytest
import torch

from cardiosynth.measuring.zoom import draw, zoom
from cardiosynth.study.sections import Questions

SIZE = 64
SCALE, EF = Questions().zoom_scale, Questions().zoom_ef
AREAS = np.array([1.2, 1 / 0.7])


def discs(radii):
    """One heart of two slices whose ED and ES frames are bright discs of given radii, (4 slices, 2, H, W)."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    frames = np.stack([0.2 + 0.8 * (np.hypot(y, x) < radius) for radius in radii])
    return torch.tensor(np.stack([frames] * 2), dtype=torch.float32)


def area(frame):
    return float((frame > 0.6).sum())


def test_each_frame_of_each_heart_grows_by_its_own_factor():
    images = torch.cat([discs((16, 10)), discs((12, 8))])
    factors = np.array([[1.2, 0.7], [0.9, 1.4]])
    changed = zoom(images, torch.tensor([2, 2]), factors)
    assert changed.shape == images.shape
    for heart in (0, 1):
        for phase in (0, 1):
            before, after = (area(frames[2 * heart + 1, phase]) for frames in (images, changed))
            assert after / before == pytest.approx(factors[heart, phase], rel=0.06)
            assert torch.equal(changed[2 * heart, phase], changed[2 * heart + 1, phase])


def test_a_factor_of_one_changes_nothing_and_a_shrunken_image_has_no_dark_frame():
    images = discs((16, 10))
    slices = torch.tensor([2])
    assert torch.allclose(zoom(images, slices, np.ones((1, 2))), images, atol=1e-5)
    assert zoom(images, slices, np.full((1, 2), 0.7)).min() > 0.19


def test_factors_reach_both_ways_and_the_ef_stays_within_limits():
    volumes = np.tile([[140.0, 56.0], [200.0, 178.0], [100.0, 22.0]], (300, 1))  # EF 60, 11 and 78 %
    factors = draw(volumes, SCALE, EF, np.random.default_rng(0))
    changed = volumes * factors
    ef = 100 * (1 - changed[:, 1] / changed[:, 0])
    assert ef.min() >= 10 and ef.max() <= 80
    assert (factors <= AREAS).all() and (factors >= 1 / AREAS).all()
    assert (factors.max(axis=0) > 0.95 * AREAS).all() and (factors.min(axis=0) < 1.05 / AREAS).all()
    assert ef[::3].min() < 40 < 70 < ef[::3].max(), "a usual heart becomes one of reduced and one of high EF"


def test_a_heart_that_no_factor_brings_within_limits_stays():
    assert (draw(np.array([[100.0, 300.0]]), SCALE, EF, np.random.default_rng(0)) == 1).all()


def test_a_study_sets_the_limits():
    volumes = np.tile([[140.0, 56.0]], (100, 1))
    factors = draw(volumes, (1.1, 0.9), (58.0, 62.0), np.random.default_rng(0))
    ef = 100 * (1 - 56 * factors[:, 1] / (140 * factors[:, 0]))
    assert factors[:, 0].max() <= 1.1 and factors[:, 1].min() >= 0.9 and 58 <= ef.min() < ef.max() <= 62
