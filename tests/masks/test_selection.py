"""Choosing candidates: exact counts, flat or matched distributions, only kept ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiosynth.masks.selection import choose, counts_table, evenness, flatness, half_matched, half_random, mismatch, quotas, shortfall
from cardiosynth.masks.targets import bin_edges
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

SETTINGS = Masks()


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def table():
    """3,000 candidates crowded around an EF of 60, as from normal hearts."""
    ef = np.clip(rng().normal(55, 15, 3000), -5, 95)
    kept = (ef >= 10) & (ef <= 80)
    return pd.DataFrame(
        {
            "source_id": [f"s{i % 100}" for i in range(3000)],
            "edv_ml": rng(1).uniform(80, 260, 3000),
            "operation": np.where(ef < 50, "ed-interpolated", "scaled"),
            "ef": ef,
            "kept": kept,
            "reason": np.where(kept, "", np.where(ef < 10, "ef below 10", "ef above 80")),
        },
        index=np.arange(3000) * 2,
    )


def histogram(ef):
    return np.histogram(ef, bin_edges(10, 80))[0]


def test_uniform_choice_is_flat_where_candidates_allow_it(table):
    chosen = choose(table, 70, SETTINGS, rng())
    assert (histogram(table.ef[chosen]) == 5).all() and flatness(table.ef[chosen], SETTINGS) == 1.0


def test_short_bins_are_used_up_and_the_others_share_what_they_lack(table):
    available = histogram(table.ef[table.kept])
    counts = histogram(table.ef[choose(table, 1000, SETTINGS, rng())])
    short = available <= counts.max() - 2
    assert short.any() and counts.sum() == 1000
    np.testing.assert_array_equal(counts[short], available[short])
    assert np.ptp(counts[~short]) <= 1


@pytest.mark.parametrize("target", ["uniform", "all"])
@pytest.mark.parametrize("count", [1, 13, 999, 10**6, None])
def test_the_total_is_exact_and_only_kept_candidates_are_chosen(table, target, count):
    chosen = choose(table, count, Masks(target=target), rng())
    assert chosen.sum() == min(count or 10**6, table.kept.sum())
    assert table.kept[chosen].all() and chosen.index.equals(table.index) and chosen.dtype == bool


def test_target_all_keeps_the_candidates_own_distribution(table):
    chosen = choose(table, 1000, Masks(target="all"), rng())
    assert mismatch(table.ef[chosen], table.ef[table.kept]) < 0.06 < mismatch(table.ef[choose(table, 1000, SETTINGS, rng())], table.ef[table.kept])


def test_the_seed_fixes_the_choice(table):
    first, again, other = (choose(table, 500, SETTINGS, rng(seed)) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


def test_efs_on_the_limits_belong_to_the_outermost_bins():
    table = pd.DataFrame({"ef": [10.0, 80.0, 15.0, 14.999], "kept": True})
    assert choose(table, 3, SETTINGS, rng())[[1, 2]].all()


def test_reversed_limits_are_refused(table):
    with pytest.raises(InputError, match="minimum_ef 80"):
        choose(table, 5, Masks(minimum_ef=80.0, maximum_ef=10.0), rng())


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from([0.0, 0.5, 1.0, 7.0])), min_size=1, max_size=20), st.integers(0, 1200), st.integers(0, 9)
)
def test_quotas_are_exact_and_within_capacity(bins, count, seed):
    capacity, weights = (np.array(column) for column in zip(*bins))
    taken = quotas(capacity, count, weights, rng(seed))
    assert taken.sum() == min(count, capacity.sum()) and (taken >= 0).all() and (taken <= capacity).all()


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0.05, 9)), min_size=1, max_size=30), st.integers(0, 1500), st.integers(0, 9))
def test_quotas_are_the_weights_within_one_once_short_bins_are_used_up(bins, count, seed):
    capacity, weights = (np.array(column) for column in zip(*bins))
    taken = quotas(capacity, count, weights, rng(seed))
    free = taken < capacity
    if free.any():  # a common level exists: nobody lies more than one subject above or below it
        assert ((taken[free] - 1) / weights[free]).max() <= ((taken[free] + 1) / weights[free]).min() + 1e-6
        assert ((taken[~free] - 1) / weights[~free]).max(initial=0) <= ((taken[free] + 1) / weights[free]).min() + 1e-6


def test_a_heavy_bin_gets_its_share_and_not_the_remainder_of_the_others():
    capacity, weights = np.full(61, 1000), np.r_[0.4, np.full(60, 0.01)]
    taken = quotas(capacity, 50, weights, rng())
    assert taken[0] == 20 and taken[1:].max() == 1 and taken.sum() == 50


def test_a_normal_target_is_met_bin_by_bin(table):
    settings = Masks(target="normal", target_mean_sd=(55.0, 10.0))
    report = shortfall(table, choose(table, 300, settings, rng()), 300, settings)
    assert (report.short == 0).all() and (abs(report.chosen - report.wanted) < 1).all()
    assert report.wanted.idxmax() in (8, 9)  # 50 to 55 and 55 to 60, on the two sides of the mean


def test_matched_follows_the_reference_exactly_where_candidates_allow(table):
    settings, reference = Masks(target="matched"), np.repeat([32.0, 57.0, 62.0], [1, 2, 1])
    chosen = choose(table, 80, settings, rng(), reference)
    counts = dict(zip(bin_edges(10, 80), histogram(table.ef[chosen])))
    assert (counts[30], counts[55], counts[60]) == (20, 40, 20) and chosen.sum() == 80


def test_given_bins_get_their_weights_and_nothing_lies_between_them(table):
    settings = Masks(target="bins", target_bins=[[20.0, 40.0, 1.0], [60.0, 70.0, 3.0]])
    chosen = choose(table, 80, settings, rng())
    ef = table.ef[chosen]
    assert ((ef >= 20) & (ef < 40)).sum() == 20 and ((ef >= 60) & (ef <= 70)).sum() == 60
    everything = choose(table, 10**6, settings, rng())
    assert everything.sum() == (table.ef.between(20, 39.999999) | table.ef.between(60, 70)).sum()


def test_the_shortfall_is_reported_bin_by_bin():
    few = pd.DataFrame({"ef": [12.0, *[40.0] * 9], "kept": True, "edv_ml": 100.0})
    settings = Masks(target="bins", target_bins=[[10.0, 20.0, 1.0], [30.0, 50.0, 1.0]])
    report = shortfall(few, choose(few, 8, settings, rng()), 8, settings)
    assert report.to_dict("list") == {
        "ef_from": [10, 30], "ef_to": [20, 50], "edv_bin": [0, 0], "wanted": [4, 4], "available": [1, 9], "chosen": [1, 7],
        "short": [3, 0],
    }  # fmt: skip


def test_spread_edv_takes_as_many_small_as_large_hearts_of_each_ef():
    ef = np.repeat([12.0, 77.0], 90)
    edv = np.r_[np.arange(60, 150), np.arange(60, 150)].astype(float)
    crowded = pd.DataFrame({"ef": ef, "edv_ml": edv, "kept": True})
    settings = Masks(spread_edv=True, target="bins", target_bins=[[10.0, 15.0, 1.0], [75.0, 80.0, 2.0]])
    report = shortfall(crowded, choose(crowded, 54, settings, rng()), 54, settings)
    assert report.chosen.tolist() == [6, 6, 6, 12, 12, 12] and report.wanted.tolist() == [6, 6, 6, 12, 12, 12]
    assert report.available.tolist() == [30] * 6
    small = crowded[(crowded.ef == 12) | (crowded.edv_ml < 80)]  # no large hearts at an EF of 77
    report = shortfall(small, choose(small, 54, settings, rng()), 54, settings)
    assert report.chosen.sum() == 54 and report.chosen[3:].sum() == report.available[3:].sum() == 20


@pytest.mark.slow
@given(st.integers(1, 400), st.integers(0, 9), st.booleans(), st.sampled_from(["uniform", "normal", "matched", "all"]))
def test_the_count_is_exact_for_every_target(count, seed, spread, target):
    made = rng(seed)
    some = pd.DataFrame({"ef": made.uniform(5, 85, 300), "edv_ml": made.uniform(50, 300, 300)})
    some["kept"] = some.ef.between(10, 80)
    settings = Masks(target=target, spread_edv=spread)
    chosen = choose(some, count, settings, rng(seed), [33.0, 55.0])
    assert chosen.sum() == min(count, some.kept.sum()) and some.kept[chosen].all()
    report = shortfall(some, chosen, count, settings, [33.0, 55.0])
    assert report.chosen.sum() == chosen.sum() and report.available.sum() == some.kept.sum()
    assert report.wanted.sum() == pytest.approx(count, abs=0.3)


@pytest.mark.parametrize("target", ["normal", "matched", "bins"])
def test_a_target_other_than_uniform_needs_a_count(table, target):
    with pytest.raises(InputError, match="is null"):
        choose(table, None, Masks(target=target, target_bins=[[10.0, 20.0, 1.0]]), rng(), [50.0])


def test_half_random_is_half(table):
    half = half_random(table, rng())
    assert half.sum() == 1500 and half.index.equals(table.index)
    assert mismatch(table.ef[half], table.ef) < 0.05


def test_half_matched_follows_the_reference_where_it_can(table):
    chosen = table[choose(table, 400, SETTINGS, rng())]
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


def test_evenness_is_one_where_every_cell_holds_as_many():
    cells = [(ef, edv) for ef in np.arange(12.5, 80, 5) for edv in (90.0, 150.0, 210.0)]
    kept = pd.DataFrame(cells, columns=["ef", "edv_ml"])
    assert evenness(kept, kept, SETTINGS) == pytest.approx(1)
    assert evenness(kept[kept.edv_ml == 90], kept, SETTINGS) == pytest.approx(1 / 3)  # terciles are those of all kept
    assert np.isnan(evenness(kept[:0], kept, SETTINGS))
