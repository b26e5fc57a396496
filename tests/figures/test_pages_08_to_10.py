"""The pages of Table 1, of the ablations and of the time of a prediction show what the tables say."""

import shutil

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth import ROOT
from cardiosynth.figures.formatting import table1_beside_paper, table1_by_group
from cardiosynth.figures.results import recorded
from cardiosynth.study.errors import InputError
from pages import run_page, shown_pictures, shown_tables, write_provenance
from tiny_study import results  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

RECORDED = ROOT / "data" / "results"


@pytest.fixture(scope="module")
def study(results):
    write_provenance(results.folder)
    return results


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_table_1_shows_error_spread_interval_and_the_papers_value(study):
    row = study.table("table1").query("experiment == 'RSP' and dataset == 'phantom-a' and quantity == 'esv_ml' and group == 'all'").iloc[0]
    table = shown_tables(run_page("08-table-1", results=str(study.folder)))[0].frame.set_index("experiment")
    assert plain(table.at["RSP", "ESV (ml)"]) == f"{row['rmse']:.1f} ± {row['rmse_sd']:.1f} [{row['rmse_low']:.1f}, {row['rmse_high']:.1f}]"
    assert table.at["RSP", "ESV, paper"] == "7.1 (7.9 in its text)"
    assert table.index.tolist()[:3] == ["SSO", "RSO", "RSA"]
    assert table.at["RSA", "ESV (ml)"] == "–"


def test_the_page_of_table_1_lists_groups_claims_tests_and_scores(study):
    page = run_page("08-table-1", results=str(study.folder))
    first, second, observers, *by_group, claims, comparisons, scores = shown_tables(page)
    assert "Dataset 1" in first.caption and "Dataset 2" in second.caption
    assert len(by_group) == 2 and by_group[1].frame.equals(table1_by_group(study, 2).frame)
    assert by_group[1].frame.columns[1].startswith("all (n = 12")
    assert set(claims.frame["verdict"]) <= {"agrees", "contradicts", "undecided", "not tested"}
    assert "RSO - RSP" in set(comparisons.frame["compared"])
    assert set(scores.frame["forecast"]) == {"each training", "point", "ensemble, stated"}
    row = study.table("crps").iloc[0]
    assert scores.frame["CRPS (challenge)"].iloc[0] == f"{row.crps_kaggle:.5f}"
    assert scores.frame["CRPS (ml)"].iloc[0].startswith(f"{row.crps_gaussian:.2f} [{row.crps_gaussian_low:.2f}")


def test_two_observers_are_named_as_those_of_pigs(study):
    table, observers = shown_tables(run_page("08-table-1", results=str(study.folder)))[2], recorded(RECORDED, "observers.csv")
    assert len(table.frame) == 6 and "not patients" in table.caption
    row = observers.query("pair == 'two observers' and quantity == 'ef'").iloc[0]
    shown = table.frame.query("`drawn by` == 'two observers' and quantity == 'EF (points)'").iloc[0]
    assert shown["root mean square difference"].startswith(f"{row.rms:.2f} [{row.rms_low:.2f}")


def test_comparisons_stated_beforehand_are_listed_whatever_their_group(study):
    frame = shown_tables(run_page("08-table-1", results=str(study.folder)))[-2].frame
    exploratory = frame["group"] != "all"
    assert exploratory.any() and set(frame.loc[exploratory, "quantity"]) <= {"EF"}
    assert (frame.loc[exploratory, "Holm-adjusted"] != "–").all()
    assert (frame.loc[frame["compared"] == "RSP - segmentation", "Holm-adjusted"] == "–").all()
    assert set(frame["Wilcoxon p"].str.removeprefix("< ").str.len()) == {5}, "three decimals, or below one in a thousand"


def test_the_split_chooses_what_is_shown_and_a_missing_table_is_named(study, tmp_path):
    folder = tmp_path / "more"
    shutil.copytree(study.folder, folder)
    for name in ("table1", "tests", "crps"):
        table = pd.read_csv(folder / f"{name}.csv")
        other = table.assign(split="validation", **{"rmse": 77.7} if name == "table1" else {})
        pd.concat([table, other]).to_csv(folder / f"{name}.csv", index=False)
    page = run_page("08-table-1", results=str(folder), split="validation")
    assert shown_tables(page)[0].frame["EF (%)"].iloc[0].startswith("77.7") and "split validation" in shown_tables(page)[-1].caption
    assert len(shown_tables(page)[-1].frame) == len(study.table("crps"))
    (folder / "crps.csv").unlink()
    with pytest.raises(InputError, match="crps.csv: no such table"):
        run_page("08-table-1", results=str(folder))


def test_an_older_recording_without_mean_absolute_errors_still_shows(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "old")
    table = study.table("tests")
    table[[column for column in table if not column.startswith("mae_difference")]].to_csv(tmp_path / "old" / "tests.csv", index=False)
    old, new = (shown_tables(run_page("08-table-1", results=str(folder))) for folder in (tmp_path / "old", study.folder))
    assert set(old[-2].frame["MAE difference"]) == {"–"} and old[-3].frame.equals(new[-3].frame)


