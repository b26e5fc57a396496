import hashlib
import os

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from acdc_files import stack, write_patient
from cardiosynth import ROOT
from cardiosynth.data.readers import acdc
from cardiosynth.study.errors import InputError

SPLIT = ROOT / "data" / "splits" / "acdc.csv"
needs_acdc = pytest.mark.skipif(
    "CARDIOSYNTH_REAL" not in os.environ, reason="needs the real ACDC; set CARDIOSYNTH_REAL to the folder that holds acdc/"
)


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "acdc" / "training" / "patient001"
    write_patient(folder)
    return folder


def read_first(data):
    return acdc.read(acdc.find(data)[0])


def rewrite(folder, phase_suffix, data, zooms=(1.5, 1.25, 10.0)):
    nifti = nib.Nifti1Image(data, np.eye(4))
    nifti.header.set_zooms(zooms)
    nifti.to_filename(folder / f"patient001_{phase_suffix}.nii.gz")


def mask_of(folder, phase):
    return np.asarray(nib.load(folder / f"patient001_{phase}_gt.nii.gz").dataobj)


def test_volumes_use_pixdim_and_not_the_affine(tmp_path):
    edv_ml, esv_ml = write_patient(tmp_path / "testing" / "patient101")
    (scan,) = acdc.find(tmp_path)
    subject = acdc.read(scan)
    assert (scan.id, scan.part) == ("patient101", "test")
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx((edv_ml, esv_ml))
    assert subject.images.shape == (6, 2, 36, 40)
    assert subject.spacing_mm == (1.25, 1.5) and subject.slice_gap_mm == 10.0
    assert subject.extra == {"group": "NOR"}


def test_rows_are_y_and_columns_are_x(patient):
    subject = read_first(patient.parents[1])
    ed = mask_of(patient, "frame01")
    assert all(np.array_equal(subject.masks[z, 0], ed[:, :, z].T) for z in range(6))


def test_a_stack_stored_from_apex_to_base_is_turned_and_says_so(patient):
    upright = read_first(patient.parents[1])
    for number, radius in ((1, 9), (9, 6)):
        for data, suffix in zip(stack(radius), ("", "_gt")):
            rewrite(patient, f"frame{number:02d}{suffix}", np.ascontiguousarray(data[:, :, ::-1]))
    turned = read_first(patient.parents[1])
    assert np.array_equal(turned.masks, upright.masks) and np.array_equal(turned.images, upright.images)
    assert turned.extra["mended"] == "slices turned to run from base to apex" and "mended" not in upright.extra


def test_a_stack_with_an_apical_aneurysm_stays(patient):
    """The LV grows towards the apex, the RV ends half-way: base comes first all the same."""
    x, y = np.mgrid[:40, :36]
    for name, shrunk in (("frame01", 0), ("frame09", 2)):
        mask = np.zeros((40, 36, 6), np.uint8)
        for z in range(6):
            mask[:, :, z][np.hypot(x - 24, y - 18) <= 6 + 0.4 * z - shrunk] = 3
            mask[:, :, z][np.hypot(x - 9, y - 18) <= 8 - 2 * z] = 1
        rewrite(patient, f"{name}_gt", mask)
    subject = read_first(patient.parents[1])
    assert (subject.masks[0] == 1).any() and not (subject.masks[-1] == 1).any()


def truncate(folder):
    path = folder / "patient001_frame09.nii.gz"
    path.write_bytes(path.read_bytes()[:400])


def too_little_after_unpacking(folder):
    path = folder / "patient001_frame09.nii.gz"
    nifti = nib.load(path)
    whole = nifti.to_bytes()
    with nib.openers.ImageOpener(path, "wb") as file:
        file.write(whole[:-100])


def spacing(value):
    def damage(folder):
        path = folder / "patient001_frame01.nii.gz"
        whole = bytearray(nib.load(path).to_bytes())
        whole[84:88] = np.float32(value).tobytes()  # pixdim[2], the distance between rows
        with nib.openers.ImageOpener(path, "wb") as file:
            file.write(bytes(whole))

    return damage


def other_grid(folder):
    rewrite(folder, "frame09", stack(6)[0], (1.5, 1.5, 10.0))


def grey_labels(folder):
    rewrite(folder, "frame01_gt", np.array([0, 85, 170, 255], np.uint8)[mask_of(folder, "frame01")])


def unknown_label(folder):
    rewrite(folder, "frame01_gt", np.where(mask_of(folder, "frame01") == 2, 4, mask_of(folder, "frame01")).astype(np.uint8))


def other_shape(folder):
    rewrite(folder, "frame01_gt", stack(9, (40, 36, 5))[1])


def nan_pixels(folder):
    rewrite(folder, "frame01", np.where(mask_of(folder, "frame01") == 3, np.nan, 100).astype(np.float32))


