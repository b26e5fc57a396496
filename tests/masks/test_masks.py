"""Mask synthesis on hearts of nested discs, whose areas are known."""

from collections import Counter

import numpy as np
import pytest

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LV, volume_ml
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.masks.candidates import candidates
from cardiosynth.masks.recipes import Recipe, enumerate_recipes, recipes
from cardiosynth.masks.source import Source, apply, synthesise, touches_border
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

SIZE, SLICES = 64, 5
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
RECIPES = enumerate_recipes("heart", Masks(include_original=False))


def frame(lv, wall, row=32.0, column=34.0):
    """LV, a wall around it and an RV that touches the wall; lv = 0 leaves the slice empty."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    if lv > 0:
        labels[np.hypot(ROWS - row, COLUMNS - column + lv + wall) < 0.8 * lv] = 1
        labels[np.hypot(ROWS - row, COLUMNS - column) < lv + wall] = 2
        labels[np.hypot(ROWS - row, COLUMNS - column) < lv] = 3
    return labels


def heart(ed=14.0, es=9.0, **place):
    """Five slices tapering to the apex, whose last slice has no cavity at ES."""
    taper = np.linspace(1, 0.4, SLICES)
    phases = [[frame(ed * t, 4, **place), frame(es * t if t > 0.4 else 0, 6, **place)] for t in taper]
    return np.array(phases)


def lv_areas(masks):
    return (masks == LV).sum(axis=(0, 2, 3))


def test_the_default_candidates_are_those_of_the_paper():
    counts = Counter(recipe.operation for recipe in RECIPES)
    assert counts == {"ed-interpolated": 11, "interpolated-es": 11, "scaled": 13}
    assert len({recipe.id for recipe in RECIPES}) == 35
    assert [r.es_alpha for r in RECIPES[:11]] == [r.ed_alpha for r in RECIPES[11:22]] == list(range(1, 12))
    assert {r.steps for r in RECIPES} == {12}


def test_gammas_fill_the_half_open_intervals_and_never_leave_both_frames_as_they_were():
    ed, es = (np.array([getattr(r, name) for r in RECIPES[22:]]) for name in ("ed_gamma", "es_gamma"))
    assert (ed.min(), es.min()) == (1.0, 0.7) and ed.max() < 1.2 and es.max() < 1.0
    np.testing.assert_allclose(np.diff(ed), 0.2 / 13, atol=2e-6)
    np.testing.assert_allclose(np.diff(es), -0.3 / 13, atol=2e-6)


@pytest.mark.parametrize(
    ("changes", "count"), [({"include_original": True}, 36), ({"scaling": "separate"}, 48), ({"interpolations": 2, "scales": 3}, 7)]
)
def test_settings_change_the_number_of_candidates(changes, count):
    assert len(enumerate_recipes("heart", Masks(**{"include_original": False} | changes))) == count


def test_the_original_recipe_gives_the_source_back_bit_for_bit():
    original = enumerate_recipes("heart", Masks(include_original=True))[0]
    made = apply(original, heart().astype(np.int16))
    assert made.dtype == np.uint8 and made.tobytes() == heart().tobytes()


def test_each_operation_keeps_one_original_frame_or_scales_both():
    source = heart()
    for recipe, made in zip(RECIPES, synthesise(source, RECIPES), strict=True):
        kept = [np.array_equal(made[:, phase], source[:, phase]) for phase in (0, 1)]
        if recipe.operation != "scaled":
            assert kept == [recipe.operation == "ed-interpolated", recipe.operation == "interpolated-es"]
        elif recipe in RECIPES[-10:]:  # weaker scales move less than half a pixel here
            assert not any(kept)


def test_interpolation_lowers_the_ejection_fraction_and_scaling_raises_it_monotonically():
    big = heart(ed=16.0, es=6.0)  # each step is more than the half pixel that a mask of pixels can show
    edv, esv = np.array([lv_areas(made) for made in synthesise(big, RECIPES)]).T
    ef = 1 - esv / edv
    source = 1 - lv_areas(big)[1] / lv_areas(big)[0]
    assert (ef[:22] < source).all() and (ef[22:] >= source).all() and ef[-1] > source
    assert (np.diff(ef[:11]) < 0).all() and (np.diff(ef[11:22]) > 0).all() and (np.diff(ef[22:]) >= 0).all()


@pytest.mark.parametrize(("acts_on", "power"), [("area", 1), ("length", 2)])
def test_gamma_scales_the_lv_area(acts_on, power):
    recipe = Recipe("x", "heart", "scaled", 12, 0, 12, 1.15, 0.75, acts_on)
    ratio = lv_areas(apply(recipe, heart())) / lv_areas(heart())
    np.testing.assert_allclose(ratio, [1.15**power, 0.75**power], rtol=0.03)


def test_interpolated_hearts_are_anatomical():
    """The LV has a closed wall, the RV touches it, and nothing lies where there was nothing."""
    source, shared = heart(), Source(heart())
    for recipe in RECIPES[:11]:
        made = shared.apply(recipe)[:-1, 1]
        around = np.zeros(made.shape, bool)
        for axis in (1, 2):
            for step in (-1, 1):
                around |= np.roll(made == LV, step, axis)
        assert np.isin(made[around], [2, 3]).all()
        contact = [(np.roll(m == 1, 1, axis=1) & (m == 2)).any() for m in made]
        assert all(contact)
        assert not (made > 0)[(source[:-1] == 0).all(axis=1)].any()


def test_a_slice_without_heart_at_es_fades_monotonically():
    areas = np.array([(made[-1, 1] == LV).sum() for made in synthesise(heart(), RECIPES[:11])])
    assert areas[0] <= 1 and (np.diff(areas) >= 0).all() and areas[-1] <= (heart()[-1, 0] == LV).sum()


def test_synthesis_is_reproducible_and_sharing_distances_changes_nothing():
    shared = [made.tobytes() for made in synthesise(heart(), RECIPES)]
    assert shared == [apply(recipe, heart()).tobytes() for recipe in RECIPES]


def test_structures_that_are_nowhere_stay_nowhere():
    assert not apply(RECIPES[3], np.zeros((2, 2, 8, 8), np.uint8)).any()


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        (np.full((1, 2, 8, 8), 4, np.uint8), r"unknown mask labels \[4\]"),
        (np.zeros((2, 8, 8), np.uint8), "shape"),
        (np.zeros((1, 2, 8, 8)), "float64"),
    ],
)
def test_bad_masks_are_refused(masks, sentence):
    with pytest.raises(InputError, match=sentence):
        Source(masks)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ed_alpha": 13}, "ed_alpha is 13"),
        ({"es_alpha": -1}, "es_alpha is -1"),
        ({"ed_gamma": 0.0}, "ed_gamma is 0.0"),
        ({"es_gamma": float("nan")}, "es_gamma is nan"),
        ({"operation": "mirrored"}, "mirrored"),
        ({"gamma_acts_on": "volume"}, "volume"),
    ],
)
def test_bad_recipes_are_refused(changes, sentence):
    good = {"id": "x", "source_id": "heart", "operation": "scaled", "ed_alpha": 12, "es_alpha": 0, "steps": 12}
    with pytest.raises(InputError, match=sentence):
        Recipe(**good | changes)


def test_an_interval_of_gamma_the_wrong_way_round_is_refused():
    with pytest.raises(InputError, match="masks.es_scale"):
        enumerate_recipes("heart", Masks(es_scale=(1.0, 0.7)))


# ---------------------------------------------------------------- the table of candidates


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A heart, one that the frame cuts, and one that ejects nearly nothing."""
    hearts = {"middle": heart(), "cut": heart(column=55.0), "weak": heart(ed=14.0, es=13.5)}

    def subjects():
        for name, masks in hearts.items():
            volumes = volume_ml(masks, 4.0, 10.0)
            yield Subject(name, "discs", masks, masks, (2.0, 2.0), 10.0, *volumes, {"split": "train"})

    return write_cohort(tmp_path_factory.mktemp("cohort"), subjects())


