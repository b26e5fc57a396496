import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from cardiosynth.data.contours import coverage, outline, polygon_area
from cardiosynth.study.errors import InputError
from dicom_files import circle


def filled_at_native_resolution(polygon, shape):
    """What most readers do: the polygon and its boundary drawn into whole pixels."""
    image = Image.new("L", shape[::-1])
    ImageDraw.Draw(image).polygon([tuple(point) for point in polygon], fill=1, outline=1)
    return np.asarray(image).sum()


@pytest.mark.parametrize("radius", [8.0, 12.3, 20.0])
def test_a_disc_has_its_area_where_native_filling_has_too_much(radius):
    centres = np.random.default_rng(0).uniform(29, 31, (20, 2))
    polygons = [circle(centre, radius) for centre in centres]
    ours = np.array([coverage(polygon, (60, 64)).sum() for polygon in polygons]) / (np.pi * radius**2)
    theirs = np.array([filled_at_native_resolution(polygon, (60, 64)) for polygon in polygons]) / (np.pi * radius**2)
    assert np.abs(ours - 1).max() < 0.005 and abs(ours.mean() - 1) < 0.001
    assert theirs.min() > 1.03


def test_the_error_falls_with_the_factor():
    polygon, area = circle((20.3, 19.6), 10.0, 5000), np.pi * 100
    errors = [np.abs(coverage(polygon, (40, 40), factor).sum() - area) for factor in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.0005 * area


def test_an_ellipse_keeps_area_and_centre():
    polygon = circle((0, 0), 1) * (15, 6) + (31.25, 18.5)
    share = coverage(polygon, (40, 64))
    y, x = np.mgrid[:40, :64]
    assert share.sum() == pytest.approx(np.pi * 90, rel=0.005) and share.max() == 1.0 and share.min() == 0.0
    assert np.average(x, weights=share) == pytest.approx(31.25, abs=0.01) and np.average(y, weights=share) == pytest.approx(18.5, abs=0.01)


def test_a_pixel_reaches_half_a_pixel_to_either_side_of_its_coordinates():
    share = coverage([(1.5, 2.5), (4.5, 2.5), (4.5, 4.5), (1.5, 4.5)], (8, 8))
    expected = np.zeros((8, 8))
    expected[3:5, 2:5] = 1
    assert np.array_equal(share, expected)
    quarter = coverage([(2.0, 3.0), (2.5, 3.0), (2.5, 3.5), (2.0, 3.5)], (8, 8))
    assert quarter[3, 2] == 0.25 and quarter.sum() == 0.25


def test_what_lies_outside_the_image_is_not_counted():
    assert coverage(circle((0, 0), 6), (20, 20)).sum() == pytest.approx(np.pi * 36 / 4 + 6 + 0.25, rel=0.02)
    assert coverage(circle((-20, 5), 6), (20, 20)).sum() == 0


def test_the_area_of_a_polygon_does_not_depend_on_its_direction():
    triangle = [(0, 0), (4, 0), (0, 3)]
    assert polygon_area(triangle) == polygon_area(triangle[::-1]) == 6.0


@pytest.mark.parametrize("seed", range(20))
def test_an_outline_gives_back_a_ragged_mask_exactly(seed):
    mask = np.random.default_rng(seed).random((12, 15)) > 0.35
    parts = ndimage.label(mask)[0]
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    around = ndimage.label(np.pad(~largest, 1, constant_values=True), np.ones((3, 3)))[0]
    expected = (around != around[0, 0])[1:-1, 1:-1]  # all that the largest part encloses
    polygon = outline(mask)
    assert np.array_equal(coverage(polygon, mask.shape), expected) and polygon_area(polygon) == expected.sum()
    steps = np.abs(np.roll(polygon, -1, axis=0) - polygon)
    assert (steps.min(axis=1) == 0).all() and ((polygon * 2) % 2 == 1).all()


def test_an_outline_takes_the_largest_part_and_fills_holes():
    mask = np.zeros((12, 12), int)
    mask[1:6, 1:6], mask[3, 3], mask[6, 6], mask[9:11, 9:11] = 1, 0, 1, 1
    assert polygon_area(outline(mask)) == 25 and len(outline(mask)) == 4
    assert (outline(mask).min(), outline(mask).max()) == (0.5, 5.5)


def test_an_outline_reaches_the_border_of_the_image():
    assert polygon_area(outline(np.ones((3, 4)))) == 12 and outline(np.ones((3, 4))).min() == -0.5
    with pytest.raises(InputError, match="an empty mask has no outline"):
        outline(np.zeros((3, 3)))
