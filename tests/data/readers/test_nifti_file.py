"""Files as people have them: other endings, other letter case, other content than the name says, labels after a scaling."""

import gzip
import shutil

import nibabel as nib
import numpy as np
import pytest

from cardiosynth.data.readers import acdc, ukbb
from cardiosynth.data.readers.layout import Scan, files_below, find_root, folders_in
from cardiosynth.study.errors import InputError
from nifti_hearts import edit_bytes, heart, volumes, write

RIGHT = volumes(heart()[1])


def read(folder):
    return acdc.read(Scan(folder.name, folder, "train"))


def renamed(folder, change):
    for path in sorted(folder.glob("*.nii.gz")):
        change(path)
    return folder


@pytest.mark.parametrize("change", [
    lambda path: path.rename(path.with_name(path.name.replace(".nii.gz", ".NII.GZ"))),
    lambda path: (path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes())), path.unlink()),
    lambda path: (path.with_name(path.name.replace(".nii.gz", ".NII")).write_bytes(gzip.decompress(path.read_bytes())), path.unlink()),
    lambda path: path.write_bytes(gzip.decompress(path.read_bytes())),
    lambda path: path.rename(path.with_suffix("")),
])  # fmt: skip
def test_endings_may_be_in_capitals_absent_or_untrue(tmp_path, change):
    subject = read(renamed(write(tmp_path / "patient001"), change))
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(RIGHT) and set(subject.extra) == {"group"}


def test_a_twin_with_the_other_ending_is_said(tmp_path):
    folder = renamed(write(tmp_path / "patient001"), lambda path: path.with_suffix("").write_bytes(b"another"))
    assert "patient001_frame01.nii stands beside patient001_frame01.nii.gz, which was read" in read(folder).extra["doubts"]


@pytest.mark.parametrize("axes", [1, 2])
def test_axes_of_length_one_are_dropped(tmp_path, axes):
    def longer(nifti, _):
        array = np.asarray(nifti.dataobj)
        result = nib.Nifti1Image(array.reshape(*array.shape, *[1] * axes), nifti.affine)
        result.header.set_zooms((*nifti.header.get_zooms(), *[1] * axes))
        return result

    subject = read(write(tmp_path / "patient001", change=longer))
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(RIGHT)


@pytest.mark.parametrize("scale, dtype", [(1 / 3, np.int16), (0.99997, np.float32), (1, np.float64)])
def test_labels_that_went_through_a_scaling_are_those_labels(tmp_path, scale, dtype):
    def scaled(nifti, kind):
        if kind == "image":
            return nifti
        array = np.asarray(nifti.dataobj)
        result = nib.Nifti1Image((array * (3 if dtype == np.int16 else scale)).astype(dtype), nifti.affine)
        result.header.set_zooms(nifti.header.get_zooms())
        if dtype == np.int16:
            result.header.set_slope_inter(np.float32(scale), 0)
        return result

    subject = read(write(tmp_path / "patient001", change=scaled))
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(RIGHT)


def with_bytes(content):
    return lambda path: path.write_bytes(content)


def of_type(kind):
    def change(path):
        nifti = nib.load(path)
        array = np.zeros(nifti.shape, kind)
        nib.save(nib.Nifti1Image(array, nifti.affine), path)

    return change


@pytest.mark.parametrize("damage, message", [
    (with_bytes(b""), r"it is empty\); is the download complete\?"),
    (with_bytes(bytes(5000)), r"it holds nothing but zeros\); is the download complete\?"),
    (with_bytes(b"version https://git-lfs.github.com/spec/v1\n"), r"it is a pointer of Git LFS, so fetch the file itself"),
    (with_bytes(b"<!DOCTYPE html><html>Sign in</html>" + bytes(600)), r"it is a page of text, not an image, so download the file again\)$"),
    (with_bytes(b"PK\x03\x04" + bytes(600)), r"it is a zip archive, so unpack it\)$"),
    (with_bytes(bytes(128) + b"DICM" + bytes(600)), r"it is a DICOM file\); name the folder of DICOM files"),
    (with_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(4000)), r"it is a Mac's twin of a file"),
    (with_bytes(b"junk"), r"4 bytes are fewer than the 348 of a header\); is the download complete\?"),
    (lambda path: path.write_bytes(path.read_bytes()[:-200]), r"is the download complete\?"),
    (of_type([("R", "u1"), ("G", "u1"), ("B", "u1")]), r"frame01.nii.gz: colour pixels; expected one grey value"),
    (of_type(np.complex64), r"frame01.nii.gz: complex64 pixels; expected one grey value"),
])  # fmt: skip
def test_what_is_no_image_is_named_for_what_it_is(tmp_path, damage, message):
    folder = write(tmp_path / "patient001")
    damage(folder / "patient001_frame01.nii.gz")
    with pytest.raises(InputError, match=r"patient001_frame01\.nii\.gz: .*" + message.removeprefix("frame01.nii.gz: ")) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_what_lies_beside_the_heart_may_be_nan_and_is_made_black(tmp_path):
    images, masks = heart()
    images = images.astype(np.float32)
    images[:3], images[40:, 40:] = np.nan, np.inf
    subject = read(write(tmp_path / "patient001", images, masks))
    assert np.isfinite(subject.images).all() and "none of them of the heart, were NaN or infinite: made black" in subject.extra["mended"]
    images[27, 19] = np.nan
    with pytest.raises(InputError, match="hold NaN"):
        read(write(tmp_path / "patient002", images, masks))


