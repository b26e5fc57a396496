"""The pages of uncertainty show what the tables say, for a study with and one without a second held-out split."""

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth.figures import uncertainty
from cardiosynth.figures.results import open_results
from cardiosynth.judging import calibration
from cardiosynth.study.sections import Statistics
from forecasts import points, predictions

pytestmark = pytest.mark.slow

BOTH = "test+extra_test"


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
    return open_results(folder)


def test_the_coverage_table_has_every_level_and_marks_what_misses(results):
    table = uncertainty.coverage_table(results, split=BOTH)
    assert table.frame.columns.tolist() == ["experiment", "dataset", "quantity", "forecast", "50 %", "80 %", "90 %", "95 %", "n", "trainings"]
    assert len(table.frame) == 2 * 3 * 2 and (table.frame["n"] == 50).all() and BOTH in table.caption
    rows = results.table("coverage").query(f"split == '{BOTH}' and group == 'all' and level == 0.9 and experiment == 'RSP'")
    shown = table.frame.query("experiment == 'RSP'")["90 %"]
    assert [int(text.split(" ")[0]) for text in shown] == [round(100 * share) for share in rows.covered]
    assert [text.endswith(uncertainty.MISSED) for text in shown] == (~rows.holds).tolist()


def test_groups_state_their_subjects(results):
    frame = uncertainty.coverage_by_group(results, split="test").frame
    sizes = results.table("coverage").query("split == 'test' and level == 0.9 and experiment == 'RSP' and forecast == 'calibrated'")
    expected = sizes.groupby("group").n.first()
    assert frame.iloc[0]["all"].endswith(f"n = {expected['all']}")
    assert all((frame[group] == "–").all() == (expected[group] == 0) for group in ("ef<40", "ef40-70", "ef>70"))


def test_the_calibration_is_told_as_a_multiple_of_the_deviation(results):
    shown = uncertainty.calibration_table(results).frame.set_index("experiment")
    fitted = results.table("calibration").set_index("experiment")
    assert shown.at["RSP", "deviations times"] == pytest.approx(np.sqrt(fitted.at["RSP", "factor"]))
    assert shown.at["RSP", "validation subjects"] == 25


@pytest.mark.parametrize(
    "draw, name", [(uncertainty.reliability_curves, "11-reliability"), (uncertainty.error_against_deviation, "11-error-against-deviation")]
)
def test_a_figure_is_kept_with_its_data_and_names_its_cohort(results, draw, name):
    picture = draw(results, split=BOTH)
    assert picture.path.stem == name and np.asarray(Image.open(picture.path).convert("L")).std() > 5
    data = pd.read_csv(picture.path.with_suffix(".csv"))
    assert set(data.forecast) == {"stated", "calibrated"} and set(data.experiment) == {"RSO", "RSP"}
    assert "tiny" in picture.caption and "ACDC patients" in picture.alt
    assert draw(results, split=BOTH).path.read_bytes() == picture.path.read_bytes()


def test_pooled_figures_hold_the_subjects_of_both_splits(results):
    data = pd.read_csv(uncertainty.reliability_curves(results, split=BOTH).path.with_suffix(".csv"))
    assert set(data.n) == {50}
    groups = pd.read_csv(uncertainty.error_against_deviation(results, split="test", bins=5).path.with_suffix(".csv"))
    assert set(groups.groupby(["experiment", "quantity", "forecast"]).n.sum()) == {25}


def test_the_words_of_the_reliability_figure_are_its_distances(results):
    picture = uncertainty.reliability_curves(results, ["RSP"], "test")
    data = pd.read_csv(picture.path.with_suffix(".csv")).query("quantity == 'ef' and forecast == 'calibrated'")
    assert f"RSP acdc ef calibrated {(data.observed - data.nominal).abs().max():.2f}" in picture.alt
