import os
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cardiosynth import ROOT
from cardiosynth.data.readers import kaggle_png
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import ejection_fraction, volume_ml
from cardiosynth.data.writers import to_kaggle_png as export
from cardiosynth.study.errors import InputError

SPLIT = ROOT / "data" / "splits" / "kaggle-png.csv"
RADII = {"01": 12.0, "12": 8.0}


def disc(radius, size=(40, 48)):
    y, x = np.indices(size)
    return np.hypot(y - 20, x - 24) < radius


def write_slice(folder, location, series, radius_mm=0.0, patient="0007", image="", frames=("01", "12"), size=(40, 48)):
    """Image and mask of one slice at both frames; the disc shrinks by radius_mm. The image's grey is the series."""
    for frame in frames:
        name = f"{patient}_00000sax_{frame}_{10000 + location:05d}_IM-{series:04d}-00{frame}{image}"
        mask = disc(RADII[frame] - radius_mm, size)
        Image.fromarray((mask * 100 + series % 100).astype(np.uint8)).save(folder / f"{name}.png")
        Image.fromarray(np.where(mask, 200, 60).astype(np.uint8)).save(folder / f"{name}_o.png")


@pytest.fixture
def root(tmp_path):
    """One patient of four slices 8 mm apart, base at 30 mm."""
    root = tmp_path / "kaggle-png"
    folder = root / "data_segmenter_trainset"
    folder.mkdir(parents=True)
    for index in range(4):
        write_slice(folder, 30 - 8 * index, 20 + index, index)
    (root / "train_validate.csv").write_text("Id,Systole,Diastole\n7,60.5,141.25\n612,50,100\n")
    return root


def only(root):
    (scan,) = kaggle_png.find(root)
    return kaggle_png.read(scan)


def pngs(root):
    return root / "data_segmenter_trainset"


def doubled(root):
    for path in pngs(root).glob("*.png"):
        image = Image.open(path)
        image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(path)


def frames_exchanged(root):
    for path in sorted(pngs(root).glob("*_01_*.png")):
        other = path.with_name(path.name.replace("_01_", "_12_").replace("-0001", "-0012"))
        content = path.read_bytes()
        path.write_bytes(other.read_bytes()), other.write_bytes(content)


def one_mask_of_ones(root):
    path = sorted(pngs(root).glob("*_12_*_o.png"))[0]
    Image.fromarray((np.asarray(Image.open(path)) > 127).astype(np.uint8)).save(path)


def one_black_image(root):
    path = sorted(path for path in pngs(root).glob("*_01_*.png") if "_o" not in path.name)[1]
    Image.new("L", (48, 40), 0).save(path)


def end_without_es(root):
    for path in list(pngs(root).glob("*_12_10030_*")):
        path.unlink()


@pytest.mark.parametrize("damage, doubt", [
    (doubled, r"the masks of frame 01 give \d+ ml and the table 141 ml as EDV"),
    (frames_exchanged, r"the masks of frame 12 give \d+ ml, no less than the \d+ ml of frame 01"),
    (one_mask_of_ones, "1 mask without grey above 127, though not black: taken for empty"),
    (one_black_image, r"the image of slice \d of 4 at ED is all of one grey"),
    (end_without_es, "a slice at an end was left out, so the stack may be too short"),
])  # fmt: skip
def test_what_cannot_be_right_is_doubted(root, damage, doubt):
    (root / "train_validate.csv").write_text("Id,Systole,Diastole\n7,3,11\n")
    assert "doubts" not in only(root).extra
    if damage is doubled:
        (root / "train_validate.csv").write_text("Id,Systole,Diastole\n7,60,141\n")
    damage(root)
    assert re.search(doubt, only(root).extra["doubts"])


def test_names_in_capitals_and_second_downloads(root):
    for path in list(pngs(root).iterdir()):
        path.rename(path.with_name(path.name.upper()))
    before = only(root)
    first = sorted(pngs(root).iterdir())[0]
    shutil.copy(first, first.with_name(first.stem + " (1).PNG"))
    assert np.array_equal(only(root).masks, before.masks) and before.masks.any()