def test_a_folder_that_is_called_as_the_file_and_holds_one_is_read(tmp_path):
    folder = write(tmp_path / "patient001")
    for path in list(folder.glob("*.nii.gz")):
        path.rename(folder / "x")
        path.with_suffix("").mkdir()
        (folder / "x").rename(path.with_suffix("") / path.name)
    assert [read(folder).edv_ml, read(folder).esv_ml] == pytest.approx(RIGHT)


def test_more_voxels_than_the_header_tells_of_are_said(tmp_path):
    folder = write(tmp_path / "patient001")
    for path in folder.glob("*.nii.gz"):
        edit_bytes(path, 46, np.array([5], "<i2").tobytes())
    assert "bytes after the voxels that its header tells of, so slices may be missing" in read(folder).extra["doubts"]


@pytest.mark.parametrize("text", ["ED: 1\nES: 2\n", "ed = 1\nEs=2", " ED : 1 \r\nES: 2\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_info_in_other_hands(tmp_path, text, encoding):
    folder = write(tmp_path / "patient001")
    (folder / "Info.cfg").write_bytes(text.encode(encoding))
    assert [read(folder).edv_ml, read(folder).esv_ml] == pytest.approx(RIGHT)


@pytest.mark.parametrize("text", ["ED: 0\nES: 2\n", "ED: ²\nES: 2\n", "ED: -1\nES: 2\n"])
def test_a_frame_number_is_counted_from_1(tmp_path, text):
    folder = write(tmp_path / "patient001")
    (folder / "Info.cfg").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="Info.cfg: ED is .* counted from 1"):
        read(folder)


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path):
    folder = write(tmp_path / "patient001")
    (folder / "Info.cfg").write_text("\ufeffED: 1\nES: 2\n", encoding="utf-8")
    assert [read(folder).edv_ml, read(folder).esv_ml] == pytest.approx(RIGHT)


def test_what_a_mac_and_a_spreadsheet_leave_behind_is_passed_over_and_links_are_followed(tmp_path):
    real = write(tmp_path / "elsewhere" / "patient001")
    root = tmp_path / "data" / "ACDC"
    for name in ("training", "training/.hidden", "__MACOSX"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "training" / "patient001").symlink_to(real)
    (root / "training" / "._patient001").write_bytes(b"\x00\x05\x16\x07")
    shutil.copytree(real, root / "__MACOSX" / "training" / "patient001")
    (root / "~$table.csv").write_bytes(b"lock")
    (root / "again").symlink_to(root)
    assert [scan.id for scan in acdc.find(tmp_path / "data")] == ["patient001"]
    assert find_root(tmp_path / "data", "acdc") == root
    assert [folder.name for folder in folders_in(root)] == ["again", "training"]
    assert {path.name for path in files_below(root)} == {"Info.cfg", *(f"patient001_frame0{n}{end}.nii.gz" for n in (1, 2) for end in ("", "_gt"))}
    assert len(files_below(root)) == 5, "each folder once"


def unforeseen(paths, *_):
    raise KeyError(str(paths[0]))


def test_a_participants_number_is_in_no_message_of_an_error_that_nobody_foresaw(tmp_path, monkeypatch):
    monkeypatch.setenv("CARDIOSYNTH_SALT", "0123456789abcdef0123456789abcdef")
    (tmp_path / "1234567").mkdir()
    (tmp_path / "1234567" / "sa_ED.NII").write_bytes(b"x")
    (scan,) = ukbb.find(tmp_path)
    monkeypatch.setattr(ukbb.nifti, "pair", unforeseen)
    with pytest.raises(RuntimeError) as caught:
        ukbb.read(scan)
    assert "KeyError" in str(caught.value) and "1234567" not in str(caught.value) and caught.value.__suppress_context__
