"""LV areas of discs between ES and ED, and the slices in which they are not monotone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from evidence.monotony import count_not_monotone, lv_areas

ROWS, COLUMNS = np.mgrid[:64, :64]


def disc(column, radius):
    return 3 * (np.hypot(ROWS - 31.6, COLUMNS - column) < radius)


def test_radii_of_concentric_discs_grow_in_equal_steps():
    areas = lv_areas(np.array([[disc(31.3, 20.2), disc(31.3, 8.1)]]))[:, 0]
    np.testing.assert_allclose(np.sqrt(areas / np.pi), 8.1 + np.arange(13) / 12 * 12.1, atol=0.3)


def test_each_slice_is_counted_once_in_its_class():
    masks = np.array([
        [disc(31, 20), disc(31, 10)],  # inside
        [disc(31, 12), disc(31, 0)],  # none at ES: inside
        [disc(24, 12), disc(40, 12)],  # apart: between them the LV is smaller than either
        [disc(30, 8), disc(31, 20)],  # ED inside ES: the area falls, and only falls
        [disc(31, 0), disc(31, 0)],  # no LV
    ])  # fmt: skip
    expected = {"slices": 4, "es_inside_ed_slices": 2, "not_monotone_inside": 0, "not_monotone_elsewhere": 1}
    assert count_not_monotone(masks) == expected
    areas = lv_areas(masks)[:, 2]
    assert areas[6] < min(areas[0], areas[-1])


@given(hnp.arrays(bool, (3, 10, 11)), hnp.arrays(bool, (3, 10, 11)))
def test_lv_area_is_monotone_wherever_es_lies_inside_ed(ed, other):
    masks = 3 * np.stack([ed, ed & other], axis=1)
    assert (np.diff(lv_areas(masks), axis=0) >= 0).all()
    assert count_not_monotone(masks)["not_monotone_inside"] == 0


@pytest.mark.parametrize("steps", [1, 12])
def test_the_ends_are_the_areas_of_es_and_ed(steps):
    masks = np.array([[disc(24, 12), disc(40, 9)]])
    areas = lv_areas(masks, steps)
    assert areas[[0, -1], 0].tolist() == (masks == 3).sum(axis=(2, 3))[0, ::-1].tolist()
