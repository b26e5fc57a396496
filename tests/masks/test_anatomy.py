"""Checks of synthetic masks on discs: each cause on a sound heart that is broken in one way."""

import numpy as np
import pytest

from cardiosynth.data.volumes import LV
from cardiosynth.masks.anatomy import AREA_TOLERANCE_PX, CAUSES, SOUND_JUMP, examine, faults, largest_jump, own_faults
from cardiosynth.masks.recipes import enumerate_recipes
from cardiosynth.masks.source import Source
from cardiosynth.study.sections import Masks

SIZE, SLICES = 48, 6
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


def disc(radius, row=24, column=26):
    return np.hypot(ROWS - row, COLUMNS - column) < radius


def frame(lv, wall=4):
    labels = np.zeros((SIZE, SIZE), np.uint8)
    if lv > 0:
        labels[disc(0.7 * lv, column=26 - lv - wall)] = 1
        labels[disc(lv + wall)] = 2
        labels[disc(lv)] = 3
    return labels


def heart(ed=12.0, es=8.0):
    """Cones: the LV tapers evenly from base to apex, at ED and at ES."""
    taper = np.linspace(1, 0.5, SLICES)
    return np.array([[frame(ed * t), frame(es * t, 5)] for t in taper])


def two_cavities(masks):
    masks[2, 0, 24, :] = np.where(masks[2, 0, 24] == LV, 2, masks[2, 0, 24])


def gap(masks):
    masks[3, 1, 24, 26:] = np.where(masks[3, 1, 24, 26:] == 2, 3, masks[3, 1, 24, 26:])


def two_ventricles(masks):
    masks[1, 0, 2:5, 2:5] = 1


def rv_inside(masks):
    column = np.flatnonzero(masks[2, 0, 24] == LV)[0]
    masks[2, 0, 24, column - 1] = 1


def vanishing(masks):
    masks[3, 1] = 0


def grown(masks):
    masks[2, 1] = frame(13)


BREAKS = {
    two_cavities: ["lv in pieces"],
    gap: ["wall open"],
    two_ventricles: ["rv not apart"],
    rv_inside: ["wall open", "rv not apart"],
    vanishing: ["areas jump"],
    grown: ["areas jump", "es above ed"],
}


def broken(how):
    masks = heart()
    how(masks)
    return masks


def test_sound_hearts_have_no_faults():
    assert faults(heart(), heart()) == [] and own_faults(heart()) == []
    assert faults(heart(13, 6), heart()) == []


@pytest.mark.parametrize(("how", "causes"), BREAKS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_each_fault_has_its_cause(how, causes):
    made = broken(how)
    assert faults(made, heart()) == causes and own_faults(made) == causes
    assert {cause for named in BREAKS.values() for cause in named} == set(CAUSES)


@pytest.mark.parametrize("how", BREAKS, ids=lambda how: how.__name__)
def test_a_candidate_is_not_blamed_for_what_its_source_has(how):
    assert faults(broken(how), broken(how)) == []


def test_what_the_source_has_in_one_phase_is_allowed_in_the_other_but_not_in_another_slice():
    source, other_phase, other_slice = broken(gap), heart(), heart()
    for made, index in ((other_phase, (3, 0)), (other_slice, (4, 1))):
        made[*index, 24, 26:] = np.where(made[*index, 24, 26:] == 2, 3, made[*index, 24, 26:])
    assert faults(other_phase, source) == [] and faults(other_slice, source) == ["wall open"]


def test_more_pieces_than_the_source_has_are_a_fault():
    made = broken(two_ventricles)
    made[1, 0, 2:5, 40:43] = 1
    assert faults(made, broken(two_ventricles)) == ["rv not apart"]


def test_pixels_that_touch_at_a_corner_are_one_piece_and_close_a_wall():
    masks = np.zeros((1, 2, 9, 9), np.uint8)
    for row, column in ((3, 3), (4, 4)):
        masks[0, 0, row - 1 : row + 2, column] = 2
        masks[0, 0, row, column - 1 : column + 2] = 2
    masks[0, 0, [3, 4], [3, 4]] = 3
    found = examine(masks)
    assert found.lv_pieces[0, 0] == 1 and found.wall_gaps[0, 0] == 0
    masks[0, 0, 2, 3] = 0
    assert examine(masks).wall_gaps[0, 0] == 1


def test_beyond_the_frame_is_background():
    masks = np.full((1, 2, 5, 5), 3, np.uint8)
    assert examine(masks).wall_gaps.tolist() == [[16, 16]]


def test_findings_count_pieces_and_areas_by_slice_and_phase():
    masks = broken(two_cavities)
    found = examine(masks)
    expected = np.ones((SLICES, 2), int)
    assert (found.rv_pieces == expected).all()
    expected[2, 0] = 2
    assert (found.lv_pieces == expected).all()
    assert (found.lv_area == (masks == LV).sum(axis=(2, 3))).all()


def test_the_jump_is_that_of_the_radius():
    """A cone has none; a slice without the cavity of its neighbours has twice the largest radius."""
    cone = np.arange(1, 7)[:, None] ** 2 * np.ones(2)
    assert largest_jump(cone) == pytest.approx(0)
    lost = np.full((7, 2), 100)
    lost[3, 1] = 0
    assert largest_jump(lost) == pytest.approx(2)
    lost[:3, 1] = 0
    assert largest_jump(lost) == pytest.approx(1)
    assert largest_jump(lost[:2]) == 0 and largest_jump(np.zeros((5, 2))) == 0
    assert largest_jump((heart() == LV).sum(axis=(2, 3))) < 0.1 < SOUND_JUMP


def test_an_excess_of_es_within_two_pixels_is_none():
    source = heart(9, 9)
    for extra, causes in ((AREA_TOLERANCE_PX, []), (AREA_TOLERANCE_PX + 1, ["es above ed"])):
        made = source.copy()
        inner = np.argwhere(made[2, 0] == LV)
        rim = inner[np.argsort(np.hypot(*(inner - [24, 26]).T))[-extra:]]
        made[2, 0, rim[:, 0], rim[:, 1]] = 2
        assert faults(made, source) == causes


def test_hearts_of_nothing_and_of_one_slice_are_checked_too():
    empty = np.zeros((1, 2, 8, 8), np.uint8)
    assert faults(empty, empty) == [] and own_faults(empty) == []
    assert faults(heart()[:1], heart()[:1]) == []


def test_a_structure_of_one_phase_fades_without_a_jump():
    """Absent at ES, a disc's radius is alpha times the whole: its area grows by no step above (2 - 1/12)/12 = 16 %."""
    rows, columns = np.mgrid[:80, :80]
    distance = np.hypot(rows - 39.3, columns - 40.8)  # off the grid, so that pixels do not come in rings
    disc_at_ed = np.where(distance < 22, 3, np.where(distance < 30, 2, 0))
    source = np.zeros((1, 2, 80, 80), np.uint8)
    source[0, 0] = disc_at_ed
    whole = {label: (disc_at_ed == label).sum() for label in (2, 3)}
    steps = Masks().interpolations + 1
    made = [Source(source).apply(recipe) for recipe in enumerate_recipes("x", Masks(include_original=False))[: steps - 1]]
    for label in (2, 3):
        share = np.array([0, *((masks[0, 1] == label).sum() for masks in made), whole[label]]) / whole[label]
        assert np.diff(share).min() >= 0 and np.diff(share).max() <= 0.2
        np.testing.assert_allclose(share, (np.arange(steps + 1) / steps) ** 2, atol=0.03)
    assert all(faults(masks, source) == [] for masks in made[2:])  # until then the wall is thinner than 1.5 pixels
