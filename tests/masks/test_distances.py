"""Signed distances against shapes whose distances are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cardiosynth.masks.distances import (
    bounding_box,
    interpolate,
    interpolate_as_printed,
    scale_distances,
    shrink_into_absent,
    signed_distance,
    signed_distances,
)
from cardiosynth.study.errors import InputError

SIZE, STEPS = 96, 12
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
shapes = hnp.arrays(bool, (12, 14))


def radius_at(row=47.5, column=47.5):
    return np.hypot(ROWS - row, COLUMNS - column)


def test_half_plane_is_exact_to_the_half_pixel():
    distance = signed_distance(COLUMNS < 40)
    np.testing.assert_allclose(distance, 39.5 - COLUMNS)


def test_disc_is_within_a_pixel_of_radius_minus_distance_from_centre_and_unbiased_at_its_edge():
    distance, exact = signed_distance(radius_at() < 30), 30 - radius_at()
    assert np.abs(distance - exact).max() < 0.75
    assert abs((distance - exact)[np.abs(exact) < 3].mean()) < 0.1


@given(shapes)
def test_a_shape_and_its_complement_differ_by_sign_and_the_sign_is_the_shape(mask):
    distance = signed_distance(mask)
    np.testing.assert_array_equal(distance, -signed_distance(~mask))
    np.testing.assert_array_equal(distance > 0, mask)
    assert np.abs(distance).min() >= 0.5 and np.isfinite(distance).all()


def test_empty_and_full_masks_are_further_than_anything_in_the_frame():
    empty = np.zeros((5, 7), bool)
    assert (signed_distance(empty) == -12).all() and (signed_distance(~empty) == 12).all()


@pytest.mark.parametrize("alpha", range(STEPS + 1))
def test_radius_between_concentric_discs_is_the_weighted_mean(alpha):
    ed, es = signed_distance(radius_at(47.3, 47.6) < 36.2), signed_distance(radius_at(47.3, 47.6) < 11.9)
    area = (interpolate(ed, es, alpha, STEPS) > 0).sum()
    assert np.sqrt(area / np.pi) == pytest.approx((alpha * 36.2 + (STEPS - alpha) * 11.9) / STEPS, abs=0.25)


@given(shapes, shapes, st.integers(0, STEPS))
def test_exchanging_ed_and_es_with_alpha_changes_no_bit_and_the_ends_are_the_originals(ed, es, alpha):
    first, second = signed_distance(ed), signed_distance(es)
    mixed = interpolate(first, second, alpha, STEPS)
    assert mixed.tobytes() == interpolate(second, first, STEPS - alpha, STEPS).tobytes()
    np.testing.assert_array_equal(interpolate(first, second, STEPS, STEPS) > 0, ed)
    np.testing.assert_array_equal(interpolate(first, second, 0, STEPS) > 0, es)


def test_as_printed_every_alpha_gives_one_mask_and_as_intended_twelve():
    ed, es = signed_distance(radius_at() < 36), signed_distance(radius_at() < 12)
    printed = {(interpolate_as_printed(ed, es, alpha, STEPS) > 0).sum() for alpha in range(1, STEPS + 1)}
    intended = [(interpolate(ed, es, alpha, STEPS) > 0).sum() for alpha in range(1, STEPS + 1)]
    assert printed == {intended[STEPS // 2 - 1]} and len(set(intended)) == STEPS


@pytest.mark.parametrize(("alpha", "steps"), [(-1, 12), (13, 12), (0, 0)])
def test_alpha_outside_its_domain_is_refused(alpha, steps):
    with pytest.raises(InputError, match="alpha is"):
        interpolate(np.ones((2, 2)), np.ones((2, 2)), alpha, steps)


def test_a_disc_in_one_phase_shrinks_with_radius_in_proportion_to_alpha():
    empty = np.zeros((SIZE, SIZE), bool)
    ed, es = shrink_into_absent(signed_distance(radius_at(48, 48) < 24.3), signed_distance(empty))
    areas = [(interpolate(ed, es, alpha, STEPS) > 0).sum() for alpha in range(STEPS + 1)]
    assert areas[0] == 0 and areas[-1] == (radius_at(48, 48) < 24.3).sum()
    np.testing.assert_allclose(np.sqrt(np.array(areas) / np.pi), np.arange(STEPS + 1) / STEPS * 24.3, atol=0.75)


@settings(max_examples=50)
@given(shapes)
def test_whatever_its_shape_a_structure_in_one_phase_only_grows_with_alpha(mask):
    ed, es = shrink_into_absent(signed_distance(mask), signed_distance(np.zeros_like(mask)))
    grown = np.zeros_like(mask)
    for alpha in range(STEPS + 1):
        between = interpolate(ed, es, alpha, STEPS) > 0
        assert not (grown & ~between).any()
        grown = between
    np.testing.assert_array_equal(grown, mask)


def test_structures_in_both_phases_or_none_are_left_alone():
    disc, empty = signed_distance(radius_at() < 20), signed_distance(np.zeros((SIZE, SIZE), bool))
    for pair in ((disc, disc - 5), (empty, empty)):
        assert all(np.array_equal(a, b) for a, b in zip(shrink_into_absent(*pair), pair))


def nested(row, column, lv, epicardium, heart):
    return np.stack([signed_distance(radius_at(row, column) < r) for r in (lv, epicardium, heart)])[:, None]


@pytest.mark.parametrize("scale", [0.7**0.5, 0.9, 1.1, 1.2**0.5])
def test_scaling_multiplies_radii_and_keeps_the_lv_centroid(scale):
    scaled = scale_distances(nested(50.3, 44.8, 16, 22, 26), scale)
    for distance, radius in zip(scaled[:, 0], (16, 22, 26)):
        inside = distance > 0
        assert np.sqrt(inside.sum() / np.pi) == pytest.approx(radius * scale, abs=0.25)
        np.testing.assert_allclose([ROWS[inside].mean(), COLUMNS[inside].mean()], [50.3, 44.8], atol=0.25)


def test_scaled_distances_stay_distances():
    scaled = scale_distances(nested(47.5, 47.5, 16, 22, 26), 1.3)
    assert np.abs(scaled[0, 0] - (16 * 1.3 - radius_at())).max() < 1.0


def test_without_lv_the_centre_is_the_next_structure_and_slices_are_independent():
    with_lv, empty = nested(40, 40, 10, 20, 30), signed_distance(np.zeros((SIZE, SIZE), bool))
    rv_only = np.stack([empty, empty, signed_distance(radius_at(60, 30) < 12)])[:, None]
    scaled = scale_distances(np.concatenate([with_lv, rv_only], axis=1), 0.8)
    np.testing.assert_array_equal(scaled[:, :1], scale_distances(with_lv, 0.8))
    inside = scaled[2, 1] > 0
    np.testing.assert_allclose([ROWS[inside].mean(), COLUMNS[inside].mean()], [60, 30], atol=0.25)


def test_beyond_the_frame_there_is_background():
    half_plane = signed_distance(COLUMNS < 40)
    disc = signed_distance(radius_at() < 10)
    inside = scale_distances(np.stack([disc, disc, half_plane])[:, None], 0.5)[2, 0] > 0
    columns = np.flatnonzero(inside.any(axis=0))
    assert (columns.min(), columns.max()) == (24, 43)  # 47.5 + 0.5 (x - 47.5) for the edges -0.5 and 39.5


# ---------------------------------------------------------------- Eq. (1) both ways, on any masks


@given(shapes, st.integers(1, STEPS))
def test_where_ed_is_es_every_alpha_gives_that_mask(mask, steps):
    distance = signed_distances(np.stack([mask, mask])[None])[0]
    for alpha in range(steps + 1):
        np.testing.assert_array_equal(interpolate(*distance, alpha, steps) > 0, mask)


@given(shapes, shapes)
def test_as_printed_any_two_masks_give_one_and_the_same_mask_for_every_alpha(ed, es):
    distances = signed_distance(ed), signed_distance(es)
    first = interpolate_as_printed(*distances, 1, STEPS) > 0
    for alpha in range(2, STEPS + 1):
        np.testing.assert_array_equal(interpolate_as_printed(*distances, alpha, STEPS) > 0, first)


@given(shapes, shapes)
def test_where_es_lies_inside_ed_no_pixel_leaves_as_alpha_rises(ed, other):
    ends = shrink_into_absent(*signed_distances(np.stack([ed, ed & other])[None])[0])
    masks = np.stack([interpolate(*ends, alpha, STEPS) > 0 for alpha in range(STEPS + 1)])
    assert not (masks[:-1] & ~masks[1:]).any()


@given(hnp.arrays(bool, (2, 9, 8)))
def test_distances_in_the_box_are_those_of_the_whole_frame(phases):
    frame = np.zeros((1, 2, 20, 17), bool)
    frame[0, :, 4:13, 5:13] = phases
    cropped, whole = signed_distances(frame), signed_distances(frame, cropped=False)
    box = bounding_box(frame)
    np.testing.assert_array_equal(cropped[..., *box], whole[..., *box])
    np.testing.assert_array_equal(cropped > 0, frame)
    outside = np.ones(frame.shape, bool)
    outside[..., *box] = False
    assert (cropped[outside] == -37).all() or not frame.any()


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(InputError, match="scale is"):
        scale_distances(nested(47.5, 47.5, 16, 22, 26), scale)