@pytest.fixture(scope="module")
def table(cohort):
    return candidates(cohort, Masks(include_original=True))


def test_volumes_and_ef_are_those_of_the_masks(cohort, table):
    assert len(table) == 3 * 36 and set(table["split"]) == {"train"}
    original = table.set_index("id").loc["middle-00-original"]
    measured, expected = (row[["edv_ml", "esv_ml", "ef"]].tolist() for row in (original, cohort.table.loc["middle"]))
    assert measured == pytest.approx(expected)
    assert (original.slices, original.slice_gap_mm, original.spacing_mm, original.kept) == (SLICES, 10.0, 2.0, True)


def test_candidates_outside_the_limits_or_the_frame_are_dropped_with_a_reason(table):
    assert (table.loc[table.source_id == "cut", "reason"] == "touches border").all()
    assert (table["kept"] == (table["reason"] == "")).all()
    rest = table[table.source_id != "cut"]
    assert ((rest["ef"] < 10) == (rest["reason"] == "ef below 10")).all() and (rest["ef"] < 10).any()
    assert rest.loc[rest["kept"], "ef"].between(10, 80).all()


def test_a_number_replaces_the_slice_gap_and_leaves_the_ef(cohort, table):
    eight = candidates(cohort, Masks(include_original=True, synthetic_gap_mm=8.0))
    assert (eight["slice_gap_mm"] == 8).all()
    np.testing.assert_allclose(eight["edv_ml"], table["edv_ml"] * 0.8, atol=1e-4)
    np.testing.assert_allclose(eight["ef"], table["ef"], atol=1e-3)


