import numpy as np
import torch

from cardiosynth.measuring.attribution import _starts, occlusion
from cardiosynth.networks.sfera import VolumeRidge

SIZE, SPOT = 24, (slice(10, 14), slice(4, 8))


class Counting:
    """A network that sees only the ED brightness of one spot, and sums it over slices."""

    def slice_features(self, images):
        return images[:, 0, SPOT[0], SPOT[1]].sum(dim=(1, 2))[:, None]

    def read(self, x, slices):
        return torch.stack([part.sum(dim=0) for part in x.split(slices.tolist())])


def ridge(factor):
    """Volume = factor x feature for EDV, and nothing for ESV."""
    coefficients = np.array([[factor], [0.0]])
    return VolumeRidge(np.zeros(1), np.ones(1), coefficients, np.zeros(2), np.zeros((2, 1, 1)), np.ones(2), 0.0)


def mapped(volume, factors=(2.0, 4.0), grey=0.0):
    images = torch.full((3, 2, SIZE, SIZE), grey)
    images[1, 0, SPOT[0], SPOT[1]] = 1.0
    return occlusion([(Counting(), ridge(factor)) for factor in factors], images, 10.0, 25 / 8, volume)


def test_the_map_is_where_the_network_looks_and_in_ml():
    """Squares of 8 pixels. One that hides all 16 pixels of 1.0 puts the mean 16/576 there: 3 x 10 mm x (16 - 16 x 16/576) ml."""
    found = mapped("edv_ml")
    assert found.shape == (3, SIZE, SIZE)
    assert np.allclose(found[[0, 2]], 0, atol=1e-5)  # their spot is as dark as their mean
    full = 3.0 * 10.0 * 16 * (1 - 16 / 576)
    assert found.max() == found[1, SPOT[0], SPOT[1]].max() and 0.25 * full < found.max() <= full + 1e-4
    assert np.allclose(found[1, :, 16:], 0, atol=1e-5)  # squares that reach there do not touch the spot
    assert np.allclose(mapped("esv_ml"), 0, atol=1e-5)


def test_the_map_is_the_mean_over_the_trainings():
    assert np.allclose(mapped("edv_ml"), (mapped("edv_ml", (2.0,)) + mapped("edv_ml", (4.0,))) / 2, atol=1e-4)


def test_a_dark_spot_that_makes_the_volume_small_is_negative():
    images = torch.full((1, 2, SIZE, SIZE), 1.0)
    images[0, 0, SPOT[0], SPOT[1]] = 0.0
    assert occlusion([(Counting(), ridge(1.0))], images, 10.0, 25 / 8, "edv_ml")[0, SPOT[0], SPOT[1]].max() < 0


def test_squares_overlap_by_half_and_reach_the_border():
    assert _starts(24, 8) == [0, 4, 8, 12, 16]
    assert _starts(25, 8) == [0, 4, 8, 12, 16, 17]
    assert _starts(6, 8) == [0]
