"""The questions from the recipes to the table, on discs; and the table's numbers by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.data.volumes import LABELS
from cardiosynth.judging import questions
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.measuring.plan import Plan
from cardiosynth.measuring.predictions import predictions_frame, read_predictions
from cardiosynth.measuring.sfera_training import Hearts, Schedule
from cardiosynth.networks import unet
from cardiosynth.painting import painter
from cardiosynth.painting.formulas import PhantomStudio
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import Training, trainings
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages import choose_masks, evaluate, paint_formulas, paint_masks, paint_outlines, paint_warped, train_sfera
from discs import disc_subject
from made_up_predictions import predictions
from pages import run_page, shown_pictures, shown_tables, write_provenance
from small_painter import TINY, painter_of

pytestmark = pytest.mark.slow

ALL = {"reduced": [0, 2], "subjects": [3], "zoom": True, "longer": True, "phantom": True, "warp": True, "outlines": True, "synthetic": True}
VALUES = {
    "name": "tiny", "title": "discs", "seeds": [1], "datasets": {"a": "phantom-a", "b": "phantom-b"},
    "grid": {"size_px": 32, "extent_mm": 64.0}, "masks": {"train_subjects": 12, "validation_subjects": 6}, "generator": TINY.model_dump(),
    "sfera": {"base_channels": 2, "features": 8, "hidden": 4, "batch": 4, "real_epochs": 2, "synthetic_epochs": 1, "fine_tuning_epochs": 1},
    "statistics": {"bootstrap_draws": 50}, "questions": ALL,
}  # fmt: skip
STUDY = Study.model_validate(VALUES)
PLAN = ["train"] * 6 + ["validation"] * 2 + ["test"] * 6 + ["extra_test"] * 2


def thresholds(network, images, device="cpu"):
    """A U-Net that knows discs: blood is bright, muscle grey."""
    return np.select([images > 150, images > 55], [3, 2], 0).astype(np.uint8)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The whole tiny study with every question."""
    folder = tmp_path_factory.mktemp("questions") / "tiny"
    for site in ("a", "b"):
        rng, subjects = np.random.default_rng(ord(site)), []
        for index, split in enumerate(PLAN):
            subject = disc_subject(f"{site}-{index:02d}", 6 + index % 4, rng, split)
            esv_ml = 70.0 if split == "extra_test" or index == 0 else 40.0 + 2 * index
            subjects.append(replace(subject, esv_ml=esv_ml, extra=subject.extra | {"reference_edv_ml": 110.0, "reference_esv_ml": 55.0}))
        cohort = write_cohort(folder / "cohorts" / f"phantom-{site}", subjects)
        if site == "a":
            held_out = cohort.split("validation", "test", "extra_test")
            (folder / "segmentation").mkdir()
            truth = held_out.table[["edv_ml", "esv_ml"]].to_numpy()
            predictions_frame(held_out, "phantom-a", "segmentation", 1, truth).to_csv(folder / "segmentation" / "predictions.csv", index=False)
    (folder / "generator").mkdir()
    painter.save_painter(folder / "generator", painter_of(TINY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet, "load_segmentation", lambda *_: None)
        patch.setattr(unet, "segment_stack", thresholds)
        choose_masks.synthesise_masks(STUDY, folder)
        paint_masks.paint(STUDY, folder)
        paint_formulas.paint_phantom(STUDY, folder)
        paint_warped.paint_warped(STUDY, folder)
        paint_outlines.synthesise_outlined(STUDY, folder)
    for training in trainings(STUDY):
        train_sfera.train_sfera(STUDY, folder, training)
    evaluate.evaluate(STUDY, folder)
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY.model_dump(mode="json")))
    for name in ("predictions", "table1", "questions", "reference"):
        (folder / f"{name}.csv").write_bytes((folder / "tables" / f"{name}.csv").read_bytes())
    return folder


def test_all_experiments_share_one_table_and_only_the_questions_have_their_own(results):
    everything = set(read_predictions(results / "predictions.csv").experiment)
    assert {"RSO-reduced-2", "RSP-subjects-3", "RSO-zoom", "RSO-longer", "SSO-phantom", "RSP-outlines"} < everything
    assert set(pd.read_csv(results / "table1.csv").experiment) == {"RSO", "SSO", "RSA", "RSP", "RSP-half-random", "RSP-half-matched", "segmentation"}
    found = pd.read_csv(results / "questions.csv")
    assert set(found.question) == {"reduced", "subjects", "zoom", "longer", "phantom", "warp", "outlines"} and set(found.split) == {
        "test",
        "extra_test",
    }
    assert not (results / "models" / "SSO-subjects-3" / "both" / "seed-2").exists()


def test_no_experiment_is_read_on_patients_that_it_learnt_from(results):
    rows = read_predictions(results / "predictions.csv")
    assert set(rows[rows.experiment.str.startswith("RSO-reduced")].split) == {"test"}
    assert set(rows[rows.experiment == "RSO-zoom"].split) == {"validation", "test", "extra_test"}
    assert set(rows[rows.experiment == "RSP-outlines"].dataset) == {"phantom-b"}