def test_hearts_without_cavity_and_high_efs_have_their_reasons(tmp_path):
    masks = heart()
    empty = np.where(masks == LV, 2, masks).astype(np.uint8)
    split, sizes = {"split": "train"}, ((2.0, 2.0), 10.0, 9.0, 3.0)
    subjects = [Subject(name, "discs", m, m, *sizes, split) for name, m in (("none", empty), ("some", masks))]
    table = candidates(write_cohort(tmp_path, subjects), Masks(maximum_ef=62.0)).groupby("source_id")["reason"].agg(set)
    assert table["none"] == {"no lv"} and "ef above 62" in table["some"]


def test_a_scaled_heart_may_leave_the_frame():
    masks = heart(column=48.0)
    assert not touches_border(masks)
    assert touches_border(apply(Recipe("x", "heart", "scaled", 12, 0, 12, 1.5, 1.0), masks))


def test_recipes_come_back_from_a_csv_bit_for_bit(table, tmp_path):
    table.to_csv(tmp_path / "candidates.csv", index=False)
    again = read_candidates(tmp_path / "candidates.csv")
    assert again.equals(table)
    assert recipes(again)[1:36] == enumerate_recipes("middle", Masks(include_original=True))[1:]
    with pytest.raises(InputError, match="es_gamma"):
        recipes(table.drop(columns="es_gamma"))


def test_missing_files_are_named(cohort, tmp_path):
    with pytest.raises(InputError, match="candidates.csv"):
        read_candidates(tmp_path / "candidates.csv")
    images = np.zeros((1, 2, 8, 8), np.uint8)
    subject = Subject("a", "discs", images, None, (1.0, 1.0), 8.0, 2.0, 1.0, {"split": "train"})
    with pytest.raises(InputError, match="without masks"):
        candidates(write_cohort(tmp_path / "volumes", [subject]), Masks())
    with pytest.raises(InputError, match="no subjects"):
        candidates(cohort.split("test"), Masks())