def test_a_patient_is_read_base_first_with_reference_and_mask_volumes(root):
    subject = only(root)
    assert subject.id == "kaggle-0007" and subject.images.shape == (4, 2, 40, 48)
    assert (subject.edv_ml, subject.esv_ml) == (141.25, 60.5)
    assert subject.spacing_mm == (1.0, 1.0) and subject.slice_gap_mm == 8.0
    for phase, key in enumerate(("mask_edv_ml", "mask_esv_ml")):
        areas = [disc(list(RADII.values())[phase] - index).sum() for index in range(4)]
        assert subject.extra[key] == pytest.approx(sum(areas) * 8 / 1000)
        assert [(subject.masks[index, phase] == 3).sum() for index in range(4)] == areas
    assert subject.images[:, 0, 0, 0].tolist() == [20, 21, 22, 23] and subject.extra["mended"] == ""


def test_the_png_may_lie_beside_the_table_and_the_folder_be_named_in_many_ways(root):
    scans = [kaggle_png.find(path) for path in (root.parent, root, pngs(root))]
    assert [[scan.facts for scan in found] for found in scans] == [[scans[0][0].facts]] * 3
    for path in pngs(root).iterdir():
        path.rename(root / path.name)
    pngs(root).rmdir()
    assert only(root).edv_ml == 141.25


def test_the_part_follows_the_competitions_numbers(root):
    write_slice(pngs(root), 0, 1, patient="0612")
    assert {scan.id: scan.part for scan in kaggle_png.find(root)} == {"kaggle-0007": "train", "kaggle-0612": "validation"}


@pytest.mark.parametrize("location", [14, 15])
def test_of_a_slice_imaged_again_the_last_series_is_kept(root, location):
    write_slice(pngs(root), location, 131, 2)
    subject = only(root)
    assert subject.images[:, 0, 0, 0].tolist() == [20, 21, 31, 23] and subject.slice_gap_mm == 8.0
    assert subject.extra["mended"].startswith(f"slices at {location} mm imaged more than once: the last series kept")


def test_names_with_an_image_number_are_read(root):
    for path in pngs(root).iterdir():
        path.unlink()
    for index in range(3):
        for series in (11, 12):
            write_slice(pngs(root), 9 * index, series, 2 - index, image=f"-000{index + 1}")
    subject = only(root)
    assert (subject.images[:, 0, 0, 0] == 12).all() and len(subject.images) == 3 and subject.slice_gap_mm == 9.0


def test_a_slice_at_one_frame_alone_is_left_out_and_noted(root):
    write_slice(pngs(root), 38, 19, frames=("01",))
    subject = only(root)
    assert len(subject.images) == 4 and subject.extra["mended"] == "slices at 38 mm left out: one of frames 01 and 12 is missing"


def first(root, pattern="*_o.png"):
    return sorted(pngs(root).glob(pattern))[0]


def no_mask(root):
    first(root).unlink()


def mask_of_other_size(root):
    for path in pngs(root).glob("*_o.png"):
        Image.open(path).crop((0, 0, 40, 40)).save(path)


def one_image_of_other_size(root):
    Image.open(first(root)).crop((0, 0, 30, 30)).save(first(root))


def truncated(root):
    path = first(root, "*_01_10030*[0-9].png")
    path.write_bytes(path.read_bytes()[:90])


def deep(root):
    Image.fromarray(np.full((40, 48), 900, np.uint16)).save(first(root, "*_01_10030*[0-9].png"))


def odd_name(root):
    path = first(root, "*_01_10030*[0-9].png")
    path.rename(path.with_name("0007_sax_ED_10030.png"))


def hole(root):
    for path in pngs(root).glob("*_10014_*"):
        path.unlink()


def one_slice(root):
    for path in pngs(root).iterdir():
        if "_10030_" not in path.name:
            path.unlink()


def one_frame(root):
    for path in pngs(root).glob("*_12_*"):
        path.unlink()


def no_lv(root):
    for path in pngs(root).glob("*_12_*_o.png"):
        Image.new("L", (48, 40), 127).save(path)


def table(text):
    return lambda root: (root / "train_validate.csv").write_text(text)


