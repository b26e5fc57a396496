import os
import shutil

import numpy as np
import pydicom
import pytest

from cardiosynth.data import phantom
from cardiosynth.data.readers import sunnybrook, sunnybrook_contours
from cardiosynth.data.subject import Cine
from cardiosynth.data.volumes import ML_PER_MM3
from cardiosynth.data.writers.to_sunnybrook import write
from cardiosynth.study.errors import InputError
from dicom_files import GAP_MM, SPACING_MM, circle, edit, heart

pytestmark = pytest.mark.slow


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


LONG_AXIS = ["0", "1", "0", "0", "0", "-1"]


def images(root):
    return sorted((root / "SCD0900101").rglob("*.dcm"))


def test_upper_case_hidden_twins_and_links(root, tmp_path):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for path in [*root.rglob("*.dcm"), *root.rglob("*.txt")]:
        twin = root / "__MACOSX" / path.relative_to(root).with_name(f"._{path.name}")
        twin.parent.mkdir(parents=True, exist_ok=True)
        for double in (twin, path.with_name(twin.name)):
            double.write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    for number, path in enumerate(images(root)):
        if not path.name.startswith("."):
            path.rename(path.with_suffix((".DCM", "")[number % 2]))
    (root / "SCD0900101").rename(tmp_path / "elsewhere")
    (root / "SCD0900101").symlink_to(tmp_path / "elsewhere")
    scans = sunnybrook.find(root)
    after = sunnybrook.read(scans[0])
    assert len(scans) == 2 and np.array_equal(after.images, before.images) and after.extra == before.extra


@pytest.mark.parametrize("first", [1, 11])
@pytest.mark.parametrize("slices", [1, 3])
def test_beside_another_series_the_one_that_the_contours_fit_is_read(root, first, slices):
    """Six long-axis images, or six that are no stack, in the folder of the short axis, as the challenge shipped it."""
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for number in range(6):
        path = images(root)[0].with_name(f"IM-0003-{first + number:04d}.dcm")
        shutil.copy(images(root)[number % 2], path)
        edit(
            path,
            ImageOrientationPatient=LONG_AXIS,
            SeriesNumber=3,
            SeriesInstanceUID="1.2.3",
            SOPInstanceUID=f"1.2.3.{number}",
            TriggerTime=str(number),
            ImagePositionPatient=[str(number % slices * 20), "0", "0"],
        )
    after = sunnybrook.read(sunnybrook.find(root)[0])
    assert np.array_equal(after.images, before.images) and (after.edv_ml, after.esv_ml) == (before.edv_ml, before.esv_ml)
    assert after.extra["mended"] == "series CINESAX_1/IM-0003-* with 6 files left out"


def test_a_larger_series_that_has_all_numbers_but_is_no_stack_is_not_chosen(root):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for number in range(20):
        path = images(root)[0].with_name(f"IM-0003-{number + 1:04d}.dcm")
        shutil.copy(images(root)[0], path)
        edit(
            path,
            ImageOrientationPatient=LONG_AXIS,
            SeriesNumber=3,
            SeriesInstanceUID="1.2.3",
            SOPInstanceUID=f"1.2.3.{number}",
            TriggerTime=str(number),
        )
    assert np.array_equal(sunnybrook.read(sunnybrook.find(root)[0]).images, before.images)


def test_series_whose_numbers_go_on_from_each_other_are_one_stack(root):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for path in images(root)[6:]:
        path.rename(path.with_name(path.name.replace("IM-0001", "IM-0002")))
    after = sunnybrook.read(sunnybrook.find(root)[0])
    assert np.array_equal(after.images, before.images) and after.edv_ml == before.edv_ml


def test_contours_move_with_their_images(root):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for path in images(root)[4:6]:
        image = pydicom.dcmread(path)
        axes = np.array(image.ImageOrientationPatient, float)
        pixels = np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)
        origin = np.array(image.ImagePositionPatient, float) + 3 * SPACING_MM[0] * axes[3:] - 2 * SPACING_MM[1] * axes[:3]
        image.ImagePositionPatient, image.PixelData = [f"{value:.6f}" for value in origin], np.roll(pixels, (-3, 2), (0, 1)).tobytes()
        image.save_as(path)
        for kind in "io":
            if file := contour_or_none(root, int(path.stem[-4:]), kind):
                np.savetxt(file, np.loadtxt(file) + (2, -3), fmt="%.2f")
    after = sunnybrook.read(sunnybrook.find(root)[0])
    assert np.array_equal(after.masks, before.masks) and (after.edv_ml, after.esv_ml) == pytest.approx((before.edv_ml, before.esv_ml))
    assert np.array_equal(after.images[:, :, 4:-4, 4:-4], before.images[:, :, 4:-4, 4:-4])
    assert after.extra["mended"].startswith("1 slice moved by up to 5.1 mm in the plane")