def test_the_longer_training_has_the_updates_of_pre_training_and_fine_tuning(results):
    def epochs(training):
        return len(pd.read_csv(results / "models" / training / "seed-1" / "training.csv"))

    def updates(training, cohort):
        return epochs(training) * Schedule(1, STUDY.sfera.batch, 1.0).batches(len(Cohort.open(results / cohort).split("train")))

    ours, *theirs = (
        updates(*pair)
        for pair in (("RSO-longer/phantom-a", "cohorts/phantom-a"), ("SSO/both", "synthetic/images"), ("RSP/phantom-a", "cohorts/phantom-a"))
    )
    assert ours == pytest.approx(sum(theirs), abs=1) and epochs("RSO-longer/phantom-a") > epochs("RSO/phantom-a")


def test_sso_reads_painted_hearts_whose_sources_chose_nothing(results):
    rows = read_predictions(results / "predictions.csv").query("dataset == 'synthetic'")
    assert set(rows.experiment) == {"SSO"} and set(rows.split) == {"test"}
    table = Cohort.open(results / "synthetic" / "images").table
    assert set(table.loc[rows.subject, "source_id"]) == {"a-07"}
    hearts = Hearts.of(*Plan.of(STUDY, results, Training("SSO", "both", 1)).validation)
    assert len(hearts) == (table["source_id"] == "a-06").sum() > 0


def test_part_of_the_subjects_brings_their_synthetic_hearts_alone(results):
    training = Training("SSO-subjects-3", "both", 1)
    hearts = Hearts.of(*Plan.of(STUDY, results, training).train)
    table = Cohort.open(results / "synthetic" / "images").split("train").table
    real = Hearts.of(*Plan.of(STUDY, results, Training("RSO-subjects-3", "phantom-a", 1)).train)
    assert len(real) == 3 and 0 < len(hearts) < len(table)
    whole = Plan.of(STUDY, results, Training("SSO", "both", 1)).schedule
    assert Plan.of(STUDY, results, training).schedule == whole.spread_over(len(hearts), len(table))


def test_the_phantoms_paint_is_on_the_same_hearts_and_depends_on_the_name_alone(results):
    painted, other = (Cohort.open(results / "synthetic" / name) for name in ("images", "phantom"))
    pd.testing.assert_frame_equal(painted.table, other.table)
    assert not np.array_equal(painted.images(), other.images())
    masks = disc_subject("x", 8, np.random.default_rng(0)).masks
    first, again, second = (PhantomStudio(STUDY.grid, 1).paint(name, masks) for name in ("p", "p", "q"))
    assert np.array_equal(first, again) and not np.array_equal(first, second)
    assert first.dtype == np.uint8 and first.shape == masks.shape


def test_warped_hearts_are_the_same_hearts_and_their_blood_lies_where_the_mask_has_it(results):
    painted, warped = (Cohort.open(results / "synthetic" / name) for name in ("images", "warp"))
    pd.testing.assert_frame_equal(painted.table, warped.table)
    chosen = read_candidates(results / "synthetic" / "candidates.csv").query("chosen")
    for row, masks in paint_masks.masks_of(chosen, Cohort.open(results / "cohorts" / "phantom-a")):
        blood = warped.images()[warped.rows(row["id"])] > 155
        assert 2 * (blood & (masks == LABELS["lv"])).sum() > 0.9 * (blood.sum() + (masks == LABELS["lv"]).sum())


def test_the_mask_decides_where_the_phantom_has_blood():
    rows, columns = np.indices((64, 64)) - 31.5
    distance = np.hypot(rows - 4, columns + 3)
    masks = np.stack([np.stack([np.select([distance < r, distance < r + 5], [3, 2], 0) for r in (13, 9)])] * 4).astype(np.uint8)
    images = PhantomStudio(Grid(size_px=64), 3).paint("p", masks).astype(float)
    for phase, radius in enumerate((13, 9)):
        middle = images[1, phase]
        assert middle[distance < radius - 2].mean() > 1.8 * middle[(distance > radius + 1.5) & (distance < radius + 3.5)].mean()


def test_outlines_come_from_the_network_and_from_no_drawn_mask(results):
    sources = Cohort.open(results / "synthetic" / "outlines" / "sources")
    real = Cohort.open(results / "cohorts" / "phantom-b")
    assert set(sources.table["split"]) == {"train", "validation"} and set(sources.table.index) < set(real.table.index)
    name = sources.table.index[0]
    assert np.array_equal(sources.subject(name).masks, thresholds(None, real.subject(name).images))
    assert (sources.table["edv_ml"] != 100.0).all(), "volumes of the outlines"
    recipes = pd.read_csv(results / "synthetic" / "outlines" / "candidates.csv")
    assert set(recipes["source_id"]) <= set(sources.table.index)


