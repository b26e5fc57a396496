"""Distances, units and axes of NIfTI files: read from the place that is right, or said with both values."""

import nibabel as nib
import numpy as np
import pytest

from cardiosynth.data.readers import acdc
from cardiosynth.data.readers.layout import APEX_DIRECTION, Scan
from cardiosynth.study.errors import InputError
from nifti_hearts import SIZES_MM, edit_bytes, heart, oblique, volumes, write

IMAGES, MASKS = heart()
RIGHT = volumes(MASKS)


def read(folder):
    return acdc.read(Scan(folder.name, folder, "train"))


def assert_right(subject, edv_esv=RIGHT):
    """The volumes, and the masks on the images: blood is bright under the LV and the RV lies where it is bright too."""
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(edv_esv, abs=1e-6)
    assert subject.images[subject.masks == 3].mean() > 250 and subject.images[subject.masks == 1].mean() > 210


def turned(nifti, axes):
    affine, array = nifti.affine.copy(), np.asarray(nifti.dataobj)
    for axis in axes:
        flip = np.eye(4)
        flip[axis, axis], flip[axis, 3] = -1, array.shape[axis] - 1
        array, affine = np.flip(array, axis), affine @ flip
    return nib.Nifti1Image(array, affine)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("kind", ["mask", "image"])
def test_files_whose_axes_run_otherwise_are_turned_onto_each_other(tmp_path, axes, kind):
    folder = write(tmp_path / "patient001", affine=oblique(), change=lambda nifti, this: turned(nifti, axes) if this == kind else nifti)
    subject = read(folder)
    assert_right(subject)
    assert "the mask turned onto the image by the affines" in subject.extra["mended"] and "doubts" not in subject.extra


def test_axes_halfway_between_those_of_the_patient_are_told_apart(tmp_path):
    """At 45 degrees each axis by itself has no nearest one of the patient's; against each other they have."""
    affine = np.eye(4)
    normal = np.array([0.6, -0.6, -0.5]) / np.linalg.norm([0.6, -0.6, -0.5])
    row = np.cross(normal, (0, 0, 1.0)) / np.linalg.norm(np.cross(normal, (0, 0, 1.0)))
    affine[:3, :3] = np.column_stack([row, np.cross(normal, row), normal]) * [[-1], [-1], [1]] * SIZES_MM

    def exchanged(nifti, kind):
        array = np.asarray(nifti.dataobj)
        return nifti if kind == "image" else nib.Nifti1Image(array.transpose(1, 0, 2), nifti.affine[:, [1, 0, 2, 3]])

    subject = read(write(tmp_path / "patient001", affine=affine, change=exchanged))
    assert_right(subject)
    assert subject.extra["mended"] == "the mask turned onto the image by the affines" and "doubts" not in subject.extra


def test_an_es_image_that_runs_otherwise_is_turned_onto_the_ed_image(tmp_path):
    folder = write(tmp_path / "patient001", affine=oblique())
    path = folder / "patient001_frame02.nii.gz"
    nib.save(turned(nib.load(path), (0, 2)), path)
    subject = read(folder)
    assert_right(subject)
    assert subject.extra["mended"] == "the ES image turned onto the image by the affines"


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 0, 1), (1, 2, 0)])
def test_slices_along_another_axis_are_put_in_order(tmp_path, axes):
    def reordered(nifti, _):
        orientation = np.array([[to, 1] for to in np.argsort(axes)])
        return nifti.as_reoriented(orientation)

    folder = write(tmp_path / "patient001", affine=oblique(), change=reordered)
    assert nib.load(folder / "patient001_frame01.nii.gz").shape != IMAGES.shape[:3]
    subject = read(folder)
    assert_right(subject)
    assert subject.images.shape[:2] == (6, 2) and subject.slice_gap_mm == 10 and subject.spacing_mm == (1.5, 1.5)
    assert "axes put in order" in subject.extra["mended"]


