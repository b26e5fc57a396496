"""The pages of the paper's figures, run on a small made-up study: what they show is what the tables say."""

import json
import shutil

import matplotlib
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth import ROOT
from cardiosynth.figures.formatting import Table
from cardiosynth.figures.style import Picture
from cardiosynth.networks import unet
from cardiosynth.study.errors import InputError
from pages import run_page
from tiny_study import results  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

GREY = {30: 0, 170: 1, 60: 2, 220: 3}  # labels of the made-up hearts by their grey level
NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def folder(results):
    """The made-up study with what the pages read beside: subjects left out, the reader's finding, provenance."""
    left_out = pd.DataFrame({"id": ["x", "y"], "split": "train", "reason": "motion"})
    left_out.to_csv(results.cohort(1).folder / "excluded.csv", index=False)
    left_out.head(0).to_csv(results.cohort(2).folder / "excluded.csv", index=False)
    quantities = ["lv_dice", "myocardium_dice", "rv_dice", "ef_bias", "ef_mae", "edv_bias_ml", "esv_bias_ml"]
    quantities += [f"{third}_area_{kind}" for third in ("base", "middle", "apex") for kind in ("bias", "error")]
    names = [name + end for end in ("_real", "_synthetic", "_synthetic_train") for name in quantities]
    pd.DataFrame({"quantity": names, "value": np.arange(len(names)) / 4}).to_csv(results.folder / "label_fidelity.csv", index=False)
    provenance = {
        "study": "tiny", "title": "made up", "seed": 1, "seeds": [1, 2], "wall_s": 1, "device": "cpu", "machine": "a machine", "peak_rss_mb": 1,
        "commit": "unknown", "data_sha256": {}, "versions": {"python": "3", "torch": "2", "numpy": "2"},
    }  # fmt: skip
    (results.folder / "provenance.json").write_text(json.dumps(provenance))
    return results.folder


@pytest.fixture(autouse=True)
def own_settings():
    """A page sets matplotlib's settings; they are put back."""
    with matplotlib.rc_context():
        yield


@pytest.fixture()
def exact_network(monkeypatch):
    """A U-Net that draws what the made-up hearts are made of."""
    monkeypatch.setattr(unet, "load_segmentation", lambda folder: None)
    monkeypatch.setattr(unet, "segment_stack", lambda network, images: np.vectorize(GREY.get)(images))


def page(folder, name, **parameters):
    """Pictures by name and tables in order of a page."""
    shown = run_page(name, results=str(folder), **parameters)["shown"]
    return {item.path.stem: item for item in shown if isinstance(item, Picture)}, [item for item in shown if isinstance(item, Table)]


def data(picture):
    return pd.read_csv(picture.path.with_suffix(".csv"))


