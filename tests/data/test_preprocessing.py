import numpy as np
import pytest

from cardiosynth.data.preprocessing import (
    Placement,
    centre_error_mm,
    exclude,
    lv_lost_percent,
    normalise,
    place,
    prepare,
    sample_linear,
    sample_nearest,
)
from cardiosynth.data.volumes import LV
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid
from made_up_hearts import heart


def test_a_linear_ramp_keeps_its_slope_per_mm_and_its_centre():
    """Value = x in mm about the image centre: sampling at another pixel size must give the new x."""
    x_mm = (np.arange(200) - 99.5) * 1.25
    image = np.broadcast_to(x_mm, (1, 200, 200))
    grid = Grid(size_px=50, extent_mm=150.0)
    sampled = sample_linear(image, (1.25, 1.25), grid)
    assert sampled.shape == (1, 50, 50)
    assert np.allclose(sampled[0, 25], (np.arange(50) - 24.5) * 3.0, atol=0.03)  # of 3 mm pixels


def test_the_same_grid_changes_nothing():
    rng = np.random.default_rng(1)
    image, labels = rng.random((2, 40, 40)).astype(np.float32), rng.integers(0, 4, (2, 40, 40))
    grid = Grid(size_px=40, extent_mm=60.0)
    assert np.allclose(sample_linear(image, (1.5, 1.5), grid), image, atol=1e-6)
    assert np.array_equal(sample_nearest(labels, (1.5, 1.5), grid), labels)


def test_a_disc_keeps_its_area_in_mm2():
    rows, columns = np.mgrid[0:180, 0:240]
    disc = (((rows - 89.5) * 1.4) ** 2 + ((columns - 119.5) * 0.9) ** 2 <= 30**2) * LV
    sampled = sample_nearest(disc, (1.4, 0.9), Grid(size_px=150, extent_mm=150.0))
    assert (sampled == LV).sum() == pytest.approx(np.pi * 30**2, rel=0.01)


def test_outside_a_small_scan_there_is_background():
    ones = np.ones((1, 50, 50), np.uint8)
    grid = Grid(size_px=100, extent_mm=100.0)
    assert sample_nearest(ones, (1.0, 1.0), grid).sum() == 2500
    assert sample_linear(ones, (1.0, 1.0), grid)[0, 0, 0] == 0


def test_quantiles_span_the_range():
    grid = Grid(size_px=32, low_quantile=0.1, high_quantile=0.9)
    image = normalise(np.arange(1001.0).reshape(1, 1, 7, 143), grid, "x")
    assert image.min() == 0 and image.max() == 255
    assert (image == 0).mean() == pytest.approx(0.1, abs=0.01) and (image == 255).mean() == pytest.approx(0.1, abs=0.01)


def test_a_black_scan_is_refused():
    with pytest.raises(InputError, match="x: the images are constant"):
        normalise(np.zeros((3, 2, 8, 8)), Grid(size_px=32), "x")


def test_only_slices_with_lv_stay_and_the_volume_is_the_scans_own():
    masks = np.zeros((6, 2, 40, 40), np.uint8)
    masks[1:5, 0, 15:25, 15:25] = LV
    masks[2:4, 1, 18:22, 18:22] = LV
    images = np.random.default_rng(0).random((6, 2, 40, 40))
    subject = prepare(heart(images=images, masks=masks, spacing_mm=(2.0, 2.0)), Grid(size_px=32, extent_mm=80.0))
    assert subject.images.shape == subject.masks.shape == (4, 2, 32, 32)
    assert subject.images.dtype == np.uint8 and (subject.edv_ml, subject.spacing_mm) == (100.0, (2.5, 2.5))


def test_exclusion_spares_the_test_patients_and_says_why():
    grid = Grid(size_px=32, minimum_slices=5)
    subjects = [
        heart("short", 4),
        heart("moved", 6, extra={"split": "validation", "motion": True}),
        heart("fine", 6),
        heart("short test", 2, extra={"split": "test", "motion": True}),
    ]
    excluded = []
    assert [s.id for s in exclude(subjects, grid, excluded)] == ["fine", "short test"]
    assert [(row["id"], row["reason"]) for row in excluded] == [("short", "fewer than 5 consecutive slices"), ("moved", "marked for motion")]


def off_centre_heart(centre=(40, 130), radius=20, shape=(120, 160)):
    """Three slices with a disc of LV, brighter at ED, between two empty ones."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    masks = np.zeros((5, 2, *shape), np.uint8)
    masks[1:4, 0], masks[1:4, 1] = LV * (distance <= radius), LV * (distance <= radius / 2)
    images = np.random.default_rng(0).normal(100, 3, masks.shape) + 100 * (masks == LV)
    return heart(slices=5, images=images, masks=masks)


def test_the_crop_follows_the_point_it_is_given():
    scan, grid = off_centre_heart(), Grid(size_px=60, extent_mm=60.0)
    ready = prepare(scan, grid, Placement(np.arange(1, 4), (40.0, 130.0)))
    centroid = np.argwhere(ready.masks == LV)[:, 2:].mean(axis=0)
    assert centroid == pytest.approx([29.5, 29.5], abs=0.51)
    assert (ready.masks[:, 0] == LV).sum() == pytest.approx((scan.masks[:, 0] == LV).sum(), rel=0.02)
    assert ready.images[1, 0, 29, 29] > 200 > 100 > ready.images[1, 0, 2, 2]


def test_what_the_crop_cuts_away_is_counted():
    scan, grid = off_centre_heart(), Grid(size_px=60, extent_mm=60.0)
    whole, half = Placement(np.arange(1, 4), (40.0, 130.0)), Placement(np.arange(1, 4), (40.0, 160.5))
    assert lv_lost_percent(scan, whole, grid) == 0 and centre_error_mm(scan, whole) == pytest.approx(0, abs=1e-9)
    assert lv_lost_percent(scan, half, grid) == pytest.approx(50, abs=2.5) and centre_error_mm(scan, half) == pytest.approx(30.5)
    assert lv_lost_percent(scan, Placement(np.arange(1, 3), (40.0, 130.0)), grid) == pytest.approx(100 / 3)


def test_the_heart_is_where_it_beats_and_the_image_centre_is_the_papers_choice():
    scan = off_centre_heart()
    assert place(scan, Grid()).centre_px == (59.5, 79.5)
    found = place(scan, Grid(centre="heart"))
    assert np.hypot(*np.subtract(found.centre_px, (40, 130))) < 6
    assert found.slices.tolist() == [1, 2, 3]