def test_a_canonical_stack_is_not_mirrored(tmp_path):
    """As a scanner gives it, the rows' direction times the columns' points from the apex to the base."""
    affine = oblique()
    axes = affine[:3, :3] / SIZES_MM * [[-1], [-1], [1]]
    if np.cross(axes[:, 0], axes[:, 1]) @ APEX_DIRECTION > 0:
        affine[:3, 0] *= -1
    plain = read(write(tmp_path / "patient001", affine=affine))
    canonical = read(write(tmp_path / "patient002", affine=affine, change=lambda nifti, _: nib.as_closest_canonical(nifti)))
    first, other = plain.masks[0, 0], canonical.masks[0, 0]
    assert any(np.array_equal(np.rot90(first, turns), other) for turns in range(4))


@pytest.mark.parametrize("unit, factor", [("micron", 1e3), ("meter", 1e-3)])
def test_other_units_are_turned_into_mm_and_said(tmp_path, unit, factor):
    def change(nifti, _):
        result = nib.Nifti1Image(np.asarray(nifti.dataobj), oblique() * np.array([[factor]] * 3 + [[1]]))
        result.header.set_xyzt_units(unit)
        return result

    subject = read(write(tmp_path / "patient001", change=change))
    assert_right(subject)
    assert subject.spacing_mm == pytest.approx((1.5, 1.5)) and "turned into mm" in subject.extra["mended"]


def test_a_unit_that_cannot_be_is_not_believed_and_said(tmp_path):
    def change(nifti, _):
        nifti.header.set_xyzt_units("meter")
        return nifti

    subject = read(write(tmp_path / "patient001", change=change))
    assert_right(subject)
    assert subject.extra["doubts"] == "xyzt_units says metre, but pixdim 1.5 x 1.5 x 10 can only be mm, and was taken so"


def pixdim(values, **codes):
    """Written into the header beside an affine that stays as it is."""

    def change(nifti, _):
        nifti.set_sform(nifti.affine, 1)
        nifti.header["pixdim"][1:4], nifti.header["qform_code"] = values, 0
        return nifti

    return change


def test_distances_with_a_sign_are_taken_without(tmp_path):
    subject = read(write(tmp_path / "patient001", change=pixdim((-1.5, 1.5, 10.0))))
    assert_right(subject)
    assert subject.extra["mended"] == "pixdim is -1.5, 1.5, 10: taken without sign"


def test_a_gap_that_pixdim_and_a_scanners_affine_tell_differently_is_the_affines_and_both_are_said(tmp_path):
    subject = read(write(tmp_path / "patient001", affine=oblique(), change=pixdim((1.5, 1.5, 8.0))))
    assert_right(subject)
    assert subject.extra["doubts"] == "pixdim says 1.5 x 1.5 x 8 mm and the affine 1.5 x 1.5 x 10 mm: those of the affine taken"


@pytest.mark.parametrize("affine", [np.diag([-1.5, -1.5, 10, 1]), oblique((1.2, 1.2, 10))])
def test_other_disagreements_are_pixdims_and_said(tmp_path, affine):
    subject = read(write(tmp_path / "patient001", affine=affine, change=pixdim((1.5, 1.5, 8.0))))
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(volumes(MASKS, (1.5, 1.5, 8.0)))
    assert "those of pixdim taken" in subject.extra["doubts"]


def test_the_affine_of_a_tool_that_knows_nothing_is_no_second_opinion(tmp_path):
    subject = read(write(tmp_path / "patient001"))
    assert_right(subject)
    assert subject.extra == {"group": "NOR"}


def test_distances_that_pixdim_lost_are_the_affines_and_said(tmp_path):
    subject = read(write(tmp_path / "patient001", affine=np.diag([-1.5, -1.5, 10, 1]), change=pixdim((1.0, 1.0, 1.0))))
    assert_right(subject)
    assert subject.extra["doubts"] == "pixdim says 1 x 1 x 1 mm and the affine 1.5 x 1.5 x 10 mm: those of the affine taken"


