import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from acdc_files import stack, write_patient

from cardiosynth.datasets import acdc
from cardiosynth.errors import InputError

SPLIT = Path(__file__).parent.parent / "data" / "splits" / "acdc.csv"


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "acdc" / "training" / "patient001"
    write_patient(folder)
    return folder


def rewrite(folder, phase_suffix, data):
    nib.Nifti1Image(data, np.eye(4)).to_filename(folder / f"patient001_{phase_suffix}.nii.gz")


def test_volumes_use_pixdim_and_not_the_affine(tmp_path):
    folder = tmp_path / "training" / "patient001"
    edv_ml, esv_ml = write_patient(folder)
    subject = acdc.read(folder)
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx((edv_ml, esv_ml))
    assert subject.images.shape == (6, 2, 36, 40)
    assert subject.spacing_mm == (1.25, 1.5) and subject.slice_gap_mm == 10.0
    assert subject.extra["group"] == "NOR" and subject.extra["part"] == "training"


def test_a_stack_stored_from_apex_to_base_is_turned(patient):
    upright = acdc.read(patient)
    for number, radius in ((1, 9), (9, 6)):
        image, mask = stack(radius)
        for data, suffix in ((image, ""), (mask, "_gt")):
            nifti = nib.Nifti1Image(np.ascontiguousarray(data[:, :, ::-1]), np.eye(4))
            nifti.header.set_zooms((1.5, 1.25, 10.0))
            nifti.to_filename(patient / f"patient001_frame{number:02d}{suffix}.nii.gz")
    turned = acdc.read(patient)
    assert np.array_equal(turned.masks, upright.masks) and np.array_equal(turned.images, upright.images)


def truncate(folder):
    path = folder / "patient001_frame09.nii.gz"
    path.write_bytes(path.read_bytes()[:400])


def swap(folder):
    (folder / "Info.cfg").write_text("ED: 9\nES: 1\n")


def no_mask(folder):
    (folder / "patient001_frame01_gt.nii.gz").unlink()


def unknown_label(folder):
    rewrite(folder, "frame01_gt", np.where(stack(9)[1] == 2, 85, stack(9)[1]).astype(np.uint8))
    for name in ("frame01", "frame09"):
        rewrite(folder, name, stack(9)[0])
    rewrite(folder, "frame09_gt", stack(6)[1])


def other_shape(folder):
    rewrite(folder, "frame01_gt", stack(9, (40, 36, 5))[1])


def nan_pixels(folder):
    for name in ("frame01", "frame09"):
        rewrite(folder, name, np.where(stack(9)[1] == 3, np.nan, stack(9)[0]).astype(np.float32))
    for name, radius in (("frame01_gt", 9), ("frame09_gt", 6)):
        rewrite(folder, name, stack(radius)[1])


def no_lv(folder):
    rewrite(folder, "frame01_gt", np.zeros((40, 36, 6), np.uint8))


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncate, r"patient001_frame09.nii.gz: cannot be read as NIfTI .* is the download complete\?"),
        (swap, r"patient001: EDV .* frames swapped\?"),
        (no_mask, r"patient001_frame01_gt.nii.gz: missing"),
        (unknown_label, r"patient001: unknown mask labels \[85\]"),
        (other_shape, r"patient001_frame01.nii.gz: the mask has shape \(5, 36, 40\), the image \(6, 36, 40\)"),
        (nan_pixels, r"patient001: the images hold NaN"),
        (no_lv, r"the ED mask holds no LV"),
        (lambda folder: (folder / "Info.cfg").unlink(), r"Info.cfg: missing"),
        (lambda folder: (folder / "Info.cfg").write_text("ED: first\nES: 9\n"), r"Info.cfg: ED is 'first'; expected a frame number"),
    ],
)
def test_each_kind_of_damage_gets_one_sentence_naming_the_file(patient, damage, message):
    damage(patient)
    with pytest.raises(InputError, match=message) as caught:
        acdc.read(patient)
    assert "\n" not in str(caught.value)


def test_the_folder_may_be_the_dataset_or_its_parent(patient):
    root = patient.parent.parent
    assert acdc.folders(root) == acdc.folders(root.parent) == [patient]
    for wrong, message in ((root / "nowhere", "no such folder"), (patient, "expected ACDC's official layout"), (None, "no data folder given")):
        with pytest.raises(InputError, match=message):
            acdc.folders(wrong)


def test_the_rule_on_a_small_table():
    """Twins go, reduced EF beyond four becomes extra_test, the official test stays whole."""
    training = [(f"patient{i:03d}", "training", ef, f"c{i}") for i, ef in enumerate([20, 25, 30, 35, 38, 39] + list(range(45, 77)), 1)]
    testing = [("patient101", "testing", 20, "t1"), ("patient102", "testing", 60, "c10")]
    split = acdc.split_rule(pd.DataFrame(training + testing, columns=["id", "part", "ef", "content"])).set_index("id")
    assert split.loc["patient010", "split"] == "excluded" and "patient102" in split.loc["patient010", "reason"]
    assert split["split"].value_counts().to_dict() == {"train": 19, "validation": 16, "extra_test": 2, "test": 2, "excluded": 1}


def test_the_committed_split_is_as_imbalanced_as_the_paper():
    counts = pd.read_csv(SPLIT, comment="#")["split"].value_counts()
    assert counts.to_dict() == {"train": 50, "test": 50, "extra_test": 32, "validation": 16, "excluded": 2}


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs the real ACDC; set CARDIOSYNTH_REAL to the folder that holds acdc/")
def test_the_committed_split_is_what_its_rule_makes_of_the_real_data():
    subjects = [acdc.read(folder) for folder in acdc.folders(os.environ["CARDIOSYNTH_REAL"])]
    table = pd.DataFrame([{"id": s.id, "part": s.extra["part"], "ef": s.ef, "content": s.extra["content"]} for s in subjects])
    pd.testing.assert_frame_equal(acdc.split_rule(table), pd.read_csv(SPLIT, comment="#"))
    made = table.merge(pd.read_csv(SPLIT, comment="#"))
    assert ((made.split == "train") & (made.ef < 40)).sum() == 3 and ((made.split == "validation") & (made.ef < 40)).sum() == 1


@pytest.mark.parametrize(
    "text, message", [("patient,part\n1,2\n", "columns patient, part; expected id and split"), ("id,split\np,tset\n", "unknown split 'tset'")]
)
def test_a_bad_split_file_is_named(tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(InputError, match="mine.csv: " + message):
        acdc.load_split(tmp_path / "mine.csv")
    with pytest.raises(InputError, match="no such split file"):
        acdc.load_split(tmp_path / "other.csv")
