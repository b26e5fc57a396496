"""Variants of hearts of nested discs, whose areas and walls are known."""

import numpy as np
import pytest

from cardiosynth.masks.recipes import DEFAULTS, Recipe, enumerate_recipes
from cardiosynth.masks.source import apply, compose
from cardiosynth.masks.variants import vary
from cardiosynth.study.sections import Masks

SIZE, SLICES, ROW, COLUMN = 96, 8, 47.3, 52.6
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
RADIUS = np.hypot(ROWS - ROW, COLUMNS - COLUMN)
ANGLE = np.degrees(np.arctan2(ROWS - ROW, COLUMNS - COLUMN))
NOWHERE = np.full((SIZE, SIZE), -2.0 * SIZE)


def stack(lv, wall, slices=SLICES):
    """Distances of discs about one axis with an RV to the left that touches the wall; lv may be given by slice."""
    radii = np.broadcast_to(np.asarray(lv, float), slices)
    rv = [np.minimum(16 - np.hypot(ROWS - ROW, COLUMNS - COLUMN + r + wall), 60 - RADIUS) for r in radii]
    there = [[r - RADIUS, r + wall - RADIUS, part] if r > 0 else [NOWHERE] * 3 for r, part in zip(radii, rv)]
    return np.array(there).transpose(1, 0, 2, 3)


def made(variant, ed, es, amount=None, angle_deg=0.0, es_alpha=0):
    amount = DEFAULTS[variant].default if amount is None else amount
    recipe = Recipe("x", "heart", "original", 12, es_alpha, 12, variant=variant, amount=amount, angle_deg=angle_deg)
    before = ed.copy(), es.copy()
    varied = vary(ed, es, recipe)
    assert np.array_equal(before[0], ed) and np.array_equal(before[1], es), "distances are shared between recipes"
    return np.stack([compose(frame) for frame in varied], axis=1)


def pixels(masks, label):
    """Pixels of one label by slice and phase."""
    return (masks == label).sum(axis=(2, 3))


def radius(masks, *labels):
    return np.sqrt(np.isin(masks, labels).sum(axis=(2, 3)) / np.pi)


ED, ES = stack(20, 6), stack(13, 7)
PLAIN = made("plain", ED, ES)
VARIANTS = [name for name in DEFAULTS if name != "plain"]


def test_plain_gives_back_the_distances_themselves():
    ed, es = vary(ED, ES, Recipe("x", "heart", "original", 12, 0, 12))
    assert ed is ED and es is ES


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_changes_the_heart_and_is_made_again_bit_for_bit(variant):
    first = made(variant, ED, ES, angle_deg=30.0)
    assert not np.array_equal(first, PLAIN)
    assert first.tobytes() == made(variant, ED, ES, angle_deg=30.0).tobytes()


@pytest.mark.parametrize(("variant", "amount"), [("shortened", 0.0), ("hypertrophic", 1.0), ("dilated", 1.0)])
def test_the_amount_that_means_no_change_changes_nothing(variant, amount):
    assert np.array_equal(made(variant, ED, ES, amount), PLAIN)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_cavity_stays_closed_and_the_rv_at_the_septum(variant):
    masks = made(variant, ED, ES, angle_deg=30.0)
    lv = masks == 3
    for shift, axis in ((1, 2), (-1, 2), (1, 3), (-1, 3)):
        assert np.isin(masks[np.roll(lv, shift, axis)], [2, 3]).all()
    with_rv = (masks == 1).any(axis=(2, 3))
    assert with_rv.sum() >= 2 * SLICES - 2
    touching = (np.roll(masks == 1, 1, axis=3) & (masks == 2)).any(axis=(2, 3))
    assert (touching == with_rv).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("ed, es", [(stack(0, 0), stack(0, 0)), (ED[:, :1], ES[:, :1]), (ED, stack(0, 0))])
def test_hearts_without_lv_or_with_one_slice_are_no_reason_to_fail(variant, ed, es):
    masks = made(variant, ed, es)
    assert masks.shape == (ed.shape[1], 2, SIZE, SIZE)
    assert ((masks[:, 1] == 3).any()) == bool((es[0] > 0).any())


@pytest.mark.parametrize("amount", [0.9, 1.0, 1.1])
def test_conserved_gives_es_the_myocardial_volume_of_ed_to_the_pixel(amount):
    ed, es = stack(np.linspace(22, 8, SLICES), 6), stack(np.linspace(15, 3, SLICES), 6)
    masks = made("conserved", ed, es, amount)
    plain = made("plain", ed, es)
    assert pixels(masks, 2)[:, 1].sum() == round(amount * pixels(plain, 2)[:, 0].sum())
    assert np.array_equal(masks[:, 0], plain[:, 0]) and np.array_equal(masks == 3, plain == 3)
    moved = (radius(masks, 2, 3) - radius(plain, 2, 3))[:, 1]
    np.testing.assert_allclose(moved, moved.mean(), atol=0.15)  # one offset for the stack


@pytest.mark.slow
def test_conserved_holds_for_masks_of_pixels_whose_distances_have_ties():
    taper = np.linspace(1, 0.3, SLICES)
    source = np.stack([compose(stack(20 * taper, 6)), compose(stack(13 * taper, 5))], axis=1)
    for recipe in enumerate_recipes("heart", Masks(variants=["conserved"], include_original=True)):
        assert np.ptp(pixels(apply(recipe, source), 2).sum(axis=0)) == 0


