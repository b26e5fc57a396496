"""Which recipes there are, and which are refused."""

from collections import Counter

import pytest

from cardiosynth.masks.recipes import DEFAULTS, Recipe, enumerate_recipes
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

ALL = list(DEFAULTS)


def recipes_of(**changes):
    return enumerate_recipes("heart", Masks(**changes))


@pytest.mark.parametrize(("interval", "alphas", "steps"), [("inside", range(1, 12), 12), ("open", range(1, 11), 11), ("closed", range(0, 12), 11)])
def test_alphas_are_those_of_the_interval(interval, alphas, steps):
    found = recipes_of(alpha_interval=interval, include_original=True)
    assert {recipe.steps for recipe in found} == {steps}
    moved = {name: [r for r in found if r.operation == name] for name in ("ed-interpolated", "interpolated-es")}
    assert [r.es_alpha for r in moved["ed-interpolated"]] == [r.ed_alpha for r in moved["interpolated-es"]] == list(alphas)
    assert all(r.ed_alpha == steps for r in found if r.operation != "interpolated-es")
    assert all(r.es_alpha == 0 for r in found if r.operation != "ed-interpolated")


@pytest.mark.parametrize(
    ("interval", "ed", "es"), [("half-open", [1.0, 1.1], [0.85, 0.7]), ("open", [1.066667, 1.133333], [0.9, 0.8]), ("closed", [1.0, 1.2], [1.0, 0.7])]
)
def test_gammas_have_the_ends_of_the_interval(interval, ed, es):
    scaled = [r for r in recipes_of(gamma_interval=interval, scales=2) if r.operation == "scaled"]
    assert [r.ed_gamma for r in scaled] == ed and [r.es_gamma for r in scaled] == pytest.approx(es)


@pytest.mark.parametrize("alpha, moved", [("inside", 22), ("open", 20), ("closed", 24)])
@pytest.mark.parametrize("gamma", ["half-open", "open", "closed"])
@pytest.mark.parametrize("scaling, scaled", [("paired", 13), ("separate", 26)])
@pytest.mark.parametrize("original", [False, True])
def test_every_reading_has_its_count(alpha, moved, gamma, scaling, scaled, original):
    settings = {"alpha_interval": alpha, "gamma_interval": gamma, "scaling": scaling, "include_original": original}
    plain = recipes_of(**settings)
    assert len(plain) == moved + scaled + original
    assert len(recipes_of(**settings, variants=ALL)) == len(ALL) * len(plain)


def test_variants_follow_the_plain_recipes_whose_ids_stay():
    plain, everything = recipes_of(), recipes_of(variants=[*ALL[::-1], "plain"])
    assert everything[: len(plain)] == plain
    assert (plain[0].id, plain[0].amount) == ("heart-00-original", 0.0)
    assert everything[len(plain)].id == "heart-00-original-conserved"
    assert Counter(r.variant for r in everything) == dict.fromkeys(ALL, len(plain))
    assert len({r.id for r in everything}) == len(everything)
    assert all(r.amount == DEFAULTS[r.variant].default for r in everything)


def test_hearts_of_another_size_have_both_gammas_times_it_and_names_of_their_own():
    plain, larger = recipes_of(), recipes_of(sizes=[1.0, 1.5, 1.5])
    assert larger[: len(plain)] == plain and len(larger) == 2 * len(plain)
    for small, large in zip(plain, larger[len(plain) :]):
        assert large.id == f"{small.id}-size-1.5"
        assert (large.ed_gamma, large.es_gamma) == pytest.approx((1.5 * small.ed_gamma, 1.5 * small.es_gamma), abs=1e-5)


def test_infarcts_lie_around_the_free_wall_and_stay_where_they_are():
    angles = [r.angle_deg for r in recipes_of(variants=["infarcted"])]
    assert angles == [r.angle_deg for r in recipes_of(variants=["infarcted", "plain"]) if r.variant == "infarcted"]
    assert angles[0] == 354.0 and len(set(angles)) > 30
    around = [(angle + 180) % 360 - 180 for angle in angles]
    assert -90 <= min(around) < -60 and 60 < max(around) <= 90
    assert {r.angle_deg for r in recipes_of(variants=ALL) if r.variant != "infarcted"} == {0.0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"variant": "frozen"}, "x: variant is 'frozen'; expected one of plain, conserved"),
        ({"amount": 0.1}, "x: amount is 0.1 for variant plain; expected 0 to 0"),
        ({"variant": "hypertrophic"}, "x: amount is 0.0 for variant hypertrophic; expected 1 to 2"),
        ({"variant": "shortened", "amount": float("nan")}, "x: amount is nan for variant shortened"),
        ({"variant": "infarcted", "amount": 90.0, "angle_deg": 360.0}, "x: angle_deg is 360.0"),
        ({"variant": "infarcted", "amount": 90.0, "angle_deg": float("nan")}, "x: angle_deg is nan"),
    ],
)
def test_variants_outside_their_domain_are_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Recipe("x", "heart", "original", 12, 0, 12, **changes)
