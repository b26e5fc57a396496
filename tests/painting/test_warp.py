"""Painting by moving the source's own images: contours arrive where the mask wants them, and nothing folds."""

import numpy as np
import pytest

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import prepare
from cardiosynth.data.volumes import LABELS, LV
from cardiosynth.masks import source
from cardiosynth.masks.recipes import Recipe
from cardiosynth.painting import warp
from cardiosynth.study.sections import Grid
from discs import disc_subject

GRID = Grid(size_px=64)
RECIPES = {
    "ED half-way to ES": Recipe("1", "a", "interpolated-es", 6, 0, 12),
    "ES half-way to ED": Recipe("2", "a", "ed-interpolated", 12, 6, 12),
    "both scaled": Recipe("3", "a", "scaled", 12, 0, 12, 1.2, 0.7),
    "dilated": Recipe("4", "a", "original", 12, 0, 12, variant="dilated", amount=1.2),
}


@pytest.fixture(scope="module")
def hearts():
    return [prepare(phantom.subject("a", "train", index, 4, 1), GRID) for index in range(4)]


def through(mask, taken):
    """Labels of a source where each pixel is taken from, the nearest."""
    rows, columns = np.rint(taken).astype(int).clip(0, mask.shape[0] - 1)
    return mask[rows, columns]


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_without_a_change_of_the_mask_the_image_stays(hearts):
    for heart in hearts:
        same = warp.warp_stack(heart.images, heart.masks, heart.masks, GRID.spacing_mm)
        assert np.abs(same.astype(int) - heart.images).max() <= 1


def test_a_disc_gets_the_area_that_is_wanted():
    heart = disc_subject("disc", 9, np.random.default_rng(0))
    for radius in (6, 8, 10, 12):
        wanted = disc_subject("wanted", radius, np.random.default_rng(1)).masks
        blood = warp.warp_stack(heart.images, heart.masks, wanted, 2.0) > 155
        assert blood.sum() == pytest.approx((wanted == LV).sum(), rel=0.03)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_structures_arrive_where_the_mask_wants_them_and_nothing_folds(hearts, recipe):
    moved, wanted = [], []
    for heart in hearts:
        frames = source.apply(recipe, heart.masks)
        for (slice_, phase), lender in np.ndenumerate(warp.lenders(heart.masks, frames)):
            mask = heart.masks[slice_, lender]
            taken = warp.places(mask, frames[slice_, phase], GRID.spacing_mm)
            (row_y, row_x), (column_y, column_x) = (np.gradient(axis) for axis in taken)
            assert (row_y * column_x - row_x * column_y).min() > 0
            moved.append(through(mask, taken))
            wanted.append(frames[slice_, phase])
    moved, wanted = np.stack(moved), np.stack(wanted)
    for name, least in (("lv", 0.93), ("myocardium", 0.85), ("rv", 0.85)):
        assert dice(moved == LABELS[name], wanted == LABELS[name]) > least, name


def test_far_from_the_heart_nothing_moves(hearts):
    heart = hearts[0]
    wanted = source.apply(RECIPES["both scaled"], heart.masks)
    warped = warp.warp_stack(heart.images, heart.masks, wanted, GRID.spacing_mm)
    corner = warped[:, :, :4, :4]
    assert all(any(np.array_equal(corner[:, phase], heart.images[:, lender, :4, :4]) for lender in (0, 1)) for phase in (0, 1))


def test_a_phase_is_taken_from_the_nearer_one_and_where_that_has_no_cavity_from_the_other():
    heart = disc_subject("disc", 9, np.random.default_rng(0))
    heart.masks[1, 1] = 0
    heart.images[:, 0, 0, 0], heart.images[:, 1, 0, 0] = 1, 255
    wanted = heart.masks.copy()
    wanted[:, 0] = wanted[:, 1] = heart.masks[:1, 1]
    warped = warp.warp_stack(heart.images, heart.masks, wanted, 2.0)
    assert (warped[0, :, 0, 0] > 200).all() and (warped[1, :, 0, 0] < 50).all()


def test_a_cavity_that_the_mask_lacks_closes():
    heart = disc_subject("disc", 9, np.random.default_rng(0))
    wanted = heart.masks.copy()
    wanted[wanted == LV] = LABELS["myocardium"]
    blood = warp.warp_stack(heart.images, heart.masks, wanted, 2.0) > 155
    assert blood.sum() <= 4 * blood.shape[0] * blood.shape[1]


def test_the_centre_lies_in_both_cavities_whatever_their_shape():
    rows, columns = np.indices((64, 64))
    ring = np.hypot(rows - 32, columns - 32)
    crescent = np.where((ring > 8) & (ring < 14) & (columns > 30), LV, np.where(ring < 17, LABELS["myocardium"], 0))
    row, column = warp._centre(crescent, crescent).astype(int)
    assert crescent[row, column] == LV


def test_without_a_cavity_the_wall_still_moves():
    rows, columns = np.indices((64, 64))
    distance = np.hypot(rows - 32, columns - 32)
    mask, wanted = (np.where(distance < radius, LABELS["myocardium"], 0) for radius in (5, 9))
    assert dice(through(mask, warp.places(mask, wanted, 2.0)) > 0, wanted > 0) > 0.93
