"""The page of both methods shows what its tables say, and says so where there is nothing to show."""

import numpy as np
import pandas as pd
import pytest
import yaml

from cardiosynth.figures.formatting import TOGETHER, combined_table, table1_beside_paper
from cardiosynth.figures.results import open_results
from cardiosynth.judging import alarm, clearing, tables
from cardiosynth.judging.combination import combined
from cardiosynth.study.sections import Statistics
from pages import run_page, shown_pictures, shown_tables, write_provenance
from two_methods import readings

pytestmark = pytest.mark.slow

BOTH = "test+extra_test"
SETTINGS = Statistics(bootstrap_draws=100)


def make(folder, rows):
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump({"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}}))
    made = {"combined": combined(rows, SETTINGS, 1), "alarm": alarm.judge_alarms(rows, SETTINGS, 1), "roc": alarm.curves(rows),
              "clearing": clearing.clearing(rows, SETTINGS), "table1": tables.table1(rows, SETTINGS, 1)}  # fmt: skip
    for name, table in made.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    write_provenance(folder)
    return open_results(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    rng, parts = np.random.default_rng(4), []
    for split, n in (("validation", 20), ("test", 24), ("extra_test", 10)):
        truth = rng.uniform(25, 70, n)
        parts.append(readings(truth, truth + rng.normal(0, 9, n), truth + rng.normal(0, 6, n), split, "phantom-a"))
    return make(tmp_path_factory.mktemp("results") / "tiny", pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Three validation subjects, who cannot choose."""
    rows = pd.concat([readings([60, 61, 62], 60, 60, "validation", "phantom-a"), readings(np.full(8, 60), 61, 62, "test", "phantom-a")])
    return make(tmp_path_factory.mktemp("results") / "tiny", rows)


@pytest.fixture(scope="module")
def page(results):
    return run_page("12-two-methods", results=str(results.folder), split=BOTH)


@pytest.mark.parametrize("name", ["12-alarm", "12-clearing"])
def test_figures_are_saved_with_their_data_and_name_the_phantom(page, bare, name):
    for shown in (page, run_page("12-two-methods", results=str(bare.folder))):
        picture = shown_pictures(shown)[name]
        assert picture.path.is_file() and picture.path.with_suffix(".csv").is_file()
        assert "embedded phantom, not patients" in picture.caption
    assert shown["judged"].startswith("none") and page["judged"] == BOTH


def test_the_roc_figure_keeps_the_curves_and_says_their_areas(results, page):
    picture = shown_pictures(page)["12-alarm"]
    pd.testing.assert_frame_equal(pd.read_csv(picture.path.with_suffix(".csv")), results.table("roc"))
    row = results.table("alarm").iloc[0]
    assert f"regression over {row.limit:.0f} points, disagreement: {row.auc:.2f}" in picture.alt and "nan" not in picture.alt


def test_the_alarm_table_has_a_row_for_each_question(results, page):
    frame, rows = shown_tables(page)[0].frame, results.table("alarm")
    assert len(frame) == len(rows) == 12 and frame["subjects"].iloc[0] == f"{rows.badly[0]} of 34"
    assert frame["area under the curve"].iloc[0].startswith(f"{rows.auc[0]:.2f} [") and frame["gain over predicted deviation"].iloc[1] == "–"
    assert frame["sensitivity"].iloc[0].startswith(f"{100 * rows.sensitivity[0]:.0f} [")


def test_the_table_of_errors_shows_methods_then_differences(results, page):
    rmse, mae = shown_tables(page)[1:3]
    frame = rmse.frame
    names = ["regression", "segmentation", "mean of both", "weighted mean of both"]
    assert frame[""].tolist()[:4] == names and frame[""].tolist()[4] == "mean of both less regression" and len(frame) == 8
    row = results.table("combined").query("split == @BOTH and group == 'all' and quantity == 'ef' and measure == 'rmse' and method == 'weighted'")
    assert frame["EF (%)"][3].startswith(f"{row.value.iloc[0]:.2f} [") and frame["EF (%)"][3].endswith(f"weight {row.weight.iloc[0]:.2f}")
    assert frame["EF (%)"][6].startswith(f"{row.value.iloc[1]:+.2f} [")
    assert "MAE" in mae.caption and "34 subjects" in rmse.caption and "24 subjects" in combined_table(results, "test").caption


def test_the_clearing_table_shows_the_chosen_thresholds_of_one_limit(results, page):
    table = shown_tables(page)[-1]
    chosen = results.table("clearing").query("limit == 50 and stated == stated")
    assert len(table.frame) == len(chosen) == 12 and f"{chosen.reduced.max()} of 34 are below" in table.caption
    share = 100 * chosen["cleared_share"].iloc[1]
    assert table.frame["cleared (% of all)"].iloc[1].startswith(f"{share:.0f} [")


def test_tables_without_a_row_keep_their_columns(bare):
    tables = shown_tables(run_page("12-two-methods", results=str(bare.folder)))
    assert len(tables) == 5
    for table in tables:
        assert len(table.frame.columns) and "text/markdown" in table._repr_mimebundle_()


def test_table_1_has_the_rows_of_both_methods_together_where_there_are_any(results, bare):
    frame = table1_beside_paper(results, 1, BOTH).frame.set_index("experiment")
    assert frame.index.tolist()[-3:] == ["RSP, all trainings", "RSP and segmentation, mean", "RSP and segmentation, weighted"]
    row = (
        results.table("combined")
        .query(f"split == '{BOTH}' and group == 'all' and quantity == 'ef' and measure == 'rmse' and method == 'mean'")
        .iloc[0]
    )
    assert frame.at["RSP and segmentation, mean", "EF (%)"].startswith(f"{row.value:.1f} [{row.low:.1f},")
    assert frame.at["RSP and segmentation, mean", "trainings"] == "all"
    without = table1_beside_paper(bare, 1).frame
    assert not set(TOGETHER.values()) & set(without["experiment"])
    (bare.folder / "combined.csv").unlink()
    assert table1_beside_paper(bare, 1).frame.equals(without)
