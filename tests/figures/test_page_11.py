"""The page of uncertainty shows what the tables say, for each held-out split and for both together."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth.figures.results import open_results
from cardiosynth.judging import calibration
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Statistics
from forecasts import points, predictions
from pages import run_page, shown_pictures, shown_tables, write_provenance

pytestmark = pytest.mark.slow

BOTH = "test+extra_test"
MISSED = "†"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "tiny"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump({"name": "tiny", "title": "made up", "datasets": {"a": "acdc", "b": None}}))
    own = predictions(25, ("validation", "test", "extra_test"), scale=1.5)
    table = pd.concat([own, own.assign(experiment="RSO", edv_ml=own.edv_ml + 10), points(own)], ignore_index=True)
    settings = Statistics(bootstrap_draws=100)
    calibration.coverage(table, settings).to_csv(folder / "coverage.csv", index=False)
    calibration.by_subject(table).to_csv(folder / "forecasts.csv", index=False)
    calibration.calibrations(table).to_csv(folder / "calibration.csv", index=False)
    calibration.crps(table, settings, 1).to_csv(folder / "crps.csv", index=False)
    write_provenance(folder)
    return open_results(folder)


@pytest.fixture(scope="module")
def both(results, tmp_path_factory):
    """The page for both held-out splits together; its figures are its own."""
    folder = tmp_path_factory.mktemp("both") / "tiny"
    shutil.copytree(results.folder, folder)
    return run_page("11-uncertainty", results=str(folder), split=BOTH)


def data(page, name):
    return pd.read_csv(shown_pictures(page)[name].path.with_suffix(".csv"))


def test_the_coverage_table_has_every_level_and_marks_what_misses(results, both):
    table = shown_tables(both)[1]
    assert table.frame.columns.tolist() == ["experiment", "dataset", "quantity", "forecast", "50 %", "80 %", "90 %", "95 %", "n", "trainings"]
    assert len(table.frame) == 2 * 3 * 2 and (table.frame["n"] == 50).all() and BOTH in table.caption
    rows = results.table("coverage").query("split == @BOTH and group == 'all' and level == 0.9 and experiment == 'RSP'")
    shown = table.frame.query("experiment == 'RSP'").set_index(["quantity", "forecast"])["90 %"]
    for row in rows.itertuples():
        cell = shown[row.quantity.split("_")[0].upper(), row.forecast]
        assert int(cell.split(" ")[0]) == round(100 * row.covered) and cell.endswith(MISSED) != row.holds


def test_groups_state_their_subjects(results):
    frame = shown_tables(run_page("11-uncertainty", results=str(results.folder)))[2].frame
    sizes = results.table("coverage").query("split == 'test' and level == 0.9 and experiment == 'RSP' and forecast == 'calibrated'")
    expected = sizes.groupby("group").n.first()
    assert frame.columns.tolist()[3:] == ["all", "ef<40", "ef40-70", "ef>70"]
    assert frame.iloc[0]["all"].endswith(f"n = {expected['all']}")
    assert all((frame[group] == "–").all() == (expected[group] == 0) for group in ("ef<40", "ef40-70", "ef>70"))


def test_the_calibration_is_told_as_a_multiple_of_the_deviation(results, both):
    shown = shown_tables(both)[0].frame.set_index("experiment")
    fitted = results.table("calibration").set_index("experiment")
    assert shown.at["RSP", "deviations times"] == pytest.approx(np.sqrt(fitted.at["RSP", "factor"]))
    assert shown.at["RSP", "validation subjects"] == 25


@pytest.mark.parametrize("name", ["11-reliability", "11-error-against-deviation"])
def test_a_figure_is_kept_with_its_data_and_names_its_cohort(both, name):
    picture = shown_pictures(both)[name]
    assert np.asarray(Image.open(picture.path).convert("L")).std() > 5
    assert set(data(both, name).forecast) == {"stated", "calibrated"} and set(data(both, name).experiment) == {"RSO", "RSP"}
    assert "tiny" in picture.caption and "ACDC patients" in picture.alt


def test_the_figures_hold_the_subjects_of_the_split_and_experiments_asked_for(results, both):
    assert set(data(both, "11-reliability").n) == {50}
    alone = run_page("11-uncertainty", results=str(results.folder), experiments=["RSP"], groups=3)
    assert set(data(alone, "11-reliability").n) == {25} and set(data(alone, "11-reliability").experiment) == {"RSP"}
    groups = data(alone, "11-error-against-deviation").groupby(["experiment", "quantity", "forecast"]).n
    assert set(groups.sum()) == {25} and set(groups.size()) == {3}


def test_the_words_of_the_reliability_figure_are_its_distances(both):
    curve = data(both, "11-reliability").query("experiment == 'RSP' and quantity == 'ef' and forecast == 'calibrated'")
    assert f"RSP acdc ef calibrated {(curve.observed - curve.nominal).abs().max():.2f}" in shown_pictures(both)["11-reliability"].alt


def test_the_scores_are_those_of_the_split(results, both):
    rows = results.table("crps").query("split == @BOTH")
    frame = shown_tables(both)[-1].frame
    assert set(frame["forecast"]) == {"each training", "point", "ensemble, stated", "ensemble, calibrated"}
    assert frame["CRPS (challenge)"].tolist() == rows["crps_kaggle"].map("{:.5f}".format).tolist()


def test_a_study_without_forecasts_is_told_to_run(results, tmp_path):
    with pytest.raises(InputError, match="no such table"):
        (tmp_path / "study.yaml").write_bytes((results.folder / "study.yaml").read_bytes())
        run_page("11-uncertainty", results=str(tmp_path))
