"""Jobs, and that what is said of datasets agrees with the readers there are."""

import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import yaml

from acdc_files import write_patient
from cardiosynth import ROOT
from cardiosynth.data.sources import LAYOUTS, PHANTOMS, Job, _by_masks, all_jobs, jobs, may_be_shown, read
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import Study


def test_every_reader_has_its_source_its_page_and_its_row_in_the_book():
    sources = yaml.safe_load((ROOT / "data" / "sources.yaml").read_text())
    assert set(sources) == {*LAYOUTS, "phantom"}
    keys = {"title", "source", "reference", "licence", "images_may_be_shown", "access", "size", "subjects", "checksum", "command"}
    assert all(set(entry) == keys and all(value not in ("", None) for value in entry.values()) for entry in sources.values())
    assert all(isinstance(entry["images_may_be_shown"], bool) for entry in sources.values())
    assert {page.stem for page in (ROOT / "book" / "layouts").glob("*.md")} == set(LAYOUTS)
    table = (ROOT / "book" / "data.md").read_text()
    for name in LAYOUTS:
        assert f"| `{name}` |" in table and f" ingest {name} " in sources[name]["command"]


def test_the_rules_of_the_sources_are_followed():
    assert may_be_shown("phantom-b") and may_be_shown("acdc") and not may_be_shown("kaggle-png")


def study(**datasets):
    return Study(name="s", title="t", datasets=datasets, phantom={"train": 2, "validation": 1, "test": 3})


def test_phantom_jobs_are_named_as_their_subjects():
    pending = jobs("phantom-a", None, study(a="phantom-a"))
    assert len(pending) == 6 and pending[2].split == "validation"
    assert pending[2].load().id == pending[2].id == "phantom-a-validation-0000"
    assert PHANTOMS == ("phantom-a", "phantom-b")


def test_a_study_without_a_split_file_takes_the_publishers_split(tmp_path):
    for part, name in (("training", "patient001"), ("testing", "patient101")):
        write_patient(tmp_path / part / name)
    assert {job.id: job.split for job in jobs("acdc", tmp_path, study(a="acdc"))} == {"patient001": "train", "patient101": "test"}
    assert [job.id for job in all_jobs("acdc", str(tmp_path))] == ["patient001", "patient101"]
    (tmp_path / "split.csv").write_text("id,split\npatient001,train\npatient777,test\n")
    with pytest.raises(InputError, match="1 patients of .*split.csv are absent, first patient777; expected all 2"):
        jobs("acdc", tmp_path, study(a="acdc", split=str(tmp_path / "split.csv")))


@pytest.mark.slow
def test_readings_come_in_order_and_a_bad_subject_stops_nobody(tmp_path):
    for number in range(1, 8):
        write_patient(tmp_path / "training" / f"patient{number:03d}", seed=number)
    (tmp_path / "training" / "patient003" / "Info.cfg").unlink()
    readings = list(read(all_jobs("acdc", str(tmp_path)), Grid(size_px=32, extent_mm=60.0), 2, "test"))
    assert [reading.record["id"] for reading in readings] == [f"patient{number:03d}" for number in range(1, 8)]
    assert [reading.subject is None for reading in readings] == [number == 3 for number in range(1, 8)]
    assert all(len(reading.content) == 12 for reading in readings if reading.subject)


@pytest.mark.slow
def test_a_name_that_stands_there_twice_is_refused_and_the_others_are_read(tmp_path):
    for part, name in (("training", "patient001"), ("testing", "patient001"), ("testing", "patient002")):
        write_patient(tmp_path / part / name)
    readings = list(read(all_jobs("acdc", str(tmp_path)), Grid(size_px=32, extent_mm=60.0), 1, "test"))
    assert [(reading.record["id"], reading.subject is None) for reading in readings] == [("patient001", True), ("patient002", False)]
    assert (
        readings[0]
        .record["note"]
        .endswith(
            f"training/patient001: a second patient of that name in {tmp_path / 'testing' / 'patient001'}; keep one, or give the other another name"
        )
    )


@pytest.mark.slow
def test_an_error_that_nobody_foresaw_and_a_process_that_dies_cost_one_subject_each(tmp_path):
    for number in range(1, 6):
        write_patient(tmp_path / "training" / f"patient{number:03d}", seed=number)
    pending = all_jobs("acdc", str(tmp_path))
    pending[1] = Job("patient002", "train", partial(int, "no number"))
    pending[3] = Job("patient004", "train", partial(os._exit, 3))
    readings = list(read(pending, Grid(size_px=32, extent_mm=60.0), 2, "test"))
    assert [reading.record["id"] for reading in readings] == [f"patient{number:03d}" for number in range(1, 6)]
    assert [reading.subject is None for reading in readings] == [False, True, False, True, False]
    unforeseen, dead = readings[1], readings[3]
    assert unforeseen.record["note"].startswith(
        "patient002: unexpected ValueError: invalid literal for int() with base 10: 'no number'; the traceback is in errors.log"
    )
    assert unforeseen.trace.startswith("patient002\nTraceback") and "no number" in unforeseen.trace
    assert dead.record["note"].startswith("patient004: reading it ended its process") and not dead.trace


def test_the_truth_may_be_that_of_the_masks_and_the_published_volumes_go_along():
    def load():
        images = np.zeros((2, 2, 4, 4), np.uint8)
        extra = {"mask_edv_ml": 140.0, "mask_esv_ml": 70.0, "mended": ""}
        return Subject("k", "kaggle-png", images, None, (1.0, 1.0), 8.0, 150.0, 60.0, extra)

    subject = _by_masks(load)
    assert (subject.edv_ml, subject.esv_ml) == (140.0, 70.0)
    assert subject.extra == {"reference_edv_ml": 150.0, "reference_esv_ml": 60.0, "mended": ""}
    plain = replace(load(), extra={})
    assert _by_masks(lambda: plain) is plain


def test_a_study_says_which_truth_it_takes(tmp_path):
    write_patient(tmp_path / "training" / "patient001")
    published, masks = (jobs("acdc", tmp_path, study(a="acdc", truth=truth))[0].load() for truth in ("published", "masks"))
    assert (published.edv_ml, published.esv_ml) == (masks.edv_ml, masks.esv_ml), "ACDC's volumes are those of its masks"
