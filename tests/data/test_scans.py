"""Scans as a user names them, through real files."""

import gzip
import shutil

import nibabel as nib
import numpy as np
import pytest

from cardiosynth.data.readers.layout import APEX_DIRECTION
from cardiosynth.data.readers.nifti import TURNED
from cardiosynth.data.scans import read_scan, scan_names
from cardiosynth.data.writers import to_acdc, to_nifti
from cardiosynth.study.errors import InputError
from dicom_files import edit
from model_files import GAP_MM, SPACING_MM
from scan_files import HEART, cine_file, dicom_folder, pair_files


def test_two_files_joined_by_a_comma(tmp_path):
    pair, notes = read_scan(pair_files(tmp_path))
    assert np.allclose(pair.images, HEART.images) and pair.masks is None
    assert (pair.spacing_mm, pair.slice_gap_mm) == (SPACING_MM, GAP_MM)
    assert notes == {"mended": [], "doubts": []}


def test_an_apex_first_stack_is_turned(tmp_path):
    pair, notes = read_scan(pair_files(tmp_path, HEART.images[::-1]))
    assert np.allclose(pair.images, HEART.images) and notes["mended"] == [TURNED]


def test_exchanged_files_raise_a_doubt(tmp_path):
    _, notes = read_scan(pair_files(tmp_path, HEART.images[:, ::-1]))
    assert notes["doubts"] == ["the image given as ED looks emptier than the one given as ES"]


@pytest.mark.parametrize("towards, turned", [(1, False), (-1, True)])
def test_an_oblique_affine_decides_which_end_is_the_base(tmp_path, towards, turned):
    """Against the images, which are those of a stack from base to apex."""
    step = towards * np.array(APEX_DIRECTION) / np.linalg.norm(APEX_DIRECTION) * (-1, -1, 1)  # in NIfTI's axes
    across = np.cross(step, (0, 0, 1)) / np.linalg.norm(np.cross(step, (0, 0, 1)))
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([across * SPACING_MM[1], np.cross(step, across) * SPACING_MM[0], step * GAP_MM])
    for phase, name in enumerate(("ed", "es")):
        nib.Nifti1Image(HEART.images[:, phase].transpose(2, 1, 0), affine).to_filename(tmp_path / f"{name}.nii.gz")
    _, notes = read_scan(f"{tmp_path}/ed.nii.gz,{tmp_path}/es.nii.gz")
    assert notes["mended"] == [TURNED] * turned


@pytest.mark.parametrize("first", [0, 4])
def test_a_cine_has_its_key_frames_found(tmp_path, first):
    pair, notes = read_scan(cine_file(tmp_path / "cine.nii.gz", first))
    assert min(abs(notes["ed_frame"] - first), 12 - abs(notes["ed_frame"] - first)) <= 1 and abs(notes["es_frame"] - first - 5) <= 1
    assert pair.images.shape == HEART.images.shape and np.abs(pair.images - HEART.images).mean() < 20


def test_a_patients_folder_of_acdc_needs_no_masks(tmp_path):
    to_acdc.write(tmp_path / "acdc", [HEART])
    folder = tmp_path / "acdc" / "testing" / "patient001"
    for mask in folder.glob("*_gt.nii.gz"):
        mask.unlink()
    pair, _ = read_scan(str(folder))
    assert np.allclose(pair.images, HEART.images)


@pytest.mark.parametrize("ending", [".dcm", ".DCM", ""])
def test_a_folder_of_dicom_files_whatever_they_are_called(tmp_path, ending):
    folder = dicom_folder(tmp_path / "scan", ending)
    (tmp_path / "scan" / "notes.txt").write_text("not an image")
    pair, notes = read_scan(folder)
    assert np.abs(pair.images - HEART.images).max() < 0.1 and (notes["ed_frame"], notes["es_frame"]) == (0, 1)
    assert pair.slice_gap_mm == pytest.approx(GAP_MM, abs=1e-3)


def empty(folder):
    folder.mkdir()
    return str(folder)


def text(path):
    path.write_text("not an image")
    return str(path)


def cut_short(folder):
    scan = pair_files(folder)
    path = folder / "es.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    return scan


def other_grid(folder):
    scan = pair_files(folder)
    to_nifti.save(folder / "es.nii.gz", HEART.images[1:, 1], (*SPACING_MM, GAP_MM))
    return scan


