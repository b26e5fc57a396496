"""The page of the recorded study shows what its recorded tables say, and leaves its figures with the study of the page."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.figures.results import open_results
from cardiosynth.judging.measures import rmse
from cardiosynth.study.errors import InputError
from pages import run_page, shown_pictures, shown_tables, write_provenance
from stated_comparisons import compared_as

pytestmark = pytest.mark.slow

RECORDED = ROOT / "data" / "results"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The results of the page's own study, of which only the foot is asked."""
    folder = tmp_path_factory.mktemp("own")
    write_provenance(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return run_page("17-recorded-patients", results=str(folder))


@pytest.fixture(scope="module")
def acdc():
    return open_results(RECORDED / "acdc")


def captioned(page, words: str) -> list:
    return [table for table in shown_tables(page) if words in table.caption]


def test_figures_are_kept_with_the_study_of_the_page(page, folder):
    names = ["recorded-04-scatter", "recorded-05-bland-altman", "recorded-12-alarm"]
    assert list(shown_pictures(page)) == names
    for name, picture in shown_pictures(page).items():
        assert picture.path == folder / "figures" / f"{name}.png" and picture.path.with_suffix(".csv").is_file()
        assert "Study acdc-full" in picture.caption and "ACDC patients" in picture.alt
    assert not (RECORDED / "acdc" / "figures").exists()


def test_the_scatter_shows_the_predictions_and_says_table_1(page, acdc):
    picture = shown_pictures(page)["recorded-04-scatter"]
    data = pd.read_csv(picture.path.with_suffix(".csv"))
    assert set(data["experiment"]) == {"RSO", "RSP"} and set(data["split"]) == {"test"}
    own = data.query("experiment == 'RSP' and dataset == 'acdc'").pivot(index="subject", columns="seed", values=["ef", "true_ef"])
    errors = own["ef"] - own["true_ef"]
    assert f"RSP EF acdc: r 0.941, RMSE {rmse(errors).mean():.1f} ± {rmse(errors).std():.1f}" in picture.alt


def test_bland_altman_points_are_means_over_trainings(page, acdc):
    picture = shown_pictures(page)["recorded-05-bland-altman"]
    data = pd.read_csv(picture.path.with_suffix(".csv")).query("experiment == 'RSP' and dataset == 'acdc' and quantity == 'esv_ml'")
    row = acdc.table("agreement").query("experiment == 'RSP' and dataset == 'acdc' and quantity == 'esv_ml' and split == 'test'").iloc[0]
    assert len(data) == row["n"] and data["difference"].mean() == pytest.approx(row["bias"])
    assert f"RSP ESV acdc: {row['bias']:+.1f} [{row['lower_limit']:.1f}, {row['upper_limit']:.1f}]" in picture.alt


def test_the_trainings_are_compared_on_the_reduced_patients(page, acdc):
    table = captioned(page, "by training, group ef<40 (n = 18), split test.")[0].frame.set_index("experiment")
    own = acdc.predictions().query("dataset == 'acdc' and split == 'test' and experiment == 'RSP' and seed == 2 and true_ef < 40")
    assert table.at["RSP", "seed 2"] == pytest.approx(np.sqrt(np.mean((own["ef"] - own["true_ef"]) ** 2)))
    assert table.index.tolist()[:4] == ["SSO", "RSO", "RSA", "RSP"] and not [name for name in table.index if "zoom" in name]


def test_the_coverage_is_that_of_both_splits(page, acdc):
    (table,) = captioned(page, "inside their intervals")
    row = acdc.table("coverage").query(
        "experiment == 'RSO' and dataset == 'acdc' and split == 'test+extra_test' and group == 'all' and quantity == 'esv_ml' "
        "and level == 0.9 and forecast == 'calibrated'"
    )
    shown = table.frame.query("experiment == 'RSO' and dataset == 'acdc' and quantity == 'ESV' and forecast == 'calibrated'")["90 %"].iloc[0]
    assert shown.startswith(f"{100 * row['covered'].iloc[0]:.0f} [") and shown.endswith("†") != row["holds"].iloc[0]


def test_the_words_of_the_alarm_are_its_areas(page, acdc):
    row = acdc.table("alarm").query("dataset == 'acdc' and error_of == 'mean' and limit == 5 and alarm == 'sd'").iloc[0]
    assert f"mean of both over 5 points, predicted deviation: {row['auc']:.2f}" in shown_pictures(page)["recorded-12-alarm"].alt
    (cleared,) = captioned(page, "Clearing scans")
    assert len(cleared.frame) == 12 and "50 of 82 are below" in cleared.caption


def test_each_stated_comparison_is_shown_with_what_they_come_to(folder, tmp_path):
    shutil.copytree(RECORDED / "acdc-first", tmp_path / "first")
    compared_as({"rsp-ef": (0.5, 2.0), "rsp-reduced-ef": (0.1, 3.0)}).to_csv(tmp_path / "first" / "tests.csv", index=False)
    page = run_page("17-recorded-patients", results=str(folder), first=str(tmp_path / "first"))
    of_study, of_first, of_large = captioned(page, "Stated comparisons")
    assert len(of_first.frame) == len(of_study.frame) == len(of_large.frame)
    assert of_first.frame["verdict"].tolist()[:3] == ["agrees", "agrees", "not tested"]
    assert of_first.frame["n"].astype(str).tolist()[:3] == ["50", "50", "<NA>"]
    assert "main claim: replicated" in of_first.caption


def test_runs_stand_side_by_side_and_what_one_lacks_is_a_dash(folder, tmp_path):
    shutil.copytree(RECORDED / "acdc-large", tmp_path / "large")
    table = pd.read_csv(tmp_path / "large" / "table1.csv").query("experiment != 'SSO'")
    table.loc[table["experiment"] == "RSP", "seeds"] = 3
    table.to_csv(tmp_path / "large" / "table1.csv", index=False)
    page = run_page("17-recorded-patients", results=str(folder), large=str(tmp_path / "large"))
    shown = captioned(page, "of the paper's size:")[0]
    frame = shown.frame.query("dataset == 'acdc'").set_index("experiment")
    assert set(frame.filter(like="of the paper's size").loc["SSO"]) == {"–"} and "–" not in set(frame.filter(like="small").loc["SSO"])
    assert "small: 64 pixels, SFERA from 8 channels, 30 epochs over synthetic hearts, trainings: 5 of" in shown.caption
    assert "of the paper's size: 150 pixels" in shown.caption and "3 of RSP acdc" in shown.caption
    both = captioned(page, "first run:")[0]
    assert "first run: 64 pixels" in both.caption and "split validation" in both.caption and "trainings: 5; second run" in both.caption


def test_a_folder_without_its_tables_is_named(folder, tmp_path):
    shutil.copytree(RECORDED / "acdc", tmp_path / "acdc")
    (tmp_path / "acdc" / "coverage.csv").unlink()
    with pytest.raises(InputError, match="coverage.csv: no such table"):
        run_page("17-recorded-patients", results=str(folder), recorded=str(tmp_path / "acdc"))


def test_the_page_of_the_status_tells_the_build(folder, tmp_path):
    (tmp_path / "study.yaml").write_bytes((RECORDED / "acdc" / "study.yaml").read_bytes())
    write_provenance(tmp_path)
    stages, software, checksums = shown_tables(run_page("21-status", results=str(tmp_path)))
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert stages.frame["stage"].tolist() == ["prepare a"]
    assert (
        dict(software.frame.itertuples(index=False)) == {name: record[name] for name in ("study", "commit", "machine", "device")} | record["versions"]
    )
    assert checksums.frame.iloc[0].tolist() == ["prepare a", "images.npy", "0123456789abcdef"]
