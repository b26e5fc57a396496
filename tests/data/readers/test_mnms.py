import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from acdc_files import stack
from cardiosynth.data.readers import mnms
from cardiosynth.study.errors import InputError

TABLE = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
THEIRS = np.array([0, 3, 2, 1], np.uint8)  # ACDC's label -> M&Ms's: 1 LV, 2 myocardium, 3 RV
SPACING = (1.5, 1.25, 10.0)  # x, y, z
SHEARED = (
    "the affine's axes are not at right angles (cosine 0.30), so distances may be wrong; "
    "pixdim says 1.5 x 1.25 x 10 mm and the affine 1.5 x 1.312 x 10 mm: those of pixdim taken"
)
EDV_ML, ESV_ML = (float((stack(radius)[1] == 3).sum() * np.prod(SPACING) / 1000) for radius in (9, 6))


def save(path, data):
    """With direction cosines that are not orthonormal, as some files of M&Ms have; ITK refuses to open such a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*SPACING, 1.0])
    affine[0, 1] = 0.4
    nifti = nib.Nifti1Image(data, affine)
    nifti.header.set_zooms((*SPACING, 0.04)[: data.ndim])
    nifti.to_filename(path)


def write_first(root, part, code, ed=3, es=0):
    """A patient of M&Ms: five frames, masks at ED and ES only."""
    images, masks = np.zeros((40, 36, 6, 5), np.int16), np.zeros((40, 36, 6, 5), np.uint8)
    for frame, radius in ((ed, 9), (es, 6)):
        images[..., frame], mask = stack(radius)
        masks[..., frame] = THEIRS[mask]
    save(root / part / code / f"{code}_sa.nii.gz", images)
    save(root / part / code / f"{code}_sa_gt.nii.gz", masks)


def write_table(root, rows, name=TABLE):
    table = pd.DataFrame(rows, columns=["External code", "ED", "ES"])
    table = table.assign(VendorName="Siemens", Vendor="A", Centre=1, Age=60, Pathology="DCM", Sex="F", Height=170, Weight=70)
    table.to_csv(root / name)  # the publishers' file has a first column of numbers too


@pytest.fixture
def first(tmp_path):
    root = tmp_path / "OpenDataset"
    for part, code in (("Training/Labeled", "A0S9V9"), ("Validation", "A5C2D2"), ("Testing", "A1K2P5"), ("Training/Unlabeled", "B1B1B1")):
        write_first(root, part, code)
    write_table(root, [(code, 3, 0) for code in ("A0S9V9", "A5C2D2", "A1K2P5", "B1B1B1", "Z9Z9Z9")])
    return root


@pytest.fixture
def second(tmp_path):
    root = tmp_path / "MnM2"
    for code in ("160", "161", "200", "201"):
        for phase, radius in (("ED", 9), ("ES", 6)):
            image, mask = stack(radius)
            save(root / "dataset" / code / f"{code}_SA_{phase}.nii.gz", image)
            save(root / "dataset" / code / f"{code}_SA_{phase}_gt.nii.gz", THEIRS[mask].astype(np.float64))
    (root / "dataset_information.csv").write_text(
        "SUBJECT_CODE,DISEASE,VENDOR,SCANNER,FIELD\n160,NOR,SIEMENS,Avanto,1.5\n161,RV,GE MEDICAL SYSTEMS,Signa,3.0\n"
        "200,LV,Philips,Achieva,1.5\n,,,,\n"
    )
    return root


def test_the_labelled_patients_of_mnms_with_their_parts(first):
    assert {scan.id: scan.part for scan in mnms.find(first)} == {"A0S9V9": "train", "A5C2D2": "validation", "A1K2P5": "test"}


def test_a_patient_of_mnms_in_the_projects_labels_and_units(first):
    subject = mnms.read(mnms.find(first)[0])
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx((EDV_ML, ESV_ML))
    assert subject.images.shape == (6, 2, 36, 40) and subject.spacing_mm == (1.25, 1.5) and subject.slice_gap_mm == 10
    for phase, radius in enumerate((9, 6)):
        image, mask = stack(radius)
        assert np.array_equal(subject.masks[:, phase], mask.T) and np.array_equal(subject.images[:, phase], image.T)
    assert subject.extra == {"vendor": "Siemens", "centre": "1", "pathology": "DCM", "doubts": SHEARED}


def test_a_patient_of_mnms2_in_the_projects_labels_and_units(second):
    scans = mnms.find(second)
    assert {scan.id: scan.part for scan in scans} == {"mnms2-160": "train", "mnms2-161": "validation", "mnms2-200": "validation", "mnms2-201": "test"}
    subject = mnms.read(scans[0])
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx((EDV_ML, ESV_ML))
    assert np.array_equal(subject.masks[:, 0], stack(9)[1].T) and subject.spacing_mm == (1.25, 1.5)
    assert subject.extra == {"pathology": "NOR", "vendor": "SIEMENS", "scanner": "Avanto", "field": "1.5", "doubts": SHEARED}


def test_the_table_of_2020_has_another_name_and_no_pathology(first):
    (first / TABLE).unlink()
    table = first / "201014_M&Ms_Dataset_Information_-_opendataset.csv"
    table.write_text("External code,VendorName,Vendor,Centre,ED,ES\nA0S9V9,GE,C,4,3.0,0\n")
    subject = mnms.read(mnms.find(first)[0])
    assert subject.extra == {"vendor": "GE", "centre": "4", "doubts": SHEARED} and subject.edv_ml == pytest.approx(EDV_ML)


@pytest.mark.parametrize(
    "rows, message",
    [
        ([("A0S9V9", "", 0)], r"A0S9V9: 211230_M&Ms.*.csv gives ED as ''; expected a frame number, counted from 0"),
        ([("A0S9V9", 3, "nan")], r"gives ES as 'nan'"),
        ([("A0S9V9", 5, 0)], r"A0S9V9_sa.nii.gz: 5 frames, but .* names frame 5, counted from 0"),
        ([("A0S9V9", 4, 0)], r"A0S9V9_sa_gt.nii.gz, frame 4: the mask holds no LV; expected 0 background, 1 LV, 2 myocardium, 3 RV"),
        ([("A5C2D2", 3, 0)], r"A0S9V9: 211230_M&Ms.*.csv has no row for A0S9V9"),
    ],
)
def test_a_bad_row_leaves_out_one_patient_only(first, rows, message):
    write_table(first, [*rows, ("A1K2P5", 3, 0)])
    scans = {scan.id: scan for scan in mnms.find(first)}
    with pytest.raises(InputError, match=message) as caught:
        mnms.read(scans["A0S9V9"])
    assert "\n" not in str(caught.value)
    assert mnms.read(scans["A1K2P5"]).edv_ml == pytest.approx(EDV_ML)


def test_a_patient_that_the_table_of_mnms2_lacks_is_left_out(second):
    with pytest.raises(InputError, match=r"201: dataset_information.csv has no row for 201"):
        mnms.read(mnms.find(second)[-1])


def test_masks_over_other_frames_are_refused(first):
    save(first / "Training/Labeled/A0S9V9/A0S9V9_sa_gt.nii.gz", np.zeros((40, 36, 6, 4), np.uint8))
    with pytest.raises(InputError, match=r"A0S9V9_sa_gt.nii.gz: the mask has shape \(40, 36, 6, 4\), the image \(40, 36, 6, 5\)"):
        mnms.read(mnms.find(first)[0])


def test_a_folder_that_is_neither_or_both_is_named(first, second, tmp_path):
    with pytest.raises(InputError, match="neither of .*M&Ms_Dataset_information.* and dataset_information.csv"):
        mnms.find(tmp_path)
    (first / TABLE).rename(second / TABLE)
    with pytest.raises(InputError, match="MnM2: both of .* name the unpacked folder"):
        mnms.find(second)
    (second / "dataset_information.csv").unlink()
    with pytest.raises(InputError, match="MnM2: no patient in Training/Labeled, Validation, Testing"):
        mnms.find(second)