PAGES = {
    "01-ef-distributions": ["01-ef-distributions"], "02-workflow": ["02-workflow", "02-pairs"],
    "03-synthetic-examples": ["03-synthetic-examples", "03-rising-ef"], "04-scatter": ["04-scatter"], "05-bland-altman": ["05-bland-altman"],
    "06-segmentation-vs-regression": ["06-segmentation-vs-regression"], "07-sfera-architecture": ["07-sfera-architecture"],
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_figure_is_kept_with_its_data_names_its_cohort_and_has_words_for_the_blind(folder, exact_network, name):
    pictures, _ = page(folder, name)
    assert list(pictures) == PAGES[name]
    for stem, picture in pictures.items():
        assert picture.path == folder / "figures" / f"{stem}.png"
        image = Image.open(picture.path)
        assert round(image.info["dpi"][0]) >= 150 and np.asarray(image.convert("L")).std() > 5
        assert len(data(picture)) > 0
        for words in (picture.caption, picture.alt):
            assert "tiny" in words and "not patients" in words


def test_a_page_draws_the_same_bytes_whatever_the_session_has_set(folder):
    first = page(folder, "04-scatter")[0]["04-scatter"].path.read_bytes()
    matplotlib.rcParams.update({"font.size": 30, "lines.linewidth": 9})
    assert page(folder, "04-scatter")[0]["04-scatter"].path.read_bytes() == first


def test_the_histogram_and_the_shares_hold_every_subject_once(folder, results):
    pictures, (shares, splits) = page(folder, "01-ef-distributions")
    sizes = data(pictures["01-ef-distributions"]).groupby("cohort", sort=False)["subjects"].sum()
    candidates = results.candidates().query("split == 'train'")
    assert sizes.tolist() == shares.frame["subjects"].tolist() == [4, 4, candidates["kept"].sum(), candidates["chosen"].sum()]
    np.testing.assert_allclose(shares.frame[["ef<40", "ef40-70", "ef>70"]].sum(axis=1), 100)
    ef = results.cohort(1).split("train").table["ef"]
    assert shares.frame.loc[0, "ef<40"] == pytest.approx(100 * (ef < 40).mean())
    first = splits.frame.iloc[0]
    assert first[["split", "subjects", "left out", "because"]].tolist() == ["train", 4, 2, "motion: 2"]
    assert splits.frame["subjects"].sum() == 2 * (4 + 2 + 12)


def test_the_workflow_shows_the_subject_that_is_asked_for(folder, results):
    wanted = results.cohort(1).split("validation").table.index[0]
    pictures, (counts, _) = page(folder, "02-workflow", subject=wanted)
    own = results.candidates().query("source_id == @wanted and variant == 'plain'")
    assert sorted(data(pictures["02-workflow"])["id"]) == sorted(own["id"])
    pairs = data(pictures["02-pairs"])
    assert set(pairs["source_id"]) == {wanted} and len(pairs) == 8 and pairs["ef"].is_monotonic_increasing
    assert wanted in pictures["02-workflow"].alt
    assert counts.frame.set_index("split").at["train", "kept"] == results.candidates().query("split == 'train'")["kept"].sum()


def test_painted_subjects_stand_beside_the_nearest_real_ones(folder, results):
    pictures, (fidelity,) = page(folder, "03-synthetic-examples", columns=3)
    pairs, painted = data(pictures["03-synthetic-examples"]), results.painted().split("train").table
    assert len(pairs) == 3 and pairs["ef"].is_monotonic_increasing and set(pairs["painted"]) <= set(painted.index)
    assert set(pairs["nearest_real"]) <= set(results.cohort(1).split("train").table.index)
    rising = data(pictures["03-rising-ef"])
    assert len(rising) == 3 and rising["source_id"].nunique() == 1
    assert fidelity.frame["painted, validation"].tolist() == [i / 4 for i in range(13, 26)]


def test_the_scatter_plot_says_what_table_1_says(folder, results):
    row = results.table("table1").query("experiment == 'RSP' and dataset == 'phantom-a' and quantity == 'ef' and group == 'all'").iloc[0]
    picture = page(folder, "04-scatter")[0]["04-scatter"]
    assert f"RSP EF phantom-a: r {row['pearson']:.3f}, RMSE {row['rmse']:.1f} ± {row['rmse_sd']:.1f}" in picture.alt
    assert len(data(picture)) == len(results.predictions().query("experiment in ['RSO', 'RSP'] and split == 'test'"))
    other = page(folder, "04-scatter", experiments=["SSO"])[0]["04-scatter"]
    assert set(data(other)["experiment"]) == {"SSO"} and "RSP" not in other.alt


def test_agreement_is_drawn_and_listed_with_its_proportional_bias(folder, results):
    pictures, (agreement, observers) = page(folder, "05-bland-altman")
    points = data(pictures["05-bland-altman"])
    assert len(points) == 2 * 2 * 12 * 3
    row = results.table("agreement").query("experiment == 'RSP' and dataset == 'phantom-b' and quantity == 'ef'").iloc[0]
    own = points.query("experiment == 'RSP' and dataset == 'phantom-b' and quantity == 'ef'")
    assert own["difference"].mean() == pytest.approx(row["bias"])
    shown = agreement.frame.query("experiment == 'RSP' and dataset == 'phantom-b' and quantity == 'EF (%)'").iloc[0]
    assert shown["proportional bias"].replace(NBSP, " ") == f"{row['slope']:+.2f} [{row['slope_low']:+.2f}, {row['slope_high']:+.2f}]"
    assert shown["n"] == 12
    recorded = pd.read_csv(ROOT / "data" / "results" / "observers.csv").query("pair == 'two observers' and quantity == 'ef'").iloc[0]
    shown = observers.frame.query("`drawn by` == 'two observers' and quantity == 'EF (points)'").iloc[0]
    assert len(observers.frame) == 6 and "not patients" in observers.caption
    assert shown["root mean square difference"].startswith(f"{recorded['rms']:.2f} [{recorded['rms_low']:.2f}")


def test_the_observers_are_drawn(folder, tmp_path):
    before = page(folder, "05-bland-altman")[0]["05-bland-altman"].path.read_bytes()
    observers = pd.read_csv(ROOT / "data" / "results" / "observers.csv")
    observers.assign(rms=2 * observers["rms"]).to_csv(tmp_path / "observers.csv", index=False)
    assert page(folder, "05-bland-altman", recorded=str(tmp_path))[0]["05-bland-altman"].path.read_bytes() != before


def test_an_older_recording_without_slopes_still_shows(folder, results, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    table = results.table("agreement")
    table[[column for column in table if not column.startswith("slope")]].to_csv(tmp_path / "old" / "agreement.csv", index=False)
    pictures, (agreement, _) = page(tmp_path / "old", "05-bland-altman")
    assert set(agreement.frame["proportional bias"]) == {"–"} and len(data(pictures["05-bland-altman"])) > 0


def test_three_measurements_average_the_trainings(folder, results, exact_network):
    subject = results.cohort(1).split("test").table.index[3]
    ef = data(page(folder, "06-segmentation-vs-regression", subjects=[subject], slices=3)[0]["06-segmentation-vs-regression"]).iloc[0]
    own = results.predictions().query("subject == @subject")
    assert ef["subject"] == subject and ef["sfera"] == pytest.approx(own.query("experiment == 'RSP'")["ef"].mean())
    assert ef["reference"] == pytest.approx(ef["unet"]) == pytest.approx(own["true_ef"].iloc[0])


def test_the_network_is_drawn_for_so_many_slices_and_the_choices_are_listed(folder):
    pictures, (choices, sizes) = page(folder, "07-sfera-architecture", slices=5)
    assert data(pictures["07-sfera-architecture"])["output"].tolist()[0] == "5 × 2 × 32 × 32"
    rows = pd.read_csv(ROOT / "data" / "results" / "choices" / "acdc.csv").query("choice == 'readout' and value == 'mean'")
    listed = choices.frame.set_index(["choice", "value"])
    mean = listed.loc[("LSTM output read", "mean")]
    assert mean["EF RMSE"] == pytest.approx(rows["ef_rmse"].mean(), abs=0.01) and mean["trainings"] == rows["folds"].sum()
    assert listed.at[("LSTM output read", "sum"), "change of EF RMSE"] == "the study's"
    assert sizes.frame.columns.tolist()[3:] == ["32 px", "48 px", "64 px", "96 px", "factor of a doubling", "projected, 150 px"]


def test_a_study_of_one_dataset_has_all_its_figures(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "single")
    study = yaml.safe_load((folder / "study.yaml").read_text())
    (tmp_path / "single" / "study.yaml").write_text(yaml.safe_dump(study | {"datasets": {"a": "phantom-a", "b": None}}))
    for name in ("predictions", "table1", "agreement"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["dataset"] == "phantom-a"].to_csv(tmp_path / "single" / f"{name}.csv", index=False)
    for name in ("01-ef-distributions", "04-scatter", "05-bland-altman"):
        (picture,) = page(tmp_path / "single", name)[0].values()
        assert "Dataset 2" not in picture.caption and "phantom-b" not in set(data(picture).get("dataset", []))


MISSING = {
    "02-workflow": "synthetic/candidates.csv", "03-synthetic-examples": "label_fidelity.csv",
    "04-scatter": "table1.csv", "05-bland-altman": "agreement.csv",
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_table_is_named(folder, tmp_path, name):
    shutil.copytree(folder, tmp_path / "torn")
    (tmp_path / "torn" / MISSING[name]).unlink()
    with pytest.raises(InputError, match=MISSING[name]):
        page(tmp_path / "torn", name)


def test_absent_recorded_tables_are_named(folder, tmp_path):
    with pytest.raises(InputError, match="acdc.csv: no such recorded table"):
        page(folder, "07-sfera-architecture", recorded=str(tmp_path))
    with pytest.raises(InputError, match="observers.csv: no such recorded table"):
        page(folder, "05-bland-altman", recorded=str(tmp_path))