@pytest.mark.parametrize(("page", "name"), [("09-ablations", "09-ablations"), ("10-inference-time", "10-inference-time")])
def test_a_figure_is_kept_with_its_data_names_its_cohort_and_has_words_for_the_blind(study, page, name):
    (picture,) = shown_pictures(run_page(page, results=str(study.folder))).values()
    assert picture.path == study.folder / "figures" / f"{name}.png"
    image = Image.open(picture.path)
    assert round(image.info["dpi"][0]) >= 150 and np.asarray(image.convert("L")).std() > 5
    for words in (picture.caption, picture.alt):
        assert "tiny" in words and "not patients" in words and "Dataset 2" not in words
    before = picture.path.read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        run_page(page, results=str(study.folder))
        assert matplotlib.rcParams["font.size"] == 30
    assert picture.path.read_bytes() == before, "drawn twice, the same bytes, whatever the session has set"


def test_the_ablations_are_those_of_table_1(study):
    page = run_page("09-ablations", results=str(study.folder))
    data = pd.read_csv(shown_pictures(page)["09-ablations"].path.with_suffix(".csv"))
    rows = study.table("table1").query("dataset == 'phantom-a' and quantity == 'ef' and split == 'test'").set_index(["experiment", "group"])
    assert set(data["experiment"]) == {"RSO", "RSP", "RSP-half-random", "RSP-half-matched"} and len(data) == 16
    np.testing.assert_allclose(data["rmse"], rows.loc[list(zip(data["experiment"], data["group"])), "rmse"])
    assert f"tiny RSP all {rows.at[('RSP', 'all'), 'rmse']:.1f}" in shown_pictures(page)["09-ablations"].alt
    volumes = run_page("09-ablations", results=str(study.folder), quantity="edv_ml")
    assert shown_pictures(volumes)["09-ablations"].alt != shown_pictures(page)["09-ablations"].alt


def test_comparing_studies_keeps_them_apart(study, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    values = yaml.safe_load((study.folder / "study.yaml").read_text())
    (other / "study.yaml").write_text(yaml.safe_dump(values | {"name": "other"}))
    study.table("table1").assign(rmse=50.0).to_csv(other / "table1.csv", index=False)
    page = run_page("09-ablations", results=str(study.folder), compare=[str(other)])
    (table,) = shown_tables(page)
    alone, others = (table.frame[table.frame["study"] == name] for name in ("tiny", "other"))
    assert len(alone) == len(others) == 16 and (others["rmse"] == 50).all() and (alone["rmse"] != 50).all()


def test_a_study_of_one_dataset_has_its_tables_and_figures(study, tmp_path):
    folder = tmp_path / "single"
    shutil.copytree(study.folder, folder)
    values = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(values | {"datasets": {"a": "phantom-a", "b": None}}))
    for name in ("predictions", "table1", "tests", "crps"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["dataset"] == "phantom-a"].to_csv(folder / f"{name}.csv", index=False)
    first, observers, by_group, claims, *_ = shown_tables(run_page("08-table-1", results=str(folder)))
    assert set(first.frame["experiment"]) >= {"SSO", "RSO", "RSP"} and "Dataset 2" not in claims.caption
    assert (claims.frame.loc[claims.frame["on"].str.endswith("Dataset 2"), "verdict"] == "not tested").all()
    assert len(shown_pictures(run_page("09-ablations", results=str(folder)))) == 1


def test_inference_is_in_milliseconds_beside_the_papers(study):
    page = run_page("10-inference-time", results=str(study.folder), large=str(study.folder))
    own, again, printed = shown_tables(page)[0].frame.itertuples()
    assert own[1:] == again[1:]
    assert (own.mean_ms, own.median_ms, own.subjects) == (15.0, 15.0, 2)
    assert (printed.mean_ms, printed.sd_ms) == (5.5, 4.3)
    picture = shown_pictures(page)["10-inference-time"]
    assert pd.read_csv(picture.path.with_suffix(".csv"))["milliseconds"].tolist() == [10.0, 20.0]
    assert "15.0 ± 7.1; the paper prints 5.5 ± 4.3" in picture.alt


def test_the_recorded_prediction_is_twice_as_fast_as_the_plain_one(study, tmp_path):
    frame = shown_tables(run_page("10-inference-time", results=str(study.folder)))[1].frame.set_index("what")["times as fast"]
    assert frame["64 px, 8 channels: ours"] > 2 and frame["150 px, 32 channels: ours"] > 2
    assert (frame[frame.index.str.endswith("plain")] == 1).all()
    with pytest.raises(InputError, match="no such recorded table"):
        run_page("10-inference-time", results=str(study.folder), recorded=str(tmp_path))


def test_a_study_without_both_methods_has_no_rows_of_them_in_table_1(study):
    assert not table1_beside_paper(study, 1).frame["experiment"].str.contains("all trainings").any()