def test_the_page_answers_for_this_study(results, tmp_path):
    write_provenance(results)
    page = run_page("16-questions", results=str(results), recorded=str(tmp_path / "none"))
    pictures, tables = shown_pictures(page), shown_tables(page)
    assert list(pictures) == [f"16-{question}" for question in ("reduced", "subjects", "zoom", "longer", "phantom", "warp", "outlines")]
    errors = pd.read_csv(results / "questions.csv")
    for (name, picture), table in zip(pictures.items(), tables):
        question = name.removeprefix("16-")
        assert picture.path.parent == results / "figures" and "Study tiny" in picture.caption
        own = errors[(errors["question"] == question) & (errors["split"] == "test") & (errors["quantity"] == "ef")]
        np.testing.assert_allclose(pd.read_csv(picture.path.with_suffix(".csv"))["rmse"], own["rmse"])
        assert len(table.frame) == own["group"].isin(["all", "ef<40"]).sum() > 0 and "phantom, not patients" in table.caption
    assert len(tables) == 8 and set(tables[7].frame.dataset) == {"phantom-a", "phantom-b", "synthetic"}
    (absent,) = [item.data for item in page["shown"] if hasattr(item, "data")]
    assert "Study tiny has no answer to this (key `datasets: truth`)" in absent, "its truth are not the masks"
    volumes = run_page("16-questions", results=str(results), recorded=str(tmp_path / "none"), quantity="edv_ml")
    assert "EDV in ml" in shown_tables(volumes)[0].caption


def test_a_study_that_asks_nothing_shows_the_recorded_answers_or_says_that_nobody_has(results, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "study.yaml").write_text(yaml.safe_dump(VALUES | {"name": "other", "questions": {}}))
    write_provenance(other, "other")
    nobody = run_page("16-questions", results=str(other), recorded=str(tmp_path / "none"))
    notes = [item.data for item in nobody["shown"] if hasattr(item, "data")]
    assert len(notes) == 9 and all("Study other has no answer" in note for note in notes) and not shown_tables(nobody)
    fallen_back = run_page("16-questions", results=str(other), recorded=str(results))
    picture = shown_pictures(fallen_back)["16-zoom"]
    assert "Study tiny" in picture.caption and picture.path.parent == other / "figures"
    notes = [item.data for item in fallen_back["shown"] if hasattr(item, "data")]
    assert sum("Study other does not ask this: these are recorded results." in note for note in notes) == 8


def test_the_differences_by_hand():
    """Errors of EDV are 8 for RSO-subjects-5, 3 for its RSP, 6 and 2 for those on all; the intervals are points."""
    errors = {"RSO": 6, "RSP": 2, "RSO-subjects-5": 8, "RSP-subjects-5": 3, "RSO-zoom": 5, "SSO": 9}
    table = predictions({(name, 1): [size] * 6 for name, size in errors.items()}, true_ef=(30.0, 50, 55, 60, 65, 75))
    study = Study.model_validate(VALUES | {"questions": {"subjects": [5], "zoom": True}})
    found = questions.curves(table, pd.DataFrame({"ef": [30.0, 60, 60]}), study).query("quantity == 'edv_ml' and group == 'all'")
    rows = found.set_index(["question", "experiment"])
    assert set(found.experiment) == set(errors) - {"SSO"}
    assert rows.loc[("subjects", "RSO-subjects-5"), ["x", "rmse", "against", "difference", "difference_low"]].tolist() == [
        5,
        pytest.approx(8),
        "RSP-subjects-5",
        pytest.approx(5),
        pytest.approx(5),
    ]
    assert rows.loc[("subjects", "RSO"), ["x", "against", "difference"]].tolist() == [3, "RSP", pytest.approx(4)]
    assert rows.loc[("zoom", "RSO-zoom"), ["against", "difference"]].tolist() == ["RSP", pytest.approx(3)]
    assert rows.loc[[("subjects", "RSP"), ("subjects", "RSP-subjects-5")], "difference"].isna().all()


def test_errors_against_the_reference_are_sums_over_patients(results):
    table = pd.read_csv(results / "reference.csv")
    assert set(table.experiment) >= {"masks", "RSO", "segmentation"} and (table.n >= 5).all()
    row = table.query("experiment == 'masks' and dataset == 'phantom-a' and quantity == 'edv_ml' and split == 'test' and group == 'all'")
    assert row.rmse.tolist() == [pytest.approx(10.0)] and row.n.tolist() == [6], "masks say 100 ml, the reference 110"
    assert not {"subject", "id"} & set(table)


def test_more_reduced_subjects_than_there_are_is_said_before_training(results):
    study = Study.model_validate(VALUES | {"questions": {"reduced": [4]}})
    with pytest.raises(InputError, match="questions.reduced: 4 subjects to be drawn, but .* has 3 of that kind"):
        train_sfera.train_sfera(study, results, Training("RSO-reduced-4", "phantom-a", 1))