@pytest.mark.parametrize(
    "damage, message",
    [
        (no_mask, r"_o.png: missing; every image needs its mask beside it"),
        (mask_of_other_size, r"kaggle-0007: masks have shape \(40, 40\), images \(40, 48\); they must agree"),
        (one_image_of_other_size, r"kaggle-0007: files of \(30, 30\) and of \(40, 48\) pixels"),
        (truncated, r"0007_00000sax_01_10030_IM-0020-0001.png: cannot be read as PNG .* is the download complete\?"),
        (deep, r"IM-0020-0001.png: pixels of kind I;16; expected an 8-bit grey PNG"),
        (odd_name, r"0007_sax_ED_10030.png: not a name of this layout; expected PPPP_00000sax_FF"),
        (hole, r"kaggle-0007: 16 mm between the slices at 6 and 22 mm, 8 mm elsewhere; a slice is missing inside the stack"),
        (one_slice, r"kaggle-0007: one slice only"),
        (one_frame, r"kaggle-0007: no slice has both frames 01 and 12"),
        (no_lv, r"kaggle-0007: the masks of frame 12 hold no LV"),
        (table("Id,Systole,Diastole\n8,60,140\n"), r"kaggle-0007: train_validate.csv has no numbers for Id 7"),
        (table("Id,Systole,Diastole\n7,?,140\n"), r"kaggle-0007: .*train_validate.csv: patient 7 has '\?' as ESV; expected a number in ml"),
        (
            table("Id,Systole,Diastole\n7,60,140\n7,61,140\n"),
            r"kaggle-0007: .*train_validate.csv: patient 7 has 61 ml as ESV, and 60 ml stood before",
        ),
        (table("Id,Systole,Diastole\n7,160,140\n"), r"kaggle-0007: EDV 140.0 ml and ESV 160.0 ml; expected EDV >= ESV"),
    ],
)
def test_each_kind_of_damage_stops_that_patient_with_one_sentence(root, damage, message):
    damage(root)
    (scan,) = kaggle_png.find(root)
    with pytest.raises(InputError, match=message) as caught:
        kaggle_png.read(scan)
    assert "\n" not in str(caught.value)


def emptied(root):
    for path in pngs(root).iterdir():
        path.unlink()


@pytest.mark.parametrize(
    "damage, message",
    [
        (emptied, r"data_segmenter_trainset: no files named PPPP_00000sax_FF_LLLLL_IM-\*.png"),
        (lambda root: (root / "train_validate.csv").unlink(), "train_validate.csv: missing; the reference volumes"),
        (table("patient,edv\n7,140\n"), "train_validate.csv: columns patient, edv; expected Id,Systole,Diastole"),
        (table(""), "train_validate.csv: columns none, as the file is empty; expected Id,Systole,Diastole"),
    ],
)
def test_what_is_not_the_layout_is_refused_as_a_whole(root, damage, message):
    damage(root)
    with pytest.raises(InputError, match=message):
        kaggle_png.find(root)