def test_where_the_wall_moves_inwards_the_rv_fills_the_gap_and_nothing_else_does():
    thick = stack(13, 16)
    masks, plain = made("conserved", ED, thick), made("plain", ED, thick)
    vacated = (plain[:, 1] == 2) & (masks[:, 1] != 2)
    assert set(np.unique(masks[:, 1][vacated])) == {0, 1}
    assert (masks[:, 1][vacated & (ANGLE > -90) & (ANGLE < 90)] == 0).all()


@pytest.mark.parametrize("amount", [0.06, 0.125, 0.2, 0.3])
def test_shortened_takes_the_amount_off_the_volume_of_a_cylinder_from_the_base(amount):
    masks = made("shortened", ED, ES, amount)
    np.testing.assert_allclose(pixels(masks, 3).sum(axis=0) / pixels(PLAIN, 3).sum(axis=0), [1, 1 - amount], atol=0.01)
    whole = int(np.ceil(amount * SLICES))
    assert np.array_equal(masks[whole:], PLAIN[whole:]) and np.array_equal(masks[:, 0], PLAIN[:, 0])
    assert (pixels(masks, 3)[: int(amount * SLICES), 1] == 0).all()


def test_shortened_compresses_a_cone_towards_its_apex():
    taper = np.linspace(20, 6, SLICES)
    masks = made("shortened", ED, stack(taper, 6), 0.125)
    apex = SLICES - 0.5  # the end of the last slice
    place = apex - (apex - np.arange(1, SLICES)) / (1 - 0.125)
    np.testing.assert_allclose(radius(masks, 3)[1:, 1], np.interp(place, np.arange(SLICES), taper), atol=0.2)


def test_shortening_already_seen_counts_and_a_part_of_the_beat_has_its_part():
    one_less = stack([0] + [13] * (SLICES - 1), 7)
    assert np.array_equal(made("shortened", ED, one_less, 0.12), made("plain", ED, one_less))
    assert pixels(made("shortened", ED, one_less, 0.25), 3)[:, 1].sum() / pixels(PLAIN, 3)[:, 1].sum() == pytest.approx(6 / 8, abs=0.01)
    half = pixels(made("shortened", ED, ES, 0.15, es_alpha=6), 3)[:, 1].sum()
    assert half / pixels(PLAIN, 3)[:, 1].sum() == pytest.approx(1 - 0.15 / 2, abs=0.01)


@pytest.mark.parametrize("lv, wall", [(20, 6), (13, 7), (5, 12)])
def test_hypertrophic_thickens_the_wall_by_the_factor_and_leaves_small_cavities_open(lv, wall):
    masks = made("hypertrophic", stack(lv, wall), ES, 1.5)
    inwards = lv * 0.4 * wall / (lv + 0.4 * wall)
    np.testing.assert_allclose(radius(masks, 3)[0, 0], lv - inwards, atol=0.3)
    np.testing.assert_allclose(radius(masks, 2, 3)[0, 0], lv - inwards + 1.5 * wall, atol=0.3)


def test_dilated_moves_both_cavities_out_alike_and_keeps_the_muscle():
    masks = made("dilated", ED, ES, 1.2)
    np.testing.assert_allclose(radius(masks, 3)[0], [24, 17], atol=0.1)
    assert np.array_equal(pixels(masks, 2), pixels(PLAIN, 2))
    ef, before = (1 - np.divide(*pixels(m, 3).sum(axis=0)[::-1]) for m in (masks, PLAIN))
    assert ef < before
    np.testing.assert_allclose(pixels(masks, 1) / pixels(PLAIN, 1), 1, atol=0.35)  # pushed, not crushed


def test_dilated_keeps_the_slices_that_have_no_cavity():
    es = stack([0] + [13] * 6 + [0], 7)
    masks = made("dilated", ED, es)
    assert not masks[[0, 7], 1].any() and (pixels(masks, 3)[1:7, 1] > 700).all()


def test_an_infarct_stands_still_thinned_and_the_rest_beats_as_before():
    masks = made("infarcted", ED, ES, 100.0, angle_deg=40.0)
    away = abs((ANGLE - 40.0 + 180) % 360 - 180)
    inside, outside = away < 15, away > 85
    assert np.array_equal(masks[:, 1][:, outside], PLAIN[:, 1][:, outside])
    assert np.array_equal(masks[:, 0][:, outside], PLAIN[:, 0][:, outside])
    for label, low, high in ((3, 0, 20 + 0.3 * 6), (2, 20 + 0.3 * 6, 26)):
        ring = (RADIUS > low + 1) & (RADIUS < high - 1) & inside
        assert (masks[:, :, ring] == label).all()


def test_the_ef_falls_by_about_the_share_of_the_infarct():
    masks = made("infarcted", ED, ES, 90.0)
    stroke, before = (np.subtract(*pixels(m, 3).sum(axis=0)) for m in (masks, PLAIN))
    assert stroke / before == pytest.approx(0.75, abs=0.03)


def test_angles_are_0_to_the_next_column_and_90_to_the_next_row():
    for angle, (row, column) in ((0.0, (0, 1)), (90.0, (1, 0)), (180.0, (0, -1)), (270.0, (-1, 0))):
        more = (made("infarcted", ED, ES, 60.0, angle)[:, 1] == 3) & (PLAIN[:, 1] != 3)
        _, rows, columns = np.nonzero(more)
        towards = np.array([rows.mean() - ROW, columns.mean() - COLUMN])
        np.testing.assert_allclose(towards / np.hypot(*towards), [row, column], atol=0.1)
