"""The enumeration's tables and the figures of the selection, from a small study with known counts."""

import numpy as np
import pandas as pd
import pytest
import yaml

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.figures.enumeration import coverage, flatness_before_and_after, flatness_table, model_check, readings
from cardiosynth.figures.results import open_results
from cardiosynth.masks.targets import bin_edges
from cardiosynth.study.errors import InputError
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages.choose_masks import synthesise_masks

SIZE, COUNT = 48, 42


def heart(name: str, split: str, ed_radius: float, es_radius: float) -> Subject:
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    labels = np.zeros((3, 2, SIZE, SIZE), np.uint8)
    for phase, radius in enumerate((ed_radius, es_radius)):
        labels[:, phase][..., np.hypot(y, x + 12) < 6] = 1
        labels[:, phase][..., np.hypot(y, x) < radius + 3] = 2
        labels[:, phase][..., np.hypot(y, x) < radius] = 3
    images = np.array([30, 170, 60, 220], np.uint8)[labels]
    edv, esv = ((labels[:, phase] == 3).sum() * 0.1 for phase in (0, 1))
    return Subject(name, "made-up", images, labels, (3.125, 3.125), 8.0, edv, esv, {"split": split})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "tiny"
    folder.mkdir()
    masks = {"train_subjects": COUNT, "validation_subjects": 5}
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}, "masks": masks}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    radii = np.random.default_rng(4).uniform([11, 6], [14, 9.5], (8, 2))
    hearts = (heart(f"h{i}", "validation" if i == 7 else "train", *pair) for i, pair in enumerate(radii))
    write_cohort(folder / "cohorts" / "phantom-a", hearts)
    synthesise_masks(load_study(folder / "study.yaml"), folder)
    return open_results(folder)


def test_the_readings_stand_under_what_is_printed_with_the_studys_own_marked(results):
    frame = readings(results, top=3).frame
    assert frame.loc[0, ["reading", "train", "validation", "total"]].tolist() == ["printed", "16,491", "6,162", "22,653 (22,861)"]
    assert frame.reading.str.contains("this study").sum() == 1
    assert frame.explained[1:4].tolist() == ["4 of 4"] * 3 and frame["deviation (%)"][1:4].is_monotonic_increasing


def test_the_model_is_checked_on_the_studys_own_masks(results):
    frame = model_check(results).frame
    own = frame[frame.masks == results.describe(1)].set_index("operation")
    table = results.candidates()
    assert own.loc["total", "EF within limits"] == pytest.approx(table.ef.between(10, 80).sum() / 8)
    assert own.loc["total", "EF error, RMS"] < 4  # discs are what the model is made of; what is left is pixels
    assert frame.masks.str.contains("ACDC").any()


def test_flatness_before_and_after_are_those_of_the_candidates(results):
    frame = flatness_table(results).frame
    table = results.candidates().query("split == 'train' and kept")
    before, after = frame[frame.split == "train"].flatness
    counts = np.histogram(table.ef, bin_edges(10, 80))[0]
    assert before == pytest.approx(1 - 0.5 * np.abs(counts / counts.sum() - 1 / 14).sum())
    assert before < after and frame.subjects.tolist()[1] == COUNT


def test_the_selection_is_reported_by_the_stage(results):
    report = pd.read_csv(results.folder / "synthetic" / "selection.csv")
    assert report.groupby("split").chosen.sum().to_dict() == {"train": COUNT, "validation": 5}
    assert report[report.split == "train"].wanted.tolist() == [COUNT / 14] * 14
    assert (report.chosen <= report.available).all()


def test_the_figures_keep_their_data(results):
    flat, covered = flatness_before_and_after(results), coverage(results)
    data = pd.read_csv(flat.path.with_suffix(".csv")).groupby("candidates").subjects.sum()
    assert data["after selection"] == COUNT
    shares = pd.read_csv(covered.path.with_suffix(".csv")).groupby("candidates").share_percent.sum()
    assert len(shares) == 3 and np.allclose(shares, 100)


def test_a_study_that_asks_for_the_impossible_says_so(results, tmp_path):
    study = load_study(results.folder / "study.yaml")
    study = study.model_copy(update={"masks": study.masks.model_copy(update={"target": "bins"})})
    write_cohort(tmp_path / "cohorts" / "phantom-a", [heart("h", "train", 12, 8)])
    with pytest.raises(InputError, match="target_bins is empty"):
        synthesise_masks(study, tmp_path)
