"""The two laboratories: what their parameters do, on a small made-up study."""

import re
import tempfile

import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.figures.formatting import Table
from cardiosynth.measuring.predictions import predictions_frame
from cardiosynth.study.errors import InputError
from cardiosynth.workflow.notebooks import check_parameters, parse_parameters
from page_foot import write_provenance
from pages import run_page
from tiny_study import results  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

MASKS, TRAINING = "19-vary-the-masks", "20-train-one-network"


@pytest.fixture(autouse=True)
def foot(results):
    write_provenance(results.folder)


def page(results, name: str, **parameters) -> dict:
    return run_page(name, results=str(results.folder), **parameters)


def table(shown: dict) -> pd.DataFrame:
    (found,) = [shown.frame for shown in shown["shown"] if isinstance(shown, Table)]
    return found


def data(results, name: str) -> pd.DataFrame:
    assert (results.folder / "figures" / f"{name}.png").is_file()
    return pd.read_csv(results.folder / "figures" / f"{name}.csv")


def masks_page(results, **parameters) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    """Counts of all candidates, subjects of each group in the figure, and the candidates drawn."""
    shown = page(results, MASKS, **{"n_sources": 2, "n_chosen": 20, "interpolations": 3, "scales": 4} | parameters)
    counts = table(shown).set_index("masks").loc["total"]
    return counts, data(results, "19-ef").groupby("group").subjects.sum(), data(results, "19-masks")


def test_candidates_are_made_counted_and_chosen_as_the_parameters_say(results):
    counts, groups, drawn = masks_page(results)
    assert counts["candidates"] == 2 * (1 + 2 * 3 + 4) and counts["kept per subject"] == counts["kept"] / 2
    assert counts.drop(["kept per subject"]).sum() == 2 * counts["candidates"]  # kept, or left out by one cause
    assert groups.to_dict() == {"sources": 2, "candidates kept": counts["kept"], "chosen": min(20, counts["kept"])}
    assert drawn["ef"].is_monotonic_increasing and len(drawn) == 8 and drawn["source_id"].nunique() == 1


def test_other_parameters_of_the_masks_give_other_candidates(results):
    counts, groups, drawn = masks_page(results)
    more, all_sources, _ = masks_page(results, n_sources=0)
    assert more["candidates"] == 2 * counts["candidates"] and all_sources["sources"] == 4
    varied, _, _ = masks_page(results, variants=["plain", "dilated"])
    assert varied["candidates"] == 2 * counts["candidates"]
    fewer, few, _ = masks_page(results, interpolations=1, alpha_interval="closed", n_chosen=3)
    assert fewer["candidates"] == 2 * (1 + 2 * 2 + 4) and few["chosen"] == 3
    _, _, wider = masks_page(results, ed_scale=[1.0, 1.4], es_scale=[0.5, 1.0])
    assert wider["ef"].max() > drawn["ef"].max() + 3
    other = "phantom-a-validation-1"
    assert set(masks_page(results, subject=other)[2]["source_id"]) == {other}


def test_the_target_says_what_is_chosen(results):
    masks_page(results, n_sources=0, n_chosen=12)
    uniform = data(results, "19-ef").query("group == 'chosen'").subjects
    masks_page(results, n_sources=0, n_chosen=12, target="normal")
    normal = data(results, "19-ef").query("group == 'chosen'").subjects
    assert uniform.sum() == normal.sum() == 12 and uniform.tolist() != normal.tolist() and uniform.max() < normal.max()


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"interpolations": 0}, "parameters: interpolations: 0"),
        ({"alpha_interval": "half"}, "parameters: alpha_interval: 'half'"),
        ({"variants": ["swollen"]}, "parameters: variants.0: 'swollen'"),
        ({"target": "flat"}, "parameters: target: 'flat'"),
        ({"ed_scale": [1.2, 1.0]}, "masks.ed_scale"),
        ({"ed_scale": [1.2]}, "parameters: ed_scale"),
        ({"subject": "nobody"}, "subject: 'nobody' is not in Dataset 1"),
    ],
)
def test_a_bad_parameter_of_the_masks_is_named(results, wrong, message):
    with pytest.raises(InputError, match=re.escape(message)):
        masks_page(results, **wrong)


