import numpy as np
import pydicom
import pytest

from cardiosynth.data import phantom
from cardiosynth.data.readers import kaggle
from cardiosynth.data.writers.to_kaggle import write
from cardiosynth.study.errors import InputError
from dicom_files import blacken, edit, heart

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "kaggle", [heart(split="train"), heart(split="validation"), heart(split="extra_test")])
    return tmp_path / "kaggle"


def test_the_phantom_comes_back(tmp_path):
    subject = phantom.subject("a", "test", 0, 4, 2022)
    subject.extra["split"] = "test"
    (row,) = write(tmp_path, [subject])
    (scan,) = kaggle.find(tmp_path)
    back = kaggle.read(scan)
    assert (scan.id, scan.part, back.masks, back.extra["mended"]) == (row["exported_as"], "test", None, "")
    assert (back.edv_ml, back.esv_ml) == (row["edv_ml"], row["esv_ml"]) == pytest.approx((subject.edv_ml, subject.esv_ml), abs=0.05)
    assert back.spacing_mm == pytest.approx(subject.spacing_mm) and back.slice_gap_mm == pytest.approx(subject.slice_gap_mm)
    assert np.abs(back.images - subject.images).max() < np.ptp(subject.images) / 8000
    assert (back.extra["ed_frame"], back.extra["es_frame"], back.extra["phases"]) == (0, 1, 2)


def test_the_parts_are_the_organisers(root):
    found = kaggle.find(root)
    assert [(scan.id, scan.part) for scan in found] == [("kaggle-0001", "train"), ("kaggle-0002", "validation"), ("kaggle-0003", "test")]
    assert kaggle.find(root.parent) == found


def test_folders_once_instead_of_twice_and_other_views_are_fine(root):
    inner = root / "train" / "train"
    (inner / "1").rename(root / "train" / "1")
    inner.rmdir()
    view = root / "train" / "1" / "study" / "2ch_20"
    view.mkdir()
    (view / "IM-0001-0001.dcm").write_text("never read")
    assert kaggle.read(kaggle.find(root)[0]).images.shape == (5, 2, 40, 48)


def test_the_test_table_may_have_a_row_for_each_volume(root):
    before = kaggle.read(kaggle.find(root)[2])
    (root / "solution.csv").write_text(f"Id,Volume,Usage\n3_Diastole,{before.edv_ml},Public\n3_Systole,{before.esv_ml},Public\n")
    after = kaggle.read(kaggle.find(root)[2])
    assert (after.edv_ml, after.esv_ml) == (before.edv_ml, before.esv_ml)


def test_identity_does_not_survive(root):
    for path in (root / "train" / "train" / "1").rglob("*.dcm"):
        edit(path, PatientName="Doe^Jane", PatientID="MRN-4711", PatientBirthDate="19500101", InstitutionName="General")
    subject = kaggle.read(kaggle.find(root)[0])
    said = repr((subject.id, subject.source, subject.extra, kaggle.find(root)))
    assert not any(word in said for word in ("Doe", "Jane", "4711", "1950", "General"))


def slices(root):
    return sorted((root / "train" / "train" / "1" / "study").iterdir())


def test_a_slice_taken_again_replaces_the_first(root):
    again = slices(root)[2].with_name("sax_99")
    again.mkdir()
    for path in slices(root)[2].iterdir():
        image = pydicom.dcmread(path)
        image.SeriesNumber, image.RescaleIntercept = 99, 1000
        image.save_as(again / path.name)
    subject = kaggle.read(kaggle.find(root)[0])
    assert subject.extra["mended"] == "1 repeated slice location: last series kept"
    assert (subject.images.min(axis=(1, 2, 3)) > 500).tolist() == [False, False, True, False, False]


def test_upper_case_hidden_and_linked_folders(root):
    before = kaggle.read(kaggle.find(root)[0])
    for number, path in enumerate(sorted((root / "train").rglob("*.dcm"))):
        path.rename(path.with_suffix(("", ".DCM")[number % 2]))
    patient = root / "train" / "train" / "1"
    for number, folder in enumerate(slices(root)):
        folder.rename(folder.with_name(f"{('SAX', 'Sax')[number % 2]}_{number}"))
        (folder.parent / f"._sax_{number}").mkdir()
    (patient / "study").rename(root.parent / "elsewhere")
    (patient / "Study").symlink_to(root.parent / "elsewhere")
    (root / "train" / "__MACOSX" / "1" / "study").mkdir(parents=True)
    (root / "train" / "train" / ".2" / "study").mkdir(parents=True)
    (root / "train" / "train" / "\u00b2" / "study").mkdir(parents=True)
    scans = kaggle.find(root)
    assert [scan.id for scan in scans] == ["kaggle-0001", "kaggle-0002", "kaggle-0003"]
    assert np.array_equal(kaggle.read(scans[0]).images, before.images)


def test_an_empty_folder_of_a_slice_is_doubted(root):
    for path in slices(root)[4].iterdir():
        path.unlink()
    subject = kaggle.read(kaggle.find(root)[0])
    assert len(subject.images) == 4 and "so the stack may be too short" in subject.extra["doubts"]


