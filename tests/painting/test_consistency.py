"""Change of the background, on stacks whose change is known."""

import numpy as np
import pytest

from cardiosynth.painting import consistency
from cardiosynth.study.errors import InputError

MM = (2.0, 2.0)


def stack(slices=3, size=48):
    masks = np.zeros((slices, 2, size, size), np.uint8)
    masks[:, 0, 18:30, 18:30] = 3
    masks[:, 1, 20:28, 20:28] = 3
    return np.full(masks.shape, 100, np.uint8), masks


def test_the_background_keeps_its_distance_from_the_heart_at_either_phase():
    _, masks = stack()
    where = consistency.background(masks, MM)
    assert where.shape == (3, 48, 48) and not where[:, 18:30, 18:30].any()
    assert not where[0, 24, 15] and where[0, 24, 14]  # 6 and 8 mm from the first column of the heart at ED
    masks[1] = 0
    assert consistency.background(masks, MM)[1].all()


def test_the_margin_is_in_millimetres_along_each_axis():
    _, masks = stack()
    where = consistency.background(masks, (1.0, 3.0))
    assert not where[0, 24, 16] and where[0, 24, 15] and not where[0, 12, 24] and where[0, 11, 24]


def test_equal_frames_do_not_change_and_an_offset_is_its_size():
    images, masks = stack()
    assert consistency.phase_change(images, masks, MM) == 0 == consistency.slice_change(images, masks, MM)
    images[:, 1] += 10
    assert consistency.phase_change(images, masks, MM) == pytest.approx(10) and consistency.slice_change(images, masks, MM) == 0
    images[1] += 20
    assert consistency.phase_change(images, masks, MM) == pytest.approx(10)
    assert consistency.slice_change(images, masks, MM) == pytest.approx(20)


def test_what_happens_in_the_heart_does_not_count():
    images, masks = stack()
    images[masks == 3] = 255
    assert consistency.phase_change(images, masks, MM) == 0 == consistency.slice_change(images, masks, MM)


def test_a_single_slice_has_no_neighbour():
    images, masks = stack(1)
    assert np.isnan(consistency.slice_change(images, masks, MM)) and consistency.phase_change(images, masks, MM) == 0


def test_noise_goes_and_structure_stays_where_images_are_smoothed():
    images, masks = stack()
    noisy = images + np.random.default_rng(0).integers(-20, 21, images.shape).astype(np.int16)
    shifted = images.astype(np.int16)
    shifted[:, 1, :, 24:] += 15
    table = consistency.changes([(noisy, masks, MM), (shifted, masks, MM)])
    assert table.loc[0, "ed_es_change_smooth"] < table.loc[0, "ed_es_change"] / 3
    assert table.loc[1, "ed_es_change_smooth"] == pytest.approx(table.loc[1, "ed_es_change"], rel=0.1)


def test_painted_over_real():
    images, masks = stack()
    moved = images.copy()
    moved[:, 1] += 10
    more = images.copy()
    more[:, 1] += 15
    real, painted = (consistency.changes([(each, masks, MM)]) for each in (moved, more))
    ratios = consistency.relative(painted, real)
    assert ratios["ed_es_change"] == pytest.approx(1.5) and ratios["ed_es_change_smooth"] == pytest.approx(1.5)
    assert np.isnan(ratios["slice_change"])  # real slices that are all alike


def test_without_hearts_there_is_no_change():
    with pytest.raises(InputError, match="no hearts"):
        consistency.changes([])
