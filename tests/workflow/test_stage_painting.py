"""The stage that paints: the same bytes by one process or two, and a killed run goes on."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.painting import painter
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages import choose_masks, paint_masks
from discs import disc_subject
from small_painter import TINY, painter_of

pytestmark = pytest.mark.slow

STUDY = Study(name="s", title="t", datasets={"a": "phantom-a"}, grid={"size_px": 32},
              masks={"train_subjects": 9, "validation_subjects": 4}, generator=TINY.model_dump())  # fmt: skip


@pytest.fixture()
def results(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    subjects = [disc_subject(f"disc-{i}", 7 + i, rng, split) for i, split in enumerate(("train", "train", "validation"))]
    write_cohort(tmp_path / "cohorts" / "phantom-a", subjects)
    (tmp_path / "generator").mkdir()
    painter.save_painter(tmp_path / "generator", painter_of(TINY))
    choose_masks.synthesise_masks(STUDY, tmp_path)
    monkeypatch.setattr(paint_masks, "PART", 4)
    return tmp_path


def painted(results):
    folder = results / "synthetic" / "images"
    assert sorted(path.name for path in folder.iterdir()) == ["images.npy", "manifest.json", "subjects.csv", "timing.json"]
    return (folder / "images.npy").read_bytes(), (folder / "subjects.csv").read_bytes()


def test_every_chosen_subject_is_painted_in_order_and_two_processes_paint_the_same(results):
    paint_masks.paint(STUDY, results)
    alone = painted(results)
    table = pd.read_csv(results / "synthetic" / "candidates.csv")
    cohort = Cohort.open(results / "synthetic" / "images")
    assert list(cohort.table.index) == list(table.loc[table["chosen"], "id"]) and len(cohort) == 13
    assert (cohort.table["source"] == "synthetic").all() and cohort.table["half_random"].dtype == bool
    paint_masks.paint(STUDY, results, workers=2)
    assert painted(results) == alone


def test_a_killed_run_goes_on_after_the_last_part(results, monkeypatch):
    paint_masks.paint(STUDY, results)
    whole = painted(results)
    (results / "synthetic" / "images" / "subjects.csv").unlink()
    paint_part, done = paint_masks.spade_part, []

    def killed(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job[-1].name)
        paint_part(job)

    monkeypatch.setattr(paint_masks, "spade_part", killed)
    with pytest.raises(KeyboardInterrupt):
        paint_masks.paint(STUDY, results)
    assert not (results / "synthetic" / "images" / "manifest.json").exists()

    def counted(job):
        done.append(job[-1].name)
        paint_part(job)

    monkeypatch.setattr(paint_masks, "spade_part", counted)
    paint_masks.paint(STUDY, results)
    assert done == ["000000", "000004", "000008", "000012"]
    assert painted(results) == whole


def test_parts_of_another_generator_are_not_used(results, monkeypatch):
    monkeypatch.setattr(paint_masks, "write_cohort", lambda folder, subjects: 1 / 0 if folder.name == "images" else write_cohort(folder, subjects))
    with pytest.raises(ZeroDivisionError):
        paint_masks.paint(STUDY, results)
    monkeypatch.undo()
    painter.save_painter(results / "generator", painter_of(TINY, seed=1))
    paint_masks.paint(STUDY, results)
    other = painted(results)
    paint_masks.paint(STUDY, results)
    assert painted(results) == other
