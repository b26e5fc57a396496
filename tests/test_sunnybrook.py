import os
import shutil

import numpy as np
import pytest
from dicom_files import GAP_MM, SPACING_MM, circle, edit, heart

from cardiosynth import phantom
from cardiosynth.datasets import sunnybrook
from cardiosynth.errors import InputError
from cardiosynth.exports.sunnybrook import write
from cardiosynth.volumes import ML_PER_MM3


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "sunnybrook", [heart(split="train"), heart(split="test")])
    return tmp_path / "sunnybrook"


def contour(root, number, kind="i", patient="SC-N-9001"):
    return next(root.rglob(f"{patient}/contours-manual/IRCCI-expert/IM-0001-{number:04d}-{kind}contour-manual.txt"))


def test_the_phantom_comes_back(tmp_path):
    subject = phantom.subject("a", "test", 0, 4, 2022)
    subject.extra["split"] = "validation"
    (row,) = write(tmp_path, [subject])
    (scan,) = sunnybrook.find(tmp_path)
    back = sunnybrook.read(scan)
    assert (scan.id, scan.part, back.extra["mended"]) == (row["exported_as"], "validation", "")
    assert (back.edv_ml, back.esv_ml) == pytest.approx((row["edv_ml"], row["esv_ml"]), abs=1e-6)
    assert (back.edv_ml, back.esv_ml) == pytest.approx((subject.edv_ml, subject.esv_ml), abs=0.1)
    assert np.array_equal(back.masks == 3, subject.masks == 3)
    assert np.abs(back.images - subject.images).max() < np.ptp(subject.images) / 8000


