"""Figures and tables from a small made-up study: what they show is what the tables say."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from cardiosynth import ROOT
from cardiosynth.data.volumes import volume_ml
from cardiosynth.figures.agreement import _differences, agreement_table, bland_altman, observers_table, scatter
from cardiosynth.figures.architecture import describe, sfera_architecture
from cardiosynth.figures.comparisons import ablations, errors_by_group, inference_summary, inference_time, prediction_speed
from cardiosynth.figures.contours import three_measurements, two_subjects
from cardiosynth.figures.distributions import ef_distributions, ef_shares
from cardiosynth.figures.examples import at_quantiles, masks_of, nearest, rising_ef, synthetic_examples
from cardiosynth.figures.results import open_recorded, open_results, recorded
from cardiosynth.figures.tables import Table, comparison_table, crps_table, table1_beside_paper, table1_by_group, verdict_table
from cardiosynth.figures.workflow import counts_beside_paper, mask_workflow, typical_subject
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import write_json
from cardiosynth.study.sections import SferaSettings
from tiny_study import EXPERIMENTS, SIZE, heart, predictions, results  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

ALL = {
    "01-ef-distributions": ef_distributions, "02-workflow": mask_workflow, "03-synthetic-examples": synthetic_examples,
    "03-rising-ef": rising_ef, "04-scatter": scatter, "05-bland-altman": bland_altman,
    "07-sfera-architecture": sfera_architecture,
    "09-ablations": ablations, "10-inference-time": inference_time,
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_kept_with_its_data_names_its_cohort_and_has_words_for_the_blind(results, name):
    picture = ALL[name](results)
    assert picture.path == results.folder / "figures" / f"{name}.png"
    image = Image.open(picture.path)
    assert round(image.info["dpi"][0]) >= 150 and np.asarray(image.convert("L")).std() > 5
    assert len(pd.read_csv(picture.path.with_suffix(".csv"))) > 0
    for words in (picture.caption, picture.alt):
        assert "tiny" in words and "not patients" in words
    assert not list(picture.path.parent.glob(".*"))
    shown = picture._repr_mimebundle_()
    assert f"../figures/{name}.png" in shown["text/markdown"] and "<img alt=" in shown["text/html"]


def test_a_recorded_study_leaves_its_figures_with_the_study_of_the_page(results, tmp_path):
    before = {path.name for path in (results.folder / "figures").glob("*")}
    picture = scatter(open_recorded(results.folder, tmp_path))
    assert picture.path == tmp_path / "figures" / "recorded-04-scatter.png" and picture.path.with_suffix(".csv").is_file()
    assert "recorded-04-scatter.png" in picture._repr_mimebundle_()["text/markdown"]
    assert before == {path.name for path in (results.folder / "figures").glob("*")}


def test_a_figure_drawn_twice_has_the_same_bytes_whatever_the_session_has_set(results):
    import matplotlib

    first = scatter(results).path.read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert scatter(results).path.read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30


def test_shares_are_counted_by_the_groups_of_ef(results):
    shares = ef_shares(results)
    ef = results.cohort(1).split("train").table["ef"]
    assert shares.loc[0, "subjects"] == 4 and shares.loc[0, "ef<40"] == pytest.approx(100 * (ef < 40).mean())
    np.testing.assert_allclose(shares[["ef<40", "ef40-70", "ef>70"]].sum(axis=1), 100)
    candidates = results.candidates().query("split == 'train'")
    assert shares["subjects"].tolist()[2:] == [candidates["kept"].sum(), candidates["chosen"].sum()]


def test_the_histogram_holds_every_subject_once(results):
    data = pd.read_csv(ef_distributions(results).path.with_suffix(".csv"))
    assert data.groupby("cohort", sort=False)["subjects"].sum().tolist() == ef_shares(results)["subjects"].tolist()


def test_differences_are_of_the_mean_over_trainings():
    rows = {"experiment": "RSO", "dataset": "d", "subject": "s", "true_edv_ml": 100.0, "true_esv_ml": 50.0, "true_ef": 50.0}
    table = pd.DataFrame(
        [rows | {"seed": 1, "edv_ml": 104.0, "esv_ml": 50.0, "ef": 52.0}, rows | {"seed": 2, "edv_ml": 112.0, "esv_ml": 50.0, "ef": 56.0}]
    )
    found = _differences(table).set_index("quantity")
    assert found.loc["edv_ml", ["mean", "difference"]].tolist() == [104.0, 8.0]
    assert found.loc["ef", ["mean", "difference"]].tolist() == [52.0, 4.0]


def test_the_words_of_the_scatter_plot_are_those_of_table_1(results):
    row = results.table("table1").query("experiment == 'RSP' and dataset == 'phantom-a' and quantity == 'ef' and group == 'all'").iloc[0]
    assert f"RSP EF phantom-a: r {row['pearson']:.3f}, RMSE {row['rmse']:.1f} ± {row['rmse_sd']:.1f}" in scatter(results).alt


@pytest.mark.parametrize("readout", ["sum", "mean", "last"])
def test_the_architecture_is_read_off_the_network(readout):
    settings = SferaSettings(base_channels=2, features=8, hidden=4, readout=readout)
    network = Sfera(settings, 64)
    table = describe(network, 64, 7)
    trained = table[~table["part"].str.contains("ridge")]["parameters"].sum()
    assert trained == sum(parameter.numel() for parameter in network.parameters())
    assert table["output"].tolist()[1:6] == [f"7 × {2 * 2**i} × {32 // 2**i} × {32 // 2**i}" for i in range(5)]
    assert network.features(torch.zeros(7, 2, 64, 64), torch.tensor([7])).shape == (1, 8)
    assert table["output"].tolist()[-3:-1] == ["1 × 8", "1 × 2"]
    assert not any(module._forward_hooks for module in network.modules())


def test_subjects_are_chosen_by_their_numbers():
    table = pd.DataFrame({"ef": [70.0, 30.0, 50.0, 20.0], "edv_ml": [100.0, 200, 150, 250], "esv_ml": [30.0, 140, 75, 200]}, index=list("abcd"))
    assert at_quantiles(table, [0, 0.01, 1]) == ["d", "a"]
    assert nearest(table, pd.Series({"edv_ml": 155.0, "esv_ml": 70.0})) == "c"
    assert two_subjects(table) == ["a", "b"]
    assert two_subjects(table.loc[["a", "c"]]) == ["a", "c"]


def test_the_typical_subject_is_the_median_of_the_training_split(results):
    ef = results.cohort(1).split("train").table["ef"].sort_values()
    assert typical_subject(results.cohort(1)) == ef.index[2]


def test_masks_of_a_painted_subject_have_its_volumes(results):
    painted = results.painted().table
    for subject in painted.index[:4]:
        edv, esv = volume_ml(masks_of(results, subject), 16.0, 8.0)
        assert (edv, esv) == (pytest.approx(painted.at[subject, "edv_ml"]), pytest.approx(painted.at[subject, "esv_ml"]))


def test_three_measurements_average_the_trainings(results):
    subject = results.cohort(1).split("test").table.index[0]
    ef = three_measurements(results, [subject]).loc[subject]
    own = results.predictions().query("subject == @subject")
    assert ef["sfera"] == pytest.approx(own.query("experiment == 'RSP'")["ef"].mean())
    assert ef["reference"] == pytest.approx(ef["unet"]) == pytest.approx(own["true_ef"].iloc[0])


def test_counts_stand_beside_the_papers(results):
    counts = counts_beside_paper(results).set_index("split")
    table = results.candidates()
    assert counts.loc["train", "sources"] == 4 and counts.loc["train", "kept"] == table.query("split == 'train'")["kept"].sum()
    assert counts.loc["train", "paper: per source"] == pytest.approx(33.59, abs=0.01)


def test_comparing_studies_keeps_them_apart(results):
    both = errors_by_group(results, ["RSO", "RSP"], "test", "ef", compare=[results.folder])
    assert len(both) == 2 * len(errors_by_group(results, ["RSO", "RSP"], "test", "ef"))
    assert set(both["experiment"]) == {"RSO", "RSP"}


def test_inference_is_in_milliseconds_beside_the_papers(results):
    own, again, printed = inference_summary(results, results).itertuples()
    assert own[1:] == again[1:]
    assert (own.mean_ms, own.median_ms, own.subjects) == (15.0, 15.0, 2)
    assert (printed.mean_ms, printed.sd_ms) == (5.5, 4.3)


def test_table_1_shows_error_spread_interval_and_the_papers_value(results):
    row = results.table("table1").query("experiment == 'RSP' and dataset == 'phantom-a' and quantity == 'esv_ml' and group == 'all'").iloc[0]
    table = table1_beside_paper(results, 1).frame.set_index("experiment")
    expected = f"{row['rmse']:.1f} ± {row['rmse_sd']:.1f} [{row['rmse_low']:.1f}, {row['rmse_high']:.1f}]"
    assert table.at["RSP", "ESV (ml)"].replace("\N{NO-BREAK SPACE}", " ") == expected
    assert table.at["RSP", "ESV, paper"] == "7.1 (7.9 in its text)"
    assert table.index.tolist()[:3] == ["SSO", "RSO", "RSA"]
    assert table.at["RSA", "ESV (ml)"] == "–"


def test_agreement_is_listed_with_its_proportional_bias(results):
    row = results.table("agreement").query("experiment == 'RSP' and dataset == 'phantom-b' and quantity == 'ef'").iloc[0]
    shown = agreement_table(results).frame.query("experiment == 'RSP' and dataset == 'phantom-b' and quantity == 'EF (%)'").iloc[0]
    expected = f"{row['slope']:+.2f} [{row['slope_low']:+.2f}, {row['slope_high']:+.2f}]"
    assert shown["proportional bias"].replace("\N{NO-BREAK SPACE}", " ") == expected and shown["n"] == 12


def test_observers_are_drawn_where_they_are_given_and_named_as_pigs(results):
    folder = ROOT / "data" / "results"
    without, picture = bland_altman(results).path.read_bytes(), bland_altman(results, recordings=folder)
    assert picture.path.read_bytes() != without and "pigs" in picture.caption and "pigs" not in bland_altman(results).caption
    table, observers = observers_table(folder), recorded(folder, "observers.csv")
    assert len(table.frame) == 6 and "not patients" in table.caption
    row = observers.query("pair == 'two observers' and quantity == 'ef'").iloc[0]
    shown = table.frame.query("`drawn by` == 'two observers' and quantity == 'EF (points)'").iloc[0]
    assert shown["root mean square difference"].startswith(f"{row.rms:.2f} [{row.rms_low:.2f}")


def test_an_older_recording_without_the_new_columns_still_shows(results, tmp_path):
    """Recorded before trainings were resampled, slopes fitted and mean absolute errors compared."""
    shutil.copytree(results.folder, tmp_path / "old")
    for name, gone in (("agreement", "slope"), ("tests", "mae_difference")):
        table = results.table(name)
        table[[column for column in table if not column.startswith(gone)]].to_csv(tmp_path / "old" / f"{name}.csv", index=False)
    old = open_results(tmp_path / "old")
    assert set(agreement_table(old).frame["proportional bias"]) == set(comparison_table(old).frame["MAE difference"]) == {"–"}
    assert verdict_table(old).frame.equals(verdict_table(results).frame) and bland_altman(old).path.is_file()


def test_comparisons_stated_beforehand_are_listed_whatever_their_group(results):
    frame = comparison_table(results).frame
    assert set(frame.loc[frame["group"] != "all", "quantity"]) <= {"EF"}
    assert (frame.loc[frame["group"] != "all", "Holm-adjusted"] != "–").all()
    assert (frame.loc[frame["compared"] == "RSP - segmentation", "Holm-adjusted"] == "–").all()


def test_every_claim_gets_a_verdict_and_tests_and_scores_are_listed(results):
    assert set(verdict_table(results).frame["verdict"]) <= {"agrees", "contradicts", "undecided", "not tested"}
    assert "RSO - RSP" in set(comparison_table(results).frame["compared"])
    assert set(crps_table(results).frame["forecast"]) == {"each training", "point", "ensemble, stated"}
    assert table1_by_group(results, 2).frame.columns[1].startswith("all (n = 12")


def test_a_table_is_markdown_for_the_book_and_html_for_a_notebook():
    shown = Table(pd.DataFrame({"a|b": ["x<y", None], "n": [1.25, float("nan")]}), "About <it>")._repr_mimebundle_()
    assert "| a\\|b | n |" in shown["text/markdown"] and "| x&lt;y | 1.2 |" in shown["text/markdown"]
    assert "| – | – |" in shown["text/markdown"]
    assert "<caption>About &lt;it&gt;</caption>" in shown["text/html"] and "<td>x&lt;y</td>" in shown["text/html"]


def test_missing_results_are_named(results, tmp_path):
    with pytest.raises(InputError, match="no such folder of results"):
        open_results(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nothing.csv: no such table"):
        results.table("nothing")


def test_a_study_of_one_dataset_has_all_its_figures(results, tmp_path):
    folder = tmp_path / "single"
    shutil.copytree(results.folder, folder)
    study = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(study | {"datasets": {"a": "phantom-a", "b": None}}))
    for name in ("predictions", "table1", "agreement", "tests", "crps"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["dataset"] == "phantom-a"].to_csv(folder / f"{name}.csv", index=False)
    single = open_results(folder)
    for draw in (ef_distributions, scatter, bland_altman, ablations):
        assert "Dataset 2" not in draw(single).caption
    assert set(table1_beside_paper(single, 1).frame["experiment"]) >= {"SSO", "RSO", "RSP"}
    claims = verdict_table(single).frame
    assert (claims.loc[claims["on"].str.endswith("Dataset 2"), "verdict"] == "not tested").all()


def test_the_recorded_speed_of_prediction_is_shown(tmp_path):
    with pytest.raises(InputError, match="no such recorded table"):
        prediction_speed(tmp_path)
    shared = {"subjects": 12, "slices": 119, "device": "cpu", "threads": 1}
    rows = [
        shared | {"name": "plain", "subjects_per_s": 10.0, "ratio": 1.0, "max_difference": 0.0},
        shared | {"name": "ours", "subjects_per_s": 25.0, "ratio": 2.5, "max_difference": 2e-6},
    ]
    write_json(tmp_path / "speed.json", rows)
    table = prediction_speed(tmp_path)
    assert table.frame[["what", "subjects a second", "times as fast"]].values.tolist() == [["plain", 10.0, 1.0], ["ours", 25.0, 2.5]]
    assert "12 hearts of 119 slices" in table.caption and "2e-06" in table.caption
