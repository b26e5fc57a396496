"""The predictions table: groups, reading, and one clear sentence for each way in which it can be wrong."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.measuring.predictions import check_predictions, ef_sd, error_correlation, group_of, predictions_frame, read_predictions, with_pooled
from cardiosynth.study.errors import InputError


@pytest.fixture
def table():
    rows = [
        {
            "subject": subject,
            "dataset": "phantom-a",
            "split": "test",
            "experiment": "RSO",
            "seed": seed,
            "edv_ml": 101.0,
            "esv_ml": 52.0,
            "ef": 48.5,
            "edv_sd_ml": 4.0,
            "esv_sd_ml": 3.0,
            "ef_sd": 2.0,
            "true_edv_ml": 100.0,
            "true_esv_ml": 50.0,
            "true_ef": 50.0,
        }
        for subject in ("001", "002")
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows)


def test_borders_of_the_groups():
    assert group_of([0, 39.999, 40, 70, 70.001, 100]).tolist() == ["ef<40"] * 2 + ["ef40-70"] * 2 + ["ef>70"] * 2
    assert str(group_of(55.0)) == "ef40-70"


def test_a_written_table_reads_back(table, tmp_path):
    table.to_csv(tmp_path / "predictions.csv", index=False)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "predictions.csv"), table)


def test_point_predictions_need_no_standard_deviations(table):
    check_predictions(table.assign(edv_sd_ml=np.nan, esv_sd_ml=np.nan, ef_sd=np.nan))
    check_predictions(table.drop(columns=["edv_sd_ml", "esv_sd_ml", "ef_sd"]))


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("split", "tset", "split, row 1: tset; expected one of train, validation, test, extra_test"),
        ("ef", np.nan, "column ef.*nan; expected a number"),
        ("edv_ml", "abc", "column edv_ml.*abc; expected a number"),
        ("edv_ml", np.inf, "column edv_ml.*inf; expected a finite number"),
        ("true_esv_ml", -1.0, "column true_esv_ml.*-1.0; expected a volume > 0 ml"),
        ("true_ef", 120.0, "column true_ef.*120.0; expected a percentage"),
        ("edv_sd_ml", -1.0, "column edv_sd_ml.*-1.0; expected a standard deviation"),
        ("edv_sd_ml", np.nan, "standard deviations in some rows"),
        ("volume_correlation", 1.5, "column volume_correlation.*1.5; expected a correlation, -1 to 1"),
        ("seed", -1, "column seed.*-1; expected a whole number >= 0"),
        ("seed", np.nan, "column seed.*nan; expected a whole number"),
        ("seed", 1, "two rows for one subject.*subject 001"),
        ("subject", None, "column subject.*None; expected text"),
        ("subject", "003", "some seeds of the experiment do not predict"),
        ("true_esv_ml", 150.0, "true ESV above true EDV.*subject 001.*RSO"),
        ("true_edv_ml", 120.0, "different truths for one subject.*subject 001"),
    ],
)
def test_bad_values_are_named(table, column, value, message):
    table[column] = table.get(column, pd.Series(np.nan, table.index)).astype(object)
    table.loc[1, column] = value
    with pytest.raises(InputError, match=f"^p.csv: .*{message}") as caught:
        check_predictions(table, "p.csv")
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(table):
    with pytest.raises(InputError, match="no column 'true_ef'; expected the columns subject"):
        check_predictions(table.drop(columns="true_ef"))


def test_no_rows(table):
    with pytest.raises(InputError, match="no rows"):
        check_predictions(table.iloc[:0])


def test_ef_sd_agrees_with_simulation():
    rng = np.random.default_rng(2)
    covariance = [[36.0, 0.6 * 6 * 5], [0.6 * 6 * 5, 25.0]]
    edv, esv = rng.multivariate_normal([150.0, 60.0], covariance, size=200_000).T
    assert ef_sd(150.0, 60.0, 6.0, 5.0, 0.6) == pytest.approx(np.std(100 * (1 - esv / edv)), rel=0.02)


@pytest.mark.parametrize("recorded", [True, False])
def test_the_correlation_of_both_errors_is_read_or_solved_from_the_ef(recorded):
    """What ``predictions_frame`` rounds away in single rows comes back in the median over the rows of a training."""
    rng = np.random.default_rng(4)
    volumes, sd = np.stack([rng.uniform(80, 200, 30), rng.uniform(20, 70, 30)], axis=1), rng.uniform(3, 9, (30, 2))
    truth = pd.DataFrame({"split": "test", "edv_ml": 100.0, "esv_ml": 50.0, "ef": 50.0}, [f"{i:03d}" for i in range(30)])
    cohort = type("Cohort", (), {"table": truth})
    table = pd.concat(
        [predictions_frame(cohort, "acdc", "RSP", seed, volumes, sd, correlation) for seed, correlation in ((1, 0.83), (2, -0.2))]
        + [predictions_frame(cohort, "acdc", "segmentation", 1, volumes)]
    )
    found = error_correlation(check_predictions(table if recorded else table.drop(columns="volume_correlation")).reset_index(drop=True))
    assert found.to_numpy() == pytest.approx(np.repeat([0.83, -0.2, 0.0], 30), abs=1e-9 if recorded else 2e-4)


def test_a_pool_needs_both_splits(table):
    extra = table.assign(split="extra_test", subject=table.subject + "x")
    assert with_pooled(table).split.tolist() == ["test"] * 4
    assert with_pooled(extra).split.tolist() == ["extra_test"] * 4
    pooled = with_pooled(pd.concat([table, extra])).query("split == 'test+extra_test'")
    assert sorted(pooled.subject.unique()) == ["001", "001x", "002", "002x"] and len(pooled) == 8
