import shutil

import numpy as np
import pydicom
import pytest

from cardiosynth.data.readers.dicom import read_placed, read_series
from cardiosynth.data.readers.dicom_files import dicom_files
from cardiosynth.study.errors import InputError
from dicom_files import bare, edit, other_object, write_series

CLASS = "1.2.840.10008.5.1.4.1.1."
COLOUR = {
    "Rows": 8,
    "Columns": 8,
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "PlanarConfiguration": 0,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "PixelData": bytes(192),
}


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "scan")


def read(folder):
    return read_series(dicom_files(folder), "cone")


def test_names_and_preambles_do_not_matter(files, tmp_path):
    once = read(tmp_path)
    for number, path in enumerate(files):
        if number % 3 == 1:
            bare(path)
        path.rename(path.with_name((f"I{number:05d}", f"IM{number}.DCM", f"1.3.12.2.1107.{number}")[number % 3]))
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ()


def test_what_is_no_dicom_is_passed_over(files, tmp_path):
    folder = files[0].parent
    for path in files:
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07" + bytes(4000))
        (folder / "__MACOSX").mkdir(exist_ok=True)
        (folder / "__MACOSX" / path.name).write_bytes(bytes(100))
    for name, content in (
        ("DICOMDIR", files[0].read_bytes()),
        ("report.txt", b"\x08\x00 is no tag"),
        ("photo.jpg", b"\xff\xd8\xff\xe0"),
        ("empty", b""),
        ("noise", b"\x08\x00" + bytes(range(200))),
        (".hidden.dcm", b"x"),
    ):
        (folder / name).write_bytes(content)
    assert dicom_files(folder) == files


def test_links_to_folders_are_followed_once(files, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "scan").symlink_to(files[0].parent)
    (files[0].parent / "round").symlink_to(tmp_path)
    assert len(dicom_files(tmp_path / "linked")) == len(files)


BESIDE = [
    (f"{CLASS}11.1", {}, "1 presentation state left out"),
    (f"{CLASS}88.11", {}, "1 structured report left out"),
    (f"{CLASS}7", COLOUR, "1 colour secondary capture left out"),
    (f"{CLASS}4", COLOUR, "1 colour image left out"),
    (f"{CLASS}7", COLOUR | {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}, "1 secondary capture left out"),
    (f"{CLASS}104.1", {}, "1 encapsulated document left out"),
    (f"{CLASS}2", {"Rows": 512, "Columns": 512}, "1 CT Image left out"),
    (f"{CLASS}4.2", {}, "1 MR Spectroscopy left out"),
    ("1.3.12.2.1107.5.9.1", {}, "1 private object without pixels left out"),
    ("1.2.840.10008.1.3.10", {}, "1 DICOMDIR left out"),
]


@pytest.mark.parametrize("sop_class, tags, phrase", BESIDE)
def test_what_is_no_image_of_the_cine_is_set_aside_and_said(files, tmp_path, sop_class, tags, phrase):
    once = read(tmp_path)
    other_object(tmp_path / "scan" / "ZZ.dcm", sop_class, **tags)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == (phrase,)


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    other_object(tmp_path / "a.dcm", f"{CLASS}11.1")
    other_object(tmp_path / "b.dcm", f"{CLASS}2")
    other_object(tmp_path / "c.dcm", f"{CLASS}2")
    with pytest.raises(InputError, match=r"cone: holds no MR images, only 2 CT Images, 1 presentation state; expected the files"):
        read(tmp_path)


def test_secondary_captures_that_know_their_place_are_read_where_there_is_nothing_else(files, tmp_path):
    """Some programs write every image as one."""
    once = read(tmp_path)
    for path in files:
        edit(path, SOPClassUID=f"{CLASS}7")
    assert np.array_equal(read(tmp_path).frames, once.frames)
    for path in files:
        edit(path, ImagePositionPatient=None)
    with pytest.raises(InputError, match=r"holds no MR images, only 10 secondary captures"):
        read(tmp_path)


def test_copies_are_left_out_whatever_their_names(files, tmp_path):
    once, _ = read_placed(files, "cone")
    shutil.copytree(files[0].parent, tmp_path / "copy")
    shutil.copy(files[3], tmp_path / "scan" / "again")
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ("11 copies of files left out",)


@pytest.mark.parametrize("uid", ["1.2.3", ""])
def test_images_that_share_a_uid_are_no_copies(files, tmp_path, uid):
    once = read(tmp_path)
    for path in files:
        edit(path, SOPInstanceUID=uid)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ()


def test_a_copy_with_other_pixels_is_no_copy(files, tmp_path):
    shutil.copy(files[3], tmp_path / "scan" / "again.dcm")
    edit(tmp_path / "scan" / "again.dcm", RescaleIntercept="1000")
    with pytest.raises(InputError, match="another number of frames"):
        read(tmp_path)


def test_a_damaged_file_called_dcm_is_named_and_not_passed_over(files, tmp_path):
    files[3].write_bytes(files[3].read_bytes()[200:])
    with pytest.raises(InputError, match=r"IM-0001-0004.dcm: cannot be read as DICOM"):
        read(tmp_path)
    files[3].write_bytes(b"")
    with pytest.raises(InputError, match=r"IM-0001-0004.dcm: an empty file; is the download complete\?"):
        read(tmp_path)


ODD = [("TriggerTime", "inf"), ("TriggerTime", ""), ("InstanceNumber", ""), ("SeriesNumber", "12"), ("SliceLocation", ""), ("PatientName", "")]


@pytest.mark.parametrize("key, value", ODD)
def test_odd_values_of_lesser_tags_harm_nothing(files, tmp_path, key, value):
    once = read(tmp_path)
    for path in files:
        path.write_bytes(_with(path, key, value))
    assert np.array_equal(read(tmp_path).frames, once.frames)


REFUSED = [
    ("PixelSpacing", "1,5\\1,5"),
    ("PixelSpacing", "None"),
    ("PixelSpacing", "1.5"),
    ("PixelSpacing", "nan\\1"),
    ("PixelSpacing", ""),
    ("ImagePositionPatient", "0\\0"),
    ("ImagePositionPatient", "1e30\\0\\0"),
    ("ImageOrientationPatient", "2\\0\\0\\0\\2\\0"),
    ("RescaleSlope", "None"),
    ("NumberOfFrames", "-3"),
]


@pytest.mark.parametrize("key, value", REFUSED)
def test_odd_values_of_tags_that_matter_are_refused_by_name(files, tmp_path, key, value):
    files[3].write_bytes(_with(files[3], key, value))
    name = key if key != "NumberOfFrames" else "holds -3 images"
    with pytest.raises(InputError, match=rf"IM-0001-0004.dcm: .*{name}") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value) and "download" not in str(caught.value)


def _with(path, key, value):
    """The bytes of a file with a value that pydicom would not write."""
    image = pydicom.dcmread(path)
    tag, vr = pydicom.datadict.tag_for_keyword(key), pydicom.datadict.dictionary_VR(pydicom.datadict.tag_for_keyword(key))
    image[tag] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(tag), vr, len(value) + len(value) % 2, value.encode() + b" " * (len(value) % 2), 0, False, True
    )
    out = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(out, image)
    return out.getvalue()