def test_an_es_image_that_lost_its_distances_has_those_of_ed(tmp_path):
    folder = write(tmp_path / "patient001")
    path = folder / "patient001_frame02.nii.gz"
    nifti = nib.load(path)
    nifti.header.set_zooms((1, 1, 1))
    nib.save(nib.Nifti1Image(np.asarray(nifti.dataobj), nifti.affine, nifti.header), path)
    subject = read(folder)
    assert_right(subject)
    assert subject.extra["doubts"] == "the ES image says 1 x 1 x 1 mm and the image 1.5 x 1.5 x 10 mm: the image's taken"


def test_a_sheared_affine_is_doubted_and_not_believed_about_the_gap(tmp_path):
    affine = oblique()
    affine[:3, 2] += 2 * affine[:3, 0]
    subject = read(write(tmp_path / "patient001", affine=affine, change=pixdim((1.5, 1.5, 10.0))))
    assert_right(subject)
    assert "the affine's axes are not at right angles (cosine 0.29), so distances may be wrong" in subject.extra["doubts"]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_distances_that_cannot_be_mm_are_refused_where_no_unit_explains_them(tmp_path, factor):
    with pytest.raises(InputError, match="xyzt_units does not say that these are not mm; expected voxels of a few mm"):
        read(write(tmp_path / "patient001", sizes_mm=np.multiply(SIZES_MM, factor)))


def test_distances_that_only_the_masks_have_are_theirs_and_said(tmp_path):
    def change(nifti, kind):
        nifti.header.set_zooms((1, 1, 1) if kind == "image" else SIZES_MM)
        return nifti

    with pytest.raises(InputError, match="pixdim is 1 x 1 x 1 mm, which makes 6 slices a stack of 6 mm, too short for a heart"):
        read(write(tmp_path / "patient001", change=lambda nifti, _: change(nifti, "image")))
    subject = read(write(tmp_path / "patient002", change=change))
    assert_right(subject)
    assert subject.extra["doubts"] == "the mask says 1.5 x 1.5 x 10 mm and the image 1 x 1 x 1 mm: those of the mask taken"


def test_a_mask_of_other_distances_is_said(tmp_path):
    def change(nifti, kind):
        nifti.header.set_zooms((1.5, 1.5, 8.0) if kind == "mask" else SIZES_MM)
        return nifti

    subject = read(write(tmp_path / "patient001", change=change))
    assert_right(subject)
    assert subject.extra["doubts"] == "the mask says 1.5 x 1.5 x 8 mm and the image 1.5 x 1.5 x 10 mm: the image's taken"


def test_a_mask_that_its_affine_puts_elsewhere_is_said(tmp_path):
    def moved(nifti, kind):
        return nib.Nifti1Image(np.asarray(nifti.dataobj), nifti.affine + (kind == "mask") * np.diag([0, 0, 40.0], 1)[:4, :4])

    subject = read(write(tmp_path / "patient001", affine=oblique(), change=moved))
    assert_right(subject)
    assert "the affines put the mask 40 mm off the image" in subject.extra["doubts"]


def test_a_stack_longer_than_a_patients_chest_is_refused(tmp_path):
    folder = write(tmp_path / "patient001", change=lambda nifti, _: nib.Nifti1Image(np.asarray(nifti.dataobj), np.diag([-1.0, -1, 1, 1])))
    for path in folder.glob("*.nii.gz"):
        nifti = nib.load(path)
        other = nib.Nifti1Image(np.asarray(nifti.dataobj).transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]))
        other.header.set_zooms(SIZES_MM)
        nib.save(other, path)
    with pytest.raises(InputError, match="48 slices 10 mm apart would be a stack of 480 mm"):
        read(folder)


def test_a_header_that_claims_more_than_the_file_can_hold_is_refused_before_memory_is_taken(tmp_path):
    folder = write(tmp_path / "patient001")
    path = folder / "patient001_frame01.nii.gz"
    edit_bytes(path, 40, np.array([3, 24576, 24576, 2048], "<i2").tobytes())
    with pytest.raises(InputError, match=r"the header claims 24576 x 24576 x 2048 voxels \(2.474e\+06 MB\), but the file holds 0.0"):
        read(folder)
