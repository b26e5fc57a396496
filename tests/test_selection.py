"""Choosing candidates: exact counts, flat or matched distributions, only kept ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiosynth.errors import InputError
from cardiosynth.selection import bin_edges, choose, counts_table, flatness, half_matched, half_random, mismatch, quotas
from cardiosynth.study import Masks

SETTINGS = Masks()


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def table():
    """3,000 candidates crowded around an EF of 60, as from normal hearts."""
    ef = np.clip(rng().normal(55, 15, 3000), -5, 95)
    kept = (ef >= 10) & (ef <= 80)
    return pd.DataFrame({
        "source_id": [f"s{i % 100}" for i in range(3000)], "operation": np.where(ef < 50, "ed-interpolated", "scaled"),
        "ef": ef, "kept": kept, "reason": np.where(kept, "", np.where(ef < 10, "ef below 10", "ef above 80")),
    }, index=np.arange(3000) * 2)


def histogram(ef):
    return np.histogram(ef, bin_edges(10, 80))[0]


def test_uniform_choice_is_flat_where_candidates_allow_it(table):
    chosen = choose(table, 70, "uniform", SETTINGS, rng())
    assert (histogram(table.ef[chosen]) == 5).all() and flatness(table.ef[chosen], SETTINGS) == 1.0


def test_short_bins_are_used_up_and_the_others_share_what_they_lack(table):
    available = histogram(table.ef[table.kept])
    counts = histogram(table.ef[choose(table, 1000, "uniform", SETTINGS, rng())])
    short = available <= counts.max() - 2
    assert short.any() and counts.sum() == 1000
    np.testing.assert_array_equal(counts[short], available[short])
    assert np.ptp(counts[~short]) <= 1


@pytest.mark.parametrize("target", ["uniform", "all"])
@pytest.mark.parametrize("count", [1, 13, 999, 10**6, None])
def test_the_total_is_exact_and_only_kept_candidates_are_chosen(table, target, count):
    chosen = choose(table, count, target, SETTINGS, rng())
    assert chosen.sum() == min(count or 10**6, table.kept.sum())
    assert table.kept[chosen].all() and chosen.index.equals(table.index) and chosen.dtype == bool


def test_target_all_keeps_the_candidates_own_distribution(table):
    chosen = choose(table, 1000, "all", SETTINGS, rng())
    assert mismatch(table.ef[chosen], table.ef[table.kept]) < 0.06 < mismatch(
        table.ef[choose(table, 1000, "uniform", SETTINGS, rng())], table.ef[table.kept]
    )


def test_the_seed_fixes_the_choice(table):
    first, again, other = (choose(table, 500, "uniform", SETTINGS, rng(seed)) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


def test_efs_on_the_limits_belong_to_the_outermost_bins():
    table = pd.DataFrame({"ef": [10.0, 80.0, 15.0, 14.999], "kept": True})
    assert choose(table, 3, "uniform", SETTINGS, rng())[[1, 2]].all()


def test_unknown_target_and_reversed_limits_are_refused(table):
    with pytest.raises(InputError, match="masks.target"):
        choose(table, 5, "normal", SETTINGS, rng())
    with pytest.raises(InputError, match="minimum_ef 80"):
        choose(table, 5, "uniform", Masks(minimum_ef=80.0, maximum_ef=10.0), rng())


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from([0.0, 0.5, 1.0, 7.0])), min_size=1, max_size=20),
    st.integers(0, 1200), st.integers(0, 9),
)
def test_quotas_are_exact_and_within_capacity(bins, count, seed):
    capacity, weights = (np.array(column) for column in zip(*bins))
    taken = quotas(capacity, count, weights, rng(seed))
    assert taken.sum() == min(count, capacity.sum()) and (taken >= 0).all() and (taken <= capacity).all()


def test_half_random_is_half(table):
    half = half_random(table, rng())
    assert half.sum() == 1500 and half.index.equals(table.index)
    assert mismatch(table.ef[half], table.ef) < 0.05


def test_half_matched_follows_the_reference_where_it_can(table):
    chosen = table[choose(table, 400, "uniform", SETTINGS, rng())]
    reference = np.repeat([22.0, 42.0, 47.0], [1, 2, 1])
    half = half_matched(chosen, reference, rng())
    inside = pd.cut(chosen.ef, [20, 25, 40, 45, 50], right=False, labels=False)
    assert half.sum() == 200
    assert all(half[inside == bin].all() for bin in (0, 2, 3))  # used up, then the rest at random
    wide = rng().normal(60, 8, 300)
    half = half_matched(table, wide, rng())
    assert mismatch(table.ef[half], wide) < mismatch(table.ef, wide) / 2


def test_half_matched_needs_a_reference(table):
    with pytest.raises(InputError, match="reference"):
        half_matched(table, [], rng())


def test_flatness_and_mismatch_of_known_histograms():
    centres = np.arange(12.5, 80, 5)
    assert flatness(centres, SETTINGS) == 1.0
    assert flatness([33.0, 34.0], SETTINGS) == pytest.approx(1 / 14)
    assert mismatch([12, 13, 22, 23], [12, 12]) == pytest.approx(0.5)
    assert mismatch([12], [92]) == 1.0 and np.isnan(flatness([], SETTINGS))


def test_counts_table_adds_up(table):
    counts = counts_table(table)
    assert counts.loc["total", "candidates"] == 3000 and counts.loc["total", "kept"] == table.kept.sum()
    reasons = counts[["ef below 10", "ef above 80"]].sum(axis=1)
    assert (counts["kept"] + reasons == counts["candidates"]).all()
    assert counts.loc["total", "kept_per_subject"] == pytest.approx(table.kept.sum() / 100)