def text(words):
    return lambda folder: (folder / "Info.cfg").write_text(words)


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncate, r"patient001_frame09.nii.gz: cannot be read as NIfTI .* is the download complete\?"),
        (too_little_after_unpacking, r"patient001_frame09.nii.gz: cannot be read as NIfTI .* is the download complete\?"),
        (lambda folder: (folder / "patient001_frame01_gt.nii.gz").unlink(), r"patient001_frame01_gt.nii.gz: missing"),
        (other_shape, r"patient001_frame01_gt.nii.gz: the mask has shape \(40, 36, 5\), the image \(40, 36, 6\)"),
        (grey_labels, r"frame01_gt.nii.gz: mask labels 85, 170, 255 look like the grey values .* 0 background, 1 RV, 2 myocardium, 3 LV"),
        (unknown_label, r"frame01_gt.nii.gz: unknown mask labels 4; expected 0 background, 1 RV, 2 myocardium, 3 LV"),
        (lambda folder: rewrite(folder, "frame01_gt", np.zeros((40, 36, 6), np.uint8)), r"frame01_gt.nii.gz: the mask holds no LV"),
        (spacing(0), r"patient001_frame01.nii.gz: pixdim gives a spacing of 0, 1.5, 10 mm \(row, column, slice\)"),
        (spacing(np.nan), r"patient001_frame01.nii.gz: pixdim gives a spacing of nan, 1.5, 10 mm"),
        (other_grid, r"patient001_frame09.nii.gz: shape .* 1.5 x 1.5 x 10 mm, but .* 1.5 x 1.25 x 10 mm at ED .*; expected one grid"),
        (text("ED: 9\nES: 1\n"), r"patient001: EDV 8.4 ml and ESV 21.3 ml; .*frames swapped\?"),
        (nan_pixels, r"patient001: the images hold NaN"),
        (lambda folder: (folder / "Info.cfg").unlink(), r"Info.cfg: missing"),
        (text("ED: first\nES: 9\n"), r"Info.cfg: ED is 'first'; expected a frame number"),
    ],
)
def test_each_kind_of_damage_gets_one_sentence_naming_the_file(patient, damage, message):
    damage(patient)
    with pytest.raises(InputError, match=message) as caught:
        read_first(patient.parents[1])
    assert "\n" not in str(caught.value)


def test_the_folder_may_be_the_dataset_or_its_parent(patient):
    root = patient.parents[1]
    assert acdc.find(root) == acdc.find(root.parent)
    assert [(scan.id, scan.path, scan.part) for scan in acdc.find(root)] == [("patient001", patient, "train")]


def test_a_folder_that_is_not_acdc_is_named(patient, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "acdc.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    for wrong, message in (
        (tmp_path / "nowhere", "nowhere: no such folder"),
        (tmp_path / "empty", "empty: an empty folder"),
        (tmp_path / "acdc.zip", "acdc.zip: a file, not a folder; unpack it"),
        (patient, "patient001: .* expected ACDC's official layout"),
        (None, "no data folder given"),
    ):
        with pytest.raises(InputError, match=message):
            acdc.find(wrong)


def test_the_rule_on_a_small_table():
    """Twins go, reduced EF beyond four becomes extra_test, the official test stays whole."""
    training = [(f"patient{i:03d}", "train", ef, f"c{i}") for i, ef in enumerate([20, 25, 30, 35, 38, 39] + list(range(45, 77)), 1)]
    testing = [("patient101", "test", 20, "t1"), ("patient102", "test", 60, "c10")]
    split = acdc.split_rule(pd.DataFrame(training + testing, columns=["id", "part", "ef", "content"])).set_index("id")
    assert split.loc["patient010", "split"] == "excluded" and "patient102" in split.loc["patient010", "reason"]
    assert split["split"].value_counts().to_dict() == {"train": 19, "validation": 16, "extra_test": 2, "test": 2, "excluded": 1}


def test_the_committed_split_is_as_imbalanced_as_the_paper():
    counts = pd.read_csv(SPLIT, comment="#")["split"].value_counts()
    assert counts.to_dict() == {"train": 50, "test": 50, "extra_test": 32, "validation": 16, "excluded": 2}


@needs_acdc
def test_the_committed_split_is_what_its_rule_makes_of_the_real_data():
    rows = []
    for scan in acdc.find(os.environ["CARDIOSYNTH_REAL"]):
        subject = acdc.read(scan)
        content = hashlib.sha256(subject.images.tobytes()).hexdigest()
        rows.append({"id": scan.id, "part": scan.part, "ef": subject.ef, "content": content, "mended": subject.extra.get("mended")})
    table = pd.DataFrame(rows)
    pd.testing.assert_frame_equal(acdc.split_rule(table), pd.read_csv(SPLIT, comment="#"))
    made = table.merge(pd.read_csv(SPLIT, comment="#"))
    assert ((made.split == "train") & (made.ef < 40)).sum() == 3 and ((made.split == "validation") & (made.ef < 40)).sum() == 1
    assert table["mended"].isna().all(), "ACDC stores every stack from base to apex"