def dicom_lacking(folder, **tags):
    dicom_folder(folder)
    edit(sorted(folder.glob("*"))[5], **tags)
    return str(folder)


def lacking_a_file(folder):
    dicom_folder(folder)
    sorted(folder.glob("*"))[5].unlink()
    return str(folder)


def no_spacing(folder):
    scan = pair_files(folder)
    for name in ("ed.nii.gz", "es.nii.gz"):
        content = bytearray(gzip.decompress((folder / name).read_bytes()))
        content[88:92] = bytes(4)  # pixdim[3] of the header
        content[252:256] = bytes(4)  # and no affine to ask instead
        (folder / name).write_bytes(gzip.compress(bytes(content)))
    return scan


def test_a_distance_that_pixdim_lacks_is_taken_from_the_affine(tmp_path):
    scan = pair_files(tmp_path)
    for name in ("ed.nii.gz", "es.nii.gz"):
        content = bytearray(gzip.decompress((tmp_path / name).read_bytes()))
        content[88:92] = bytes(4)
        (tmp_path / name).write_bytes(gzip.compress(bytes(content)))
    pair, notes = read_scan(scan)
    assert pair.slice_gap_mm == pytest.approx(GAP_MM) and notes["mended"] == ["pixdim is 1.25, 1.5, 0: the affine's 1.25 x 1.5 x 8 mm taken"]


def frozen(folder):
    return pair_files(folder, HEART.images[:, [0, 0]])


def without(folder, name):
    to_acdc.write(folder, [HEART])
    path = folder / "testing" / "patient001"
    (path / name).unlink()
    return str(path)


def misnamed(folder):
    folder.mkdir()
    shutil.copy(pair_files(folder).split(",")[0], folder / "only.nii.gz")
    return str(folder)


BAD = {
    "absent": (lambda at: str(at / "nowhere"), "nowhere: no such file or folder"),
    "not an image": (lambda at: text(at / "a.txt"), "a.txt: neither NIfTI nor a folder; expected a NIfTI cine"),
    "not NIfTI inside": (lambda at: text(at / "a.nii"), "a.nii: cannot be read as NIfTI"),
    "three files": (lambda at: "a.nii,b.nii,c.nii", "a.nii,b.nii,c.nii: 3 files joined by commas; expected two"),
    "one of two absent": (lambda at: pair_files(at).replace("es.nii", "ex.nii"), "ex.nii.gz: missing"),
    "cut short": (cut_short, "es.nii.gz: cannot be read as NIfTI"),
    "another grid": (other_grid, "es.nii.gz: shape (72, 60, 7)"),
    "one phase": (lambda at: pair_files(at).split(",")[0], "ed.nii.gz: has 3 dimensions (72 x 60 x 8); expected 4, a cine"),
    "two slices": (lambda at: cine_file(at / "c.nii.gz", slices=slice(2)), "c.nii.gz: 2 slices; expected a short-axis stack of at least 3"),
    "no spacing": (no_spacing, "ed.nii.gz: pixdim gives a spacing of"),
    "not finite": (lambda at: pair_files(at, HEART.images * np.nan), "hold NaN"),
    "no beat": (frozen, "es.nii.gz: nothing moves in the frames"),
    "empty folder": (lambda at: empty(at / "e"), "e: no DICOM files in this folder"),
    "folder of NIfTI": (lambda at: misnamed(at / "n"), "no DICOM files in this folder; NIfTI files are given by name"),
    "no frame": (lambda at: without(at / "a", "patient001_frame02.nii.gz"), "patient001_frame02.nii.gz: missing"),
    "no position": (lambda at: dicom_lacking(at / "d", ImagePositionPatient=None), "IM005.dcm: ImagePositionPatient is absent"),
    "a file lost": (lambda at: lacking_a_file(at / "d"), "1 slice of 8 with another number of frames"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence_that_names_the_file(tmp_path, kind):
    make, message = BAD[kind]
    with pytest.raises(InputError) as caught:
        pair, _ = read_scan(make(tmp_path))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_names_tell_scans_apart():
    scans = ["/data/a/ed.nii.gz,/data/a/es.nii.gz", "/data/b/ed.nii.gz,/data/b/es.nii.gz", "/data/c/cine.nii", "/data/patient001/"]
    assert scan_names(scans) == ["a-ed", "b-ed", "cine", "patient001"]
    with pytest.raises(InputError, match="a second scan that would be called c-cine"):
        scan_names(["/data/c/cine.nii", "/data/c/cine.nii"])