def contour_or_none(root, number, kind):
    return next(root.rglob(f"SC-N-9001/*/*/IM-0001-{number:04d}-{kind}contour-manual.txt"), None)


@pytest.mark.parametrize(
    "numbers, doubt", [((5,), "no i contour at ED in slice 3 of 5 from the base"), ((4, 6), "at ES in slice 2, 3 of 5"), ((5, 6), "ED in slice 3")]
)
def test_a_slice_without_cavity_between_others_is_doubted_and_stays(root, numbers, doubt):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    for number in numbers:
        contour(root, number).unlink()
    subject = sunnybrook.read(sunnybrook.find(root)[0])
    assert doubt in subject.extra["doubts"] and len(subject.masks) == 5
    for number in numbers:
        row, phase = divmod(number - 1, 2)
        assert not (subject.masks[row, phase] == 3).any() and np.array_equal(subject.masks[4], before.masks[4])


def test_a_cavity_that_crosses_the_epicardium_is_doubted(root):
    np.savetxt(contour(root, 3), np.loadtxt(contour(root, 3)) + (7, 0), fmt="%.2f")
    assert "in slice 2 of 5 from the base, phase 1" in sunnybrook.read(sunnybrook.find(root)[0]).extra["doubts"]


def exchanged(root):
    inner, outer = contour(root, 3), contour(root, 3, "o")
    inner.rename(inner.with_name("x")), outer.rename(inner), inner.with_name("x").rename(outer)


def outside(root):
    np.savetxt(contour(root, 3), np.loadtxt(contour(root, 3)) * 0.3, fmt="%.2f")


def beyond_the_image(root):
    np.savetxt(contour(root, 3), np.loadtxt(contour(root, 3)) * 3, fmt="%.2f")


def drawn_twice(root):
    other = contour(root, 3).parent.parent / "another" / contour(root, 3).name
    other.parent.mkdir()
    np.savetxt(other, np.loadtxt(contour(root, 3)) + 1, fmt="%.2f")


def there_twice(root):
    shutil.copytree(next(root.rglob("SC-N-9001")), root / "more" / "SC-N-9001")
    np.savetxt(next((root / "more").rglob("*0003-icontour*")), circle((20, 20), 5), fmt="%.2f")


def test_the_same_contours_twice_are_fine(root):
    before = sunnybrook.read(sunnybrook.find(root)[0])
    shutil.copytree(next(root.rglob("SC-N-9001")), root / "more" / "SC-N-09001")
    assert sunnybrook.read(sunnybrook.find(root)[0]).edv_ml == before.edv_ml


