"""Clearing normal scans: rules, thresholds and misses counted by hand."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.judging.clearing import COLUMNS, RULES, STATED, clearing, outcome, score
from cardiosynth.judging.combination import pair
from cardiosynth.study.sections import Statistics
from two_methods import readings

SETTINGS = Statistics(bootstrap_draws=100)


def study():
    """The segmentation reads nine validation subjects 1 to 9 points too high, the regression reads them 20 too high."""
    chosen = np.full(9, 60.0)
    judged = [30, 38, 45, 55, 65]
    return pd.concat([readings(chosen, chosen + 20, chosen + np.arange(1, 10), "validation"),
                      readings(judged, [35, 70, 62, 72, 80], [39, 49.5, 48.5, 56, 66])], ignore_index=True)  # fmt: skip


def chosen(table, rule, stated, limit=40.0):
    (found,) = table.query("rule == @rule and stated == @stated and limit == @limit").itertuples()
    return found


def test_the_scores_by_hand():
    both = pair(readings([50.0, 50.0], [60.0, 45.0], [52.0, 58.0])).combine(pd.Series({"edv_ml": 0.5, "esv_ml": 0.5, "ef": 0.5}))
    assert score(both, "segmentation", 40).tolist() == [12, 18]
    assert score(both, "both", 40).tolist() == [12, 5]
    assert score(both, "mean", np.array([40.0, 50.0])).tolist() == [16, 1.5]
    assert score(both, "regression", np.array([60.0, 45.0])) == pytest.approx([0.5, 0.5])
    assert score(both, "regression", 40)[0] > 0.99


@pytest.mark.slow
def test_the_threshold_is_what_validation_subjects_exceed_rarely_enough():
    """At most a tenth: the ceil(10 * 0.9) = 9th of the errors 1..9. Above 49 are 49.5, 56 and 66; the first is 38 in truth."""
    table = clearing(study(), SETTINGS)
    found = chosen(table, "segmentation", 0.1)
    assert (found.threshold, found.n_validation, found.n, found.reduced, found.cleared, found.missed) == (9, 9, 5, 2, 3, 1)
    assert found.cleared_share == 0.6 and found.missed_share == 0.2 and found.missed_of_reduced_share == 0.5
    assert chosen(table, "segmentation", 0.2).threshold == 8 and chosen(table, "segmentation", 0.2).cleared == 4  # 48.5 as well
    assert chosen(table, "segmentation", 0.1, 50.0).cleared == 1 and chosen(table, "segmentation", 0.1, 50.0).reduced == 3


def test_both_methods_have_to_agree():
    """The lesser of the two is the segmentation's on validation subjects; a regression of 35 keeps nobody else from being cleared."""
    found = chosen(clearing(study(), SETTINGS), "both", 0.1)
    assert (found.threshold, found.cleared, found.missed) == (9, 3, 1)


def test_a_share_that_takes_more_validation_subjects_is_empty_and_says_so():
    found = chosen(clearing(study(), SETTINGS), "both", 0.05)
    assert found.threshold == np.inf and np.isnan(found.cleared) and np.isnan(found.cleared_share_high)
    assert found.reason == "5% missed takes 19 validation subjects, there are 9"


def test_the_curve_runs_from_none_cleared_to_all():
    table = clearing(study(), SETTINGS)
    assert list(table) == COLUMNS and set(table["rule"]) == set(RULES)
    for _, curve in table[table["stated"].isna()].groupby(["limit", "rule"]):
        assert curve["cleared"].is_monotonic_increasing and curve["missed"].is_monotonic_increasing
        assert curve["cleared"].iloc[0] == 0 and curve["cleared_share"].iloc[-1] == 1 and curve["missed_of_reduced_share"].iloc[-1] == 1


def test_counts_and_exact_intervals():
    found = outcome(np.array([1] * 4 + [0] * 6, bool), np.zeros(10, bool), 0.95)
    assert (found["cleared"], found["missed"], found["reduced"]) == (4, 0, 0)
    assert found["missed_share_low"] == 0 and found["missed_share_high"] == pytest.approx(1 - 0.025**0.1)
    assert found["cleared_share_low"] == pytest.approx(0.1216, abs=1e-4) and np.isnan(found["missed_of_reduced_share"])


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_no_more_than_the_stated_share_is_missed_on_average(rule):
    """EFs about the limit and errors of eight points, by rules that choose from 19 validation subjects."""
    rng, missed = np.random.default_rng(2), []
    for _ in range(60):
        parts = []
        for n, split in ((19, "validation"), (100, "test")):
            truth = rng.uniform(30, 55, n)
            parts.append(readings(truth, truth + rng.normal(0, 8, n), truth + rng.normal(0, 8, n), split))
        missed.append(clearing(pd.concat(parts), SETTINGS, [40.0], [0.1]).query("rule == @rule and stated == 0.1")["missed_share"].iloc[0])
    assert np.mean(missed) <= 0.1


def test_without_validation_subjects_the_table_is_empty():
    table = clearing(study().query("split == 'test'"), SETTINGS)
    assert table.empty and list(table) == COLUMNS and len(STATED) == 3