def training_page(results, **parameters) -> dict:
    return page(results, TRAINING, **{"epochs": 2} | parameters)


def test_the_same_parameters_train_the_same_network_and_leave_nothing_behind(results, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {path for path in results.folder.rglob("*") if path.parent.name != "figures"}
    first, again = (training_page(results)["predictions"] for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert set(first["subject"]) == set(results.cohort(1).split("validation").table.index)
    assert not list(tmp_path.glob("tmp*"))  # torch keeps a cache of its own there
    assert {path for path in results.folder.rglob("*") if path.parent.name != "figures"} - before <= {results.folder / "figures"}


@pytest.mark.parametrize("changed", [{"seed": 2}, {"readout": "last"}, {"augmentation": "none"}, {"n_subjects": 2}])
def test_other_parameters_train_another_network(results, changed):
    plain, other = training_page(results), training_page(results, **changed)
    assert (plain["predictions"]["edv_ml"] - other["predictions"]["edv_ml"]).abs().max() > 1e-3
    assert len(other["log"]) == 2 and len(other["subjects"]) == changed.get("n_subjects", 4)


def test_the_curve_and_the_dots_are_kept_as_they_were_trained(results):
    shown = training_page(results, epochs=3)
    pd.testing.assert_frame_equal(data(results, "20-learning-curve"), shown["log"])
    drawn = data(results, "20-predictions").set_index("subject")
    assert (drawn["ef"] - shown["predictions"].set_index("subject")["ef"]).abs().max() < 1e-9


def test_the_errors_stand_beside_those_that_the_study_recorded(results, monkeypatch):
    alone = table(training_page(results))
    assert alone["the study's RSO"].isna().all() and (alone["trainings"] == 0).all()  # it recorded no validation subjects
    validation = results.cohort(1).split("validation")
    truth = validation.table[["edv_ml", "esv_ml"]].to_numpy()
    frames = [predictions_frame(validation, "phantom-a", "RSO", seed, truth + [off, 0]) for seed, off in ((1, 3.0), (2, 5.0))]
    path = results.folder / "predictions.csv"
    kept = path.read_bytes()
    try:
        pd.concat([pd.read_csv(path, dtype={"subject": str}), *frames]).to_csv(path, index=False)
        shown = training_page(results)
    finally:
        path.write_bytes(kept)
    edv = table(shown).iloc[0]
    assert edv["the study's RSO"] == pytest.approx(4.0) and edv["SD over its trainings"] == pytest.approx(2**0.5) and edv["trainings"] == 2
    errors = shown["predictions"]["edv_ml"] - shown["predictions"]["true_edv_ml"]
    assert edv["this training"] == pytest.approx(errors.pow(2).mean() ** 0.5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"readout": "first"}, "parameters: readout: 'first'"),
        ({"epochs": 0}, "parameters: real_epochs: 0"),
        ({"n_subjects": -1}, "parameters: subjects.0: -1"),
        ({"n_subjects": 99}, "99 subjects to be drawn"),
    ],
)
def test_a_bad_parameter_of_the_training_is_named(results, wrong, message):
    with pytest.raises(InputError, match=re.escape(message)):
        training_page(results, **wrong)


@pytest.mark.parametrize("source", ["notebooks/19-vary-the-masks.ipynb", "notebooks/20-train-one-network.ipynb", "book/ablation-recipe.md"])
def test_the_commands_that_are_given_hold(source):
    text = (ROOT / source).read_text().replace('\\\\\\n",\n    "', " ").replace("\\\n", " ")
    commands = re.findall(r"cardiosynth notebook (notebooks/(?:19|20)\S+) \S+ ([^\n\"]+)", text)
    assert commands
    for notebook, words in commands:
        given = [first or second for first, second in re.findall(r"-p (?:'([^']+)'|([^\s'\\]+))", words)]
        assert check_parameters(ROOT / notebook, parse_parameters(given))
