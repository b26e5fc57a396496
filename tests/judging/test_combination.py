"""One reading from two: weights, errors and bounds that can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.judging.combination import COLUMNS, combined, pair, pairs, upper_bound, weights, widest
from cardiosynth.study.sections import Statistics
from two_methods import readings

SETTINGS = Statistics(bootstrap_draws=200)
TRUTH = np.linspace(30, 70, 12)
SIGN = np.resize([1.0, -1.0], 12)


def study(regression=4.0, segmentation=-2.0, splits=("validation", "test")):
    """Errors of the EF of one size and alternating sign, the methods' opposed where theirs are."""
    return pd.concat([readings(TRUTH, TRUTH + regression * SIGN, TRUTH + segmentation * SIGN, split) for split in splits], ignore_index=True)


def value(table, method, against="", quantity="ef", measure="rmse", split="test", group="all"):
    rows = table.query("method == @method and against == @against and quantity == @quantity and measure == @measure")
    (row,) = rows.query("split == @split and group == @group").itertuples()
    return row


def test_the_regression_is_the_ensemble_of_its_trainings_on_subjects_that_both_read():
    rows = readings([50, 60], [50, 60], [40, 55])
    again = rows[rows.experiment == "RSP"].assign(seed=2, edv_ml=120.0)
    found = pair(pd.concat([rows, again]).query("not (experiment == 'segmentation' and subject == 'test-001')"))
    assert found.truth.index.tolist() == ["test-000"]
    assert found.readings["regression"].loc["test-000"].tolist() == pytest.approx([110, 50, 100 * 60 / 110])
    assert found.readings["segmentation"].loc["test-000"].tolist() == [100, 60, 40]
    assert found.errors("segmentation", "ef").tolist() == [-10]


def test_weights_are_inverse_to_the_mean_squared_errors_of_validation_subjects():
    """EF wrong by 4 and by 2: 16 / (16 + 4) for the segmentation. EDV is right by both: halves."""
    weight = weights(pair(study(4, -2, ["validation"])))
    assert weight["ef"] == pytest.approx(0.8) and weight["esv_ml"] == pytest.approx(0.8) and weight["edv_ml"] == 0.5


def test_opposite_errors_cancel_in_the_mean_of_both():
    table = combined(study(5, -5), SETTINGS, 1)
    assert list(table) == COLUMNS
    assert value(table, "regression").value == pytest.approx(5) and value(table, "mean").value == pytest.approx(0, abs=1e-9)
    row = value(table, "mean", "segmentation")
    assert (row.value, row.low, row.high, row.n) == pytest.approx((-5, -5, -5, 12))


def test_the_weighted_mean_by_hand():
    """0.8 (-2) + 0.2 (+4) = -0.8 with the sign of the segmentation."""
    table = combined(study(4, -2), SETTINGS, 1)
    row = value(table, "weighted", measure="mae")
    assert row.value == pytest.approx(0.8) and row.weight == pytest.approx(0.8) and row.n_validation == 12
    assert value(table, "weighted", "regression", measure="mae").value == pytest.approx(0.8 - 4)
    assert value(table, "mean").weight == 0.5


def test_methods_that_err_alike_gain_nothing():
    row = value(combined(study(4, 4), SETTINGS, 1), "mean", "regression")
    assert (row.value, row.low, row.high) == pytest.approx((0, 0, 0), abs=1e-9)


def test_the_interval_of_a_difference_is_paired():
    """Both methods have the same errors, which differ between subjects: the difference is certain, the errors are not."""
    spread = np.linspace(0, 11, 12) * SIGN
    both = pd.concat([readings(TRUTH, TRUTH + spread, TRUTH + spread, split) for split in ("validation", "test")])
    table = combined(both, SETTINGS, 1)
    assert value(table, "mean").high - value(table, "mean").low > 1
    assert value(table, "mean", "segmentation").high == pytest.approx(0, abs=1e-9)


def test_only_validation_subjects_choose():
    table = study(4, -2, ["validation"])
    changed = [pd.concat([table, readings(TRUTH, TRUTH + error, TRUTH)]) for error in (0.0, 9.0)]
    first, second = (next(pairs(rows))[1] for rows in changed)
    assert first.equals(second)


def test_test_and_extra_test_are_also_judged_together():
    _, _, _, judged = next(pairs(study(splits=("validation", "extra_test", "test"))))
    assert set(judged) == {"test", "extra_test", "test+extra_test"}
    split, found = widest(judged)
    assert split == "test+extra_test" and len(found.truth) == 24
    assert widest({"test": judged["test"]})[0] == "test"


@pytest.mark.parametrize(
    "rows",
    [
        pd.concat([readings(TRUTH[:4], 50, 50, "validation"), readings(TRUTH, 50, 50)]),  # too few to choose
        study(splits=["test"]),
        study().query("experiment == 'RSP'"),
        study().assign(edv_sd_ml=np.nan, esv_sd_ml=np.nan, ef_sd=np.nan),
    ],
)
def test_what_cannot_be_combined_is_left_out(rows):
    table = combined(rows, SETTINGS, 1)
    assert table.empty and list(table) == COLUMNS


def test_groups_without_a_subject_are_empty_and_small_ones_have_no_interval():
    table = combined(study(), SETTINGS, 1)
    row = value(table, "mean", group="ef<40")
    assert row.n == 3 and np.isfinite(row.value) and np.isnan(row.low)
    assert value(table, "mean", group="ef>70").n == 0 and np.isnan(value(table, "mean", group="ef>70").value)


@pytest.mark.parametrize("n, level, expected", [(9, 0.9, 9), (9, 0.8, 8), (8, 0.9, np.inf), (19, 0.95, 19)])
def test_the_bound_is_the_order_statistic_of_the_next_value(n, level, expected):
    values = np.random.default_rng(0).permutation(np.arange(1, n + 1))
    assert upper_bound(values, level) == expected


def test_the_bound_holds_for_exchangeable_values():
    rng = np.random.default_rng(1)
    held = [rng.exponential() <= upper_bound(rng.exponential(size=16), 0.8) for _ in range(4000)]
    assert 0.8 - 0.02 < np.mean(held) < 0.8 + 1 / 17 + 0.02
