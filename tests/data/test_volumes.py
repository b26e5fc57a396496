import numpy as np
import pytest

from cardiosynth.data.volumes import LABELS, ejection_fraction, volume_ml


def test_volume_of_a_box_is_its_voxel_count_times_the_voxel():
    masks = np.zeros((4, 2, 20, 20), np.uint8)
    masks[:, 0, 5:15, 5:15] = LABELS["lv"]
    masks[1:3, 1, 8:12, 8:12] = LABELS["lv"]
    edv_ml, esv_ml = volume_ml(masks, pixel_area_mm2=1.5**2, slice_gap_mm=10.0)
    assert edv_ml == pytest.approx(4 * 100 * 2.25 * 10 / 1000)
    assert esv_ml == pytest.approx(2 * 16 * 2.25 * 10 / 1000)


def test_volume_of_an_ellipsoid_approaches_the_closed_form():
    """A stack of discs through a semi-axes 30, 30, 45 mm ellipsoid; 4/3 pi a b c = 169.6 ml."""
    z = (np.arange(45) - 22) * 2.0
    rows, columns = np.mgrid[-40:40:0.5, -40:40:0.5]
    inside = (rows**2 + columns**2) / 30**2 + (z[:, None, None] / 45) ** 2 <= 1
    masks = (inside * LABELS["lv"])[:, None]
    assert volume_ml(masks, 0.25, 2.0)[0] == pytest.approx(4 / 3 * np.pi * 30 * 30 * 45 / 1000, rel=2e-3)


def test_ejection_fraction_in_percent():
    assert ejection_fraction([150.0, 100.0], [60.0, 100.0]).tolist() == [60.0, 0.0]
