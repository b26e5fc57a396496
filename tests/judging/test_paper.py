"""The paper's figures, the claims, and verdicts on made-up comparisons."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.judging import paper
from cardiosynth.judging.tables import COMPARISONS, QUANTITIES, TESTS_COLUMNS
from cardiosynth.measuring.predictions import GROUPS
from cardiosynth.study.errors import InputError

BOTH = {1: "phantom-a", 2: "phantom-b"}


def comparison(low, high, first="RSO", second="RSP", dataset="phantom-a", group="all", quantity="ef", **other):
    return {
        "first": first,
        "second": second,
        "dataset": dataset,
        "split": "test",
        "group": group,
        "quantity": quantity,
        "kruskal_p": 0.2,
        "wilcoxon_p": 0.1,
        "rmse_difference": (low + high) / 2,
        "rmse_difference_low": low,
        "rmse_difference_high": high,
        "mae_difference": 1.0,
        "n": 80,
        "seeds_first": 3,
        "seeds_second": 3,
        **other,
    }


def verdict(row, claim="pretraining-ef-1", datasets=BOTH):
    return paper.verdicts(pd.DataFrame([row]), datasets).set_index("id").loc[claim]


def test_table1_as_printed():
    table = paper.published_table1().set_index(["experiment", "dataset", "quantity"])
    assert table.index.is_unique
    assert table.loc["RSO"].rmse.tolist() == [23.7, 12.6, 7.1, 11.7, 8.1, 3.7]
    assert table.loc["RSA"].rmse.tolist() == [13.3, 9.6, 6.6, 9.2, 7.3, 3.5]
    assert table.loc["RSP"].rmse.tolist() == [11.2, 7.1, 3.7, 8.4, 6.7, 3.2]
    assert table.loc["SSO"].rmse.tolist() == [56.6, 36.1, 8.0]
    differs = table.rmse_text.dropna()
    assert differs.to_dict() == {
        ("RSO", 2, "edv_ml"): 11.0,
        ("RSP", 1, "esv_ml"): 7.9,
        ("Kaggle first", 1, "edv_ml"): 12.0,
        ("Kaggle first", 1, "esv_ml"): 10.2,
        ("Kaggle first", 1, "ef"): 4.9,
        ("Kaggle fourth", 1, "ef"): 4.7,
    }


def test_unknown_figures_are_refused():
    with pytest.raises(InputError, match="no column 'organ'"):
        paper.published("rmse", organ="heart")
    with pytest.raises(InputError, match="0 values for rmse"):
        paper.published_value("rmse", experiment="SSO", dataset=2)


def test_claims_are_well_formed():
    claims = paper.claims()
    assert claims.id.is_unique and set(claims.dataset) == {1, 2}
    assert set(zip(claims["first"], claims["second"])) <= set(COMPARISONS)  # else no study could test them
    assert set(paper.NUMBERS) <= set(TESTS_COLUMNS)
    assert set(claims.group) <= set(GROUPS) and set(claims.quantity) <= set(QUANTITIES)
    assert set(claims.expected) <= set(paper.EXPECTED)
    assert (claims.margin.notna() == (claims.expected == "equal")).all()


def test_the_papers_own_numbers_go_in_the_direction_it_claims():
    table = paper.verdicts(pd.DataFrame([comparison(0, 1)]), BOTH)
    known = table[table.paper_difference.notna()]
    signs = {
        "second smaller": known.paper_difference > 0,
        "first smaller": known.paper_difference < 0,
        "equal": known.paper_difference.abs() < known.margin,
    }
    assert len(known) == 13
    assert all(signs[row.expected][index] for index, row in known.iterrows())


@pytest.mark.parametrize(
    "expected, low, high, margin, verdict",
    [
        ("second smaller", 0.1, 2.0, np.nan, "agrees"),
        ("second smaller", -2.0, -0.1, np.nan, "contradicts"),
        ("second smaller", -0.1, 2.0, np.nan, "undecided"),
        ("second smaller", np.nan, np.nan, np.nan, "undecided"),
        ("first smaller", -2.0, -0.1, np.nan, "agrees"),
        ("first smaller", 0.1, 2.0, np.nan, "contradicts"),
        ("equal", -0.4, 0.3, 0.5, "agrees"),
        ("equal", 0.1, 0.4, 0.5, "agrees"),
        ("equal", 0.6, 0.9, 0.5, "contradicts"),
        ("equal", -0.9, -0.6, 0.5, "contradicts"),
        ("equal", 0.2, 0.9, 0.5, "undecided"),
        ("equal", np.nan, np.nan, 0.5, "undecided"),
    ],
)
def test_judgement(expected, low, high, margin, verdict):
    assert paper.judge(expected, low, high, margin) == verdict


def test_an_unknown_expectation_is_refused():
    with pytest.raises(InputError, match="'better'"):
        paper.judge("better", 0, 1)


def test_verdict_carries_the_numbers():
    row = verdict(comparison(1.0, 3.0))
    assert (row.verdict, row.reason, row.study_dataset, row.n) == ("agrees", "", "phantom-a", 80)
    assert (row.rmse_difference, row.rmse_difference_low, row.rmse_difference_high) == (2.0, 1.0, 3.0)
    assert row.paper_difference == pytest.approx(7.1 - 3.7)
    assert row.mae_difference == 1.0 and np.isnan(row.mae_difference_low)  # a column that a table may lack


def test_verdicts_take_the_right_row():
    rows = pd.DataFrame(
        [comparison(1, 2, split="validation"), comparison(1, 2, quantity="edv_ml"), comparison(-3, -2), comparison(2, 3, dataset="phantom-b")]
    )
    found = paper.verdicts(rows, BOTH).set_index("id").verdict
    assert found["pretraining-ef-1"] == "contradicts" and found["pretraining-ef-2"] == "agrees"
    assert found["pretraining-edv-1"] == "agrees" and found["pretraining-esv-1"] == "not tested"


def test_verdicts_name_what_limits_them():
    assert "one training" in verdict(comparison(1, 3, seeds_second=1)).reason
    few = verdict(comparison(np.nan, np.nan, n=3))
    assert (few.verdict, few.reason) == ("undecided", "too few subjects for an interval")


def test_a_study_of_one_experiment_tests_nothing():
    assert set(paper.verdicts(pd.DataFrame(columns=TESTS_COLUMNS), BOTH).verdict) == {"not tested"}


def test_what_was_not_compared_is_not_tested():
    empty = verdict(comparison(np.nan, np.nan, n=0))
    assert (empty.verdict, empty.reason) == ("not tested", "no subject in this group")
    absent = verdict(comparison(1, 3), "pretraining-ef-2", {1: "acdc", 2: None})
    assert (absent.verdict, absent.reason) == ("not tested", "the study has no Dataset 2")
    assert verdict(comparison(1, 3), "half-random").verdict == "not tested"


@pytest.fixture
def table1():
    rows = [
        {
            "experiment": experiment,
            "dataset": dataset,
            "split": split,
            "group": group,
            "quantity": quantity,
            "rmse": 10.0 + place,
            "rmse_sd": 0.5,
            "rmse_low": 9.0,
            "rmse_high": 12.0,
            "n": 80,
            "seeds": 3,
        }
        for experiment in ("RSP", "RSO", "segmentation")
        for dataset in BOTH.values()
        for split in ("validation", "test")
        for group in ("all", "ef<40")
        for place, quantity in enumerate(paper.HEADINGS)
    ]
    table = pd.DataFrame(rows)
    table.loc[table.experiment == "segmentation", ["rmse_sd", "seeds"]] = [np.nan, 1]
    return table


def test_side_by_side(table1):
    both = paper.side_by_side(table1, BOTH)
    assert both.experiment.drop_duplicates().tolist() == list(paper.TABLE1_EXPERIMENTS)
    rows = both.set_index(["experiment", "paper_dataset", "quantity"])
    assert rows.index.is_unique
    row = rows.loc[("RSP", 1, "esv_ml")]
    assert (row.dataset, row.rmse, row.paper_rmse, row.paper_rmse_text) == ("phantom-a", 11.0, 7.1, 7.9)
    assert np.isnan(rows.loc[("SSO", 1, "ef")].rmse) and rows.loc[("SSO", 1, "ef")].paper_rmse == 8.0
    assert np.isnan(rows.loc[("segmentation", 2, "ef")].paper_rmse)


def test_side_by_side_without_dataset_2(table1):
    both = paper.side_by_side(table1[table1.dataset == "phantom-a"], {1: "phantom-a", 2: None})
    assert both[both.paper_dataset == 2].rmse.isna().all() and (both[both.paper_dataset == 2].paper_rmse > 0).all()


def test_plain_text_table(table1):
    lines = paper.format_table1(table1).splitlines()
    assert max(map(len, lines)) <= 100
    body = [line for line in lines if line.startswith(paper.TABLE1_EXPERIMENTS)]
    assert [line.split()[0] for line in body] == ["RSO", "RSP", "segmentation"]
    assert body[0].split()[1:] == ["10.0", "±", "0.5", "11.0", "±", "0.5", "12.0", "±", "0.5"] * 2
    assert body[2].split()[1:] == ["10.0", "11.0", "12.0"] * 2
    assert "subjects: phantom-a 80, phantom-b 80" in lines and "seeds: RSP 3, RSO 3, segmentation 1" in lines


def test_plain_text_table_with_empty_cells(table1):
    table = table1[~((table1.experiment == "RSO") & (table1.dataset == "phantom-b"))]
    line = next(line for line in paper.format_table1(table).splitlines() if line.startswith("RSO"))
    assert line.split()[-3:] == ["–"] * 3
    with pytest.raises(InputError, match="no rows of split 'extra_test'"):
        paper.format_table1(table, "extra_test")


def test_synthetic_subjects_are_counted_beside_the_papers():
    table = pd.DataFrame({
        "split": ["train"] * 5 + ["validation"], "source_id": list("aabbbc"),
        "kept": [True, False, True, True, True, True], "chosen": [True, False, False, False, True, False],
    })  # fmt: skip
    counts = paper.synthetic_counts(table).set_index("split")
    assert counts.loc["train", ["sources", "candidates", "kept", "chosen", "kept per source"]].tolist() == [2, 5, 4, 2, 2.0]
    assert counts.loc["train", "paper: per source"] == pytest.approx(33.59, abs=0.01)
    assert counts.loc["validation", "paper: sources"] == 187