def test_volumes_are_those_of_the_shapes_drawn_and_not_of_whole_pixels(root):
    areas_px = {0: 0.0, 1: 0.0}
    for path in (root / "SCD_ManualContours").rglob("SC-N-9001/*/*/IM-*-icontour-manual.txt"):
        number = int(path.name[8:12]) - 1
        radius = (9.3, 6.4)[number % 2] - 0.5 * (number // 2)
        np.savetxt(path, circle((23.7, 20.2), radius), fmt="%.2f")
        areas_px[number % 2] += np.pi * radius**2
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    voxel_ml = SPACING_MM[0] * SPACING_MM[1] * GAP_MM * ML_PER_MM3
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx((areas_px[0] * voxel_ml, areas_px[1] * voxel_ml), rel=0.003)
    assert (subject.masks == 3).sum(axis=(0, 2, 3)) == pytest.approx([areas_px[0], areas_px[1]], rel=0.03)


def test_myocardium_is_between_the_contours_and_only_at_ed(root):
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    expected = heart().masks.copy()
    expected[:, 1][expected[:, 1] == 2] = 0
    assert np.array_equal(subject.masks, expected)


def test_a_slice_without_contours_stays_unlabelled(root):
    for kind, number in (("i", 9), ("o", 9), ("i", 10)):
        contour(root, number, kind).unlink()
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    assert subject.masks.shape[0] == 5 and not subject.masks[4].any() and subject.masks[3].any()


def test_es_before_ed_is_told_by_the_outer_contours(root):
    """Trigger times exchanged: file numbers stay, so the phases swap."""
    for path in (root / "SCD0900101").rglob("*.dcm"):
        edit(path, TriggerTime="300" if int(path.stem[-4:]) % 2 else "0")
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    assert (subject.extra["ed_frame"], subject.extra["es_frame"]) == (1, 0)
    assert np.array_equal(subject.masks == 3, heart().masks == 3)


def test_folders_are_matched_by_the_table_and_never_by_their_order(root):
    table = root / "scd_patientdata.csv"
    assert [scan.facts["original"] for scan in sunnybrook.find(root)] == ["SC-N-9001", "SC-N-9002"]
    table.write_text("patient_id,original_id\nSCD0900101,SC-N-9002\nSCD0900201,SC-N-9001\n")
    assert [scan.facts["original"] for scan in sunnybrook.find(root)] == ["SC-N-9002", "SC-N-9001"]
    table.unlink()
    with pytest.raises(InputError, match="2 DICOM and 2 contour folders, and nothing that says which belong together"):
        sunnybrook.find(root)
    shutil.rmtree(root / "SCD0900201")
    shutil.rmtree(next(root.rglob("SC-N-9002")))
    assert sunnybrook.read(sunnybrook.find(root)[0]).extra["original_id"] == "SC-N-9001"


def test_the_published_names_with_leading_zeros_are_known(root):
    shutil.rmtree(root / "SCD0900201")
    for number, name in (("9001", "SC-HF-I-05"), ("9002", "SC-HYP-12")):
        folder = next(root.rglob(f"SC-N-{number}"))
        folder.rename(root / name)
    shutil.rmtree(root / "SCD_ManualContours")
    (root / "scd_patientdata.csv").write_text("PatientID,OriginalID,Pathology\nSCD0900101,SC-HF-I-5,HF\n")
    orphan, scan = sunnybrook.find(root)
    assert (scan.id, scan.part, orphan.id, orphan.part) == ("SCD0900101", "validation", "SC-HYP-12", "test")
    assert sunnybrook.read(scan).extra["group"] == "HF-I"
    with pytest.raises(InputError, match="SC-HYP-12: no DICOM folder for this patient"):
        sunnybrook.read(orphan)


def test_identity_does_not_survive(root):
    for path in (root / "SCD0900101").rglob("*.dcm"):
        edit(path, PatientName="Doe^Jane", PatientID="MRN-4711", PatientBirthDate="19500101", InstitutionName="General")
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    said = repr((subject.id, subject.source, subject.extra))
    assert not any(word in said for word in ("Doe", "Jane", "4711", "1950", "General"))


def one_phase(root):
    for number in range(2, 11, 2):
        contour(root, number).unlink()


def two_series(root):
    shutil.copytree(root / "SCD0900101" / "CINESAX_1", root / "SCD0900101" / "CINESAX_2")


BAD = [
    (lambda root: contour(root, 3).write_text("10 10\n20.5\n20 20\n"), r"IM-0001-0003-icontour.*: line 2 is '20.5'; expected two numbers"),
    (lambda root: contour(root, 3).write_text("10 10\n20 x\n20 20\n"), r"IM-0001-0003-icontour.*: line 2 is '20 x'; expected two numbers"),
    (lambda root: contour(root, 3).write_text(""), r"IM-0001-0003-icontour-manual.txt: 0 points; expected at least 3"),
    (one_phase, r"SC-N-9001: inner contours at 1 of 2 phases; expected them at ED and at ES"),
    (lambda root: contour(root, 3).rename(contour(root, 3).with_name("IM-0001-0777-icontour-manual.txt")), r"belongs to image 777, which"),
    (lambda root: shutil.rmtree(next(root.rglob("SC-N-9001"))), r"SCD0900101: no contour folder for this patient"),
    (two_series, r"SCD0900101: DICOM files in 2 folders \(CINESAX_1, CINESAX_2\); expected one CINESAX folder"),
    (lambda root: [next((root / "SCD0900101").rglob(f"*{n:04d}.dcm")).unlink() for n in (5, 6)], r"SCD0900101: a slice is missing between"),
]


@pytest.mark.parametrize("damage, message", BAD)
def test_a_bad_patient_gets_one_sentence_and_the_other_is_read(root, damage, message):
    damage(root)
    first, second = sunnybrook.find(root)
    with pytest.raises(InputError, match=message) as caught:
        sunnybrook.read(first)
    assert "\n" not in str(caught.value)
    assert sunnybrook.read(second).images.shape[0] == 5


def test_a_folder_that_is_not_sunnybrook_gets_one_sentence(tmp_path):
    packed, empty, other = tmp_path / "x.zip", tmp_path / "empty", tmp_path / "other"
    empty.mkdir(), other.mkdir(), packed.touch(), (other / "SCD_IMAGES_01.zip").touch()
    for wrong, message in ((packed, "a file, not a folder; unpack it"), (empty, "an empty folder"),
                           (other, r"no DICOM folders SCD.* \(unpack SCD_IMAGES_01.zip first\)")):
        with pytest.raises(InputError, match=message):
            sunnybrook.find(wrong)


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs sunnybrook/; set CARDIOSYNTH_REAL to the folder that holds it")
def test_the_real_patient_has_a_failing_heart_and_a_gap_of_10_mm():
    scan = next(scan for scan in sunnybrook.find(os.environ["CARDIOSYNTH_REAL"]) if scan.facts["original"] == "SC-HF-I-1")
    subject = sunnybrook.read(scan)
    assert subject.slice_gap_mm == pytest.approx(10.0, abs=0.001) and subject.images.shape == (12, 2, 256, 256)
    assert (subject.edv_ml, subject.esv_ml, subject.ef) == pytest.approx((191.3, 141.3, 26.2), abs=0.1)
    assert (subject.masks[:, 0] == 3).any(axis=(1, 2)).nonzero()[0].tolist() == list(range(2, 11))