def test_folders_at_both_depths_are_all_found_and_a_patient_twice_is_refused(root):
    (root / "train" / "7").mkdir()
    (root / "train" / "train" / "1").rename(root / "train" / "7" / "x")
    (root / "train" / "7" / "x").rename(root / "train" / "train" / "01")
    (root / "train" / "7").rmdir()
    (root / "train" / "1").symlink_to(root / "train" / "train" / "01")
    (first, *_) = kaggle.find(root)
    with pytest.raises(InputError, match=r"train/1: a second folder of this patient, .*train/train/01; keep one of them"):
        kaggle.read(first)


TABLES = [
    "Id,Systole,Diastole\n1,43.5,142.3\n",
    "Id;Systole;Diastole\r\n1;43,5;142,3\r\n",
    'Id,Systole,Diastole\n1,"43,5","142,3"\n\n',
    " Id , Systole , Diastole \n 1 , 43.5 , 142.3 \n1,43.5,142.3\n",
    "Id,Volume\n1_Diastole,142.3\n1_Systole,43.5\n",
    "ID\tSYSTOLE\tDIASTOLE\tnote\n1.0\t43.5\t142.3\t\nmean\t43.5\t142.3\t\n",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", TABLES)
def test_tables_as_spreadsheets_leave_them(root, text, encoding):
    (root / "train.csv").write_bytes(text.encode(encoding))
    subject = kaggle.read(kaggle.find(root)[0])
    assert (subject.edv_ml, subject.esv_ml) == (142.3, 43.5)


WRONG_TABLES = ["Id,Systole,Diastole\n1,43,5,142,3\n", "Id,Systole,Diastole\n1,43.5\n", "Id,Volume\n1_Diastolic,142.3\n", ""]


@pytest.mark.parametrize("text", WRONG_TABLES)
def test_a_table_that_cannot_be_read_gets_one_sentence(root, text):
    (root / "train.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"train.csv: .*; expected Id,Systole,Diastole"):
        kaggle.find(root)


def disagree(root):
    (root / "train" / "train.csv").write_text("Id,Systole,Diastole\n1,50,100\n")


def remove_slice(root):
    for path in slices(root)[2].iterdir():
        path.unlink()


def table(root, row):
    (root / "train.csv").write_text(f"Id,Systole,Diastole\n{row}\n")


def blacken_all(root):
    for path in (root / "train").rglob("*.dcm"):
        blacken(path)


BAD = [
    (remove_slice, r"train/1: a slice is missing between"),
    (blacken_all, r"train/1: every pixel is 0, so the scan is empty"),
    (lambda root: next(slices(root)[1].iterdir()).unlink(), r"train/1: 1 slice of 5 with another number of frames, first at 8.0 mm"),
    (lambda root: table(root, "7,50,100"), r"train/1: no EDV and ESV for patient 1 in train.csv"),
    (lambda root: (root / "train.csv").unlink(), r"train/1: no EDV and ESV for patient 1 in train.csv"),
    (disagree, r"train/1: .*train/train.csv: patient 1 has 100 ml as EDV, and [\d.]+ ml stood before; keep one"),
    (lambda root: table(root, "1,50,100\n1,50,101"), r"train/1: .*train.csv: patient 1 has 101 ml as EDV, and 100 ml stood before"),
    (lambda root: table(root, "1,43.5,\xe9"), r"train/1: .*train.csv: patient 1 has '\xe9' as EDV; expected a number in ml"),
    (lambda root: table(root, "1,4e,50"), r"train/1: .*train.csv: patient 1 has '4e' as ESV; expected a number in ml"),
    (lambda root: table(root, "1,nan,50"), r"train/1: no EDV and ESV for patient 1 in train.csv"),
    (lambda root: table(root, "1,-3,50"), r"kaggle-0001: EDV 50.0 ml and ESV -3.0 ml; expected EDV >= ESV > 0"),
    (lambda root: table(root, "1,inf,inf"), r"kaggle-0001: EDV inf ml"),
    (lambda root: table(root, "1,100,50"), r"kaggle-0001: EDV 50.0 ml and ESV 100.0 ml; expected EDV >= ESV"),
]


@pytest.mark.parametrize("damage, message", BAD)
def test_a_bad_patient_gets_one_sentence_and_the_others_are_read(root, damage, message):
    damage(root)
    first, *others = kaggle.find(root)
    with pytest.raises(InputError, match=message) as caught:
        kaggle.read(first)
    assert "\n" not in str(caught.value)
    assert [kaggle.read(scan).images.shape[0] for scan in others] == [5, 5]


def test_a_folder_that_is_not_kaggle_gets_one_sentence(root, tmp_path):
    (root / "train.csv").write_text("Id,Systole\none,two\n")
    with pytest.raises(InputError, match=r"train.csv: .*; expected Id,Systole,Diastole"):
        kaggle.find(root)
    packed, empty, other = tmp_path / "train.zip", tmp_path / "empty", tmp_path / "other"
    empty.mkdir(), other.mkdir(), packed.touch(), (other / "train.zip").touch()
    for wrong, message in (
        (packed, "a file, not a folder; unpack it"),
        (empty, "an empty folder"),
        (other, r"no train/N/study, .* \(unpack train.zip first\)"),
        (None, "no data folder given"),
    ):
        with pytest.raises(InputError, match=message):
            kaggle.find(wrong)


def test_an_export_needs_a_new_folder_and_a_known_split(root, tmp_path):
    with pytest.raises(InputError, match="not an empty folder"):
        write(root, [heart()])
    with pytest.raises(InputError, match="cone: split is 'tset'; expected one of train"):
        write(tmp_path / "new", [heart(split="tset")])