def test_a_zip_an_empty_folder_and_no_folder_are_refused(tmp_path):
    (tmp_path / "data.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "empty").mkdir()
    for name, message in (("data.zip", "a file, not a folder; unpack it"), ("empty", "an empty folder"), ("nowhere", "no such folder")):
        with pytest.raises(InputError, match=message):
            kaggle_png.find(tmp_path / name)


def subject(gap_mm=9.0, spacing=(1.5, 1.25), split="train", dtype=np.float32):
    """Ellipsoid-like discs with a ring around them, base first."""
    masks = np.zeros((6, 2, 70, 90), np.uint8)
    y, x = np.indices((70, 90)) - np.array([35, 45]).reshape(2, 1, 1)
    for index in range(6):
        for phase, radius in enumerate((28, 20)):
            distance = np.hypot(y * spacing[0], x * spacing[1])
            masks[index, phase] = np.where(distance < radius - 3 * index, 3, np.where(distance < radius + 9 - 3 * index, 2, 0))
    images = (60 + 40 * masks).astype(dtype)
    edv_ml, esv_ml = volume_ml(masks, spacing[0] * spacing[1], gap_mm)
    return Subject(f"s-{split}", "made", images, masks, spacing, gap_mm, float(edv_ml), float(esv_ml), {"split": split})


@pytest.mark.parametrize("gap_mm, tolerance", [(9.0, 1e-6), (9.36, 0.01), (2.5, 0.041)])  # 2.5: of 12.5 mm of stack, 0.5 are lost
def test_what_is_exported_is_read_back_with_the_same_volumes(tmp_path, gap_mm, tolerance):
    splits = ["train", "validation", "test", "train"]
    subjects = [replace(subject(gap_mm, split=split), id=f"s{number}") for number, split in enumerate(splits)]
    rows = export.write(tmp_path / "out", subjects)
    assert [row["exported_as"] for row in rows] == ["kaggle-0001", "kaggle-0501", "kaggle-0701", "kaggle-0002"]
    scans = {scan.id: scan for scan in kaggle_png.find(tmp_path / "out")}
    for row, original in zip(rows, subjects, strict=True):
        scan = scans[row["exported_as"]]
        back = kaggle_png.read(scan)
        assert scan.part == original.extra["split"] and row["id"] == original.id
        assert (back.edv_ml, back.esv_ml) == pytest.approx((row["edv_ml"], row["esv_ml"]), abs=1e-3)
        assert back.extra["mask_edv_ml"] == pytest.approx(row["edv_ml"], rel=tolerance, abs=1e-3)
        assert back.extra["mask_esv_ml"] == pytest.approx(row["esv_ml"], rel=tolerance, abs=1e-3)
        assert row["edv_ml"] == pytest.approx(original.edv_ml, rel=0.01)
        assert set(np.unique(back.masks)) == {0, 3} and back.extra["mended"] == ""


def test_a_cohort_of_1_mm_pixels_is_exported_pixel_for_pixel(tmp_path):
    original = subject(spacing=(1.0, 1.0), dtype=np.uint8)
    export.write(tmp_path / "out", [original])
    back = only(tmp_path / "out")
    assert np.array_equal(back.images[:, :, 10:80], original.images)
    assert np.array_equal(back.masks[:, :, 10:80] == 3, original.masks == 3)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"masks": None}, "no masks"),
        ({"slice_gap_mm": 1.4}, "6 slices 1.4 mm apart; the Kaggle PNG layout keeps whole millimetres"),
        ({"masks": np.full((6, 2, 70, 90), 2, np.uint8)}, "no LV left on 1 mm pixels"),
    ],
)
def test_what_the_layout_cannot_hold_is_not_exported(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        export.write(tmp_path / "out", [replace(subject(), **change)])


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="set CARDIOSYNTH_REAL to the folder that holds kaggle_png/")
def test_the_real_patients_agree_with_the_organisers_volumes():
    rows, refused = [], []
    for scan in kaggle_png.find(os.environ["CARDIOSYNTH_REAL"]):
        try:
            found = kaggle_png.read(scan)
            rows.append((found.edv_ml, found.extra["mask_edv_ml"], found.esv_ml, found.extra["mask_esv_ml"]))
        except InputError as error:
            refused.append(str(error))
    numbers = pd.DataFrame(rows, columns=["edv", "mask_edv", "esv", "mask_esv"])
    assert len(rows) == 129 and len(refused) == 1 and "a slice is missing inside the stack" in refused[0]
    assert np.sqrt(((numbers.mask_edv - numbers.edv) ** 2).mean()) < 13 and numbers.corr().loc["edv", "mask_edv"] > 0.97


def test_the_split_by_hand():
    """Fifty-nine read patients by EF: every third is for the test, the refused one is excluded, the rest is imbalanced."""
    table = pd.DataFrame({"id": [f"k{i:02d}" for i in range(60)], "ef": [*np.linspace(20, 39, 18), *np.linspace(41, 75, 41), np.nan]})
    split = kaggle_png.split_rule(table.sample(frac=1, random_state=3)).set_index("id")["split"]
    assert list(split[split == "test"].index) == [f"k{i:02d}" for i in range(1, 59, 3)] and split["k59"] == "excluded"
    assert split.value_counts().to_dict() == {"test": 20, "train": 14, "validation": 18, "extra_test": 7, "excluded": 1}


def test_the_committed_split_is_as_imbalanced_as_the_paper_and_knows_numbers_alone():
    split = pd.read_csv(SPLIT, comment="#")
    assert split["split"].value_counts().to_dict() == {"train": 63, "test": 43, "validation": 18, "extra_test": 5, "excluded": 1}
    assert split["id"].tolist() == [f"kaggle-{number:04d}" for number in range(1, 131)]
    assert (split.query("split == 'train'").reason == "reduced EF, even pick").sum() == 4
    assert split.query("split == 'excluded'")["id"].tolist() == ["kaggle-0011"]


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs the real PNG; set CARDIOSYNTH_REAL to the folder that holds kaggle_png/")
def test_the_committed_split_is_what_its_rule_makes_of_the_real_data():
    rows = []
    for scan in kaggle_png.find(os.environ["CARDIOSYNTH_REAL"]):
        try:
            drawn = kaggle_png.read(scan).extra
            rows.append((scan.id, ejection_fraction(drawn["mask_edv_ml"], drawn["mask_esv_ml"])))
        except InputError:
            rows.append((scan.id, np.nan))
    split = kaggle_png.split_rule(pd.DataFrame(rows, columns=["id", "ef"]))
    pd.testing.assert_frame_equal(split, pd.read_csv(SPLIT, comment="#"))