def test_tables_that_disagree_or_name_a_heart_twice_are_refused(root):
    (root / "more.csv").write_text("\ufeffPatientID;OriginalID\r\nSCD0900101;SC-N-9002\r\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"SCD0900101 is SC-N-900\d, and SC-N-900\d in another table"):
        sunnybrook.find(root)
    (root / "scd_patientdata.csv").unlink()
    (root / "more.csv").write_text("PatientID;OriginalID\nSCD0900101;SC-N-9002\nSCD0900201;SC-N-9002\n")
    with pytest.raises(InputError, match=r"SCD0900101 and SCD0900201 are both called SC-N-9002"):
        sunnybrook.find(root)


def one_phase(root):
    for number in range(2, 11, 2):
        contour(root, number).unlink()


def two_series(root):
    shutil.copytree(root / "SCD0900101" / "CINESAX_1", root / "SCD0900101" / "CINESAX_2")


BAD = [
    (lambda root: contour(root, 3).write_text("10 10\n20.5\n20 20\n"), r"IM-0001-0003-icontour.*: line 2 is '20.5'; expected two numbers"),
    (lambda root: contour(root, 3).write_text("10 10\n20 x\n20 20\n"), r"IM-0001-0003-icontour.*: line 2 is '20 x'; expected two numbers"),
    (lambda root: contour(root, 3).write_text(""), r"IM-0001-0003-icontour-manual.txt: 0 points; expected at least 3"),
    (exchanged, r"SC-N-9001: in slice 2 of 5 from the base, phase 1 the i contour encloses the o contour; are the two kinds exchanged"),
    (outside, r"SC-N-9001: in slice 2 of 5 from the base, phase 1 \d+ % of the i contour lie outside the o contour"),
    (beyond_the_image, r"IM-0001-0003-icontour-manual.txt: reaches from .* which is outside the image of 40 rows and 48 columns"),
    (drawn_twice, r"icontour-manual.txt: another contour of image 3 than .*; keep one of them"),
    (there_twice, r"SC-N-9001: .* is another contour folder of this patient, with other files; keep one of them"),
    (lambda root: contour(root, 3).write_text("10 10\n10 10\n10 10\n"), r"IM-0001-0003-icontour-manual.txt: encloses no area"),
    (lambda root: [path.rename(path.with_name("x.dcm")) for path in images(root)[:1]], r"IM-0001-0001-[io]contour.*: belongs to image 1, which"),
    (one_phase, r"SC-N-9001: inner contours at 1 of 2 phases; expected them at ED and at ES"),
    (lambda root: contour(root, 3).rename(contour(root, 3).with_name("IM-0001-0777-icontour-manual.txt")), r"belongs to image 777, which"),
    (lambda root: shutil.rmtree(next(root.rglob("SC-N-9001"))), r"SCD0900101: no contour folder for this patient"),
    (two_series, r"SCD0900101: the contours fit 2 series \(CINESAX_1/IM-0001-\* with 10 files, CINESAX_2/IM-0001-\* .*keep one of them"),
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
    for wrong, message in (
        (packed, "a file, not a folder; unpack it"),
        (empty, "an empty folder"),
        (other, r"no DICOM folders SCD.* \(unpack SCD_IMAGES_01.zip first\)"),
    ):
        with pytest.raises(InputError, match=message):
            sunnybrook.find(wrong)


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs sunnybrook/; set CARDIOSYNTH_REAL to the folder that holds it")
def test_the_real_patient_has_a_failing_heart_and_a_gap_of_10_mm():
    scan = next(scan for scan in sunnybrook.find(os.environ["CARDIOSYNTH_REAL"]) if scan.facts["original"] == "SC-HF-I-1")
    subject = sunnybrook.read(scan)
    assert subject.slice_gap_mm == pytest.approx(10.0, abs=0.001) and subject.images.shape == (12, 2, 256, 256)
    assert (subject.edv_ml, subject.esv_ml, subject.ef) == pytest.approx((191.3, 141.3, 26.2), abs=0.1)
    assert (subject.masks[:, 0] == 3).any(axis=(1, 2)).nonzero()[0].tolist() == list(range(2, 11))


def test_contours_that_do_not_lie_on_the_heart_are_doubted(root):
    assert not sunnybrook.read(sunnybrook.find(root)[0]).extra["doubts"]
    for path in (root / "SCD_ManualContours").rglob("SC-N-9001/*/*/IM-*contour-manual.txt"):
        np.savetxt(path, sunnybrook_contours.points(path) + (8, 0), fmt="%.2f")
    assert "the masks of ED fit the images better" in sunnybrook.read(sunnybrook.find(root)[0]).extra["doubts"]


@pytest.mark.parametrize("ed, es, said", [(0, 4, False), (9, 5, False), (3, 7, True), (4, 0, True)])
def test_contours_at_other_phases_than_the_images_tell_are_doubted(ed, es, said):
    share = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, 10, endpoint=False) * [1.0])[:, None, None]
    y, x = np.mgrid[:64, :64] * 1.5 - 48
    frames = np.where(np.hypot(y, x) < 25 - 9 * share, 300.0, 60.0) + np.zeros((6, 1, 1, 1)) + 5 * np.sin(y)
    cine = Cine("one", frames, (1.5, 1.5), 8.0, np.arange(6) * 8.0)
    assert bool(sunnybrook._other_frames(cine, ed, es)) == said
