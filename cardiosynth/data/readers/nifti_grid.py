"""Files of one scan brought to one grid: axes turned onto each other by the affines, slices first, rows, columns."""

from dataclasses import replace

import nibabel as nib
import numpy as np

from cardiosynth.data.readers.layout import APEX_DIRECTION
from cardiosynth.data.readers.nifti_file import Nifti
from cardiosynth.data.readers.nifti_header import SAME_SIZE, in_mm, made_up
from cardiosynth.study.errors import InputError

THICKER = 2.0  # slices of a stack are at least so many times farther apart than pixels, where they are not the third axis
LONGEST_MM, SHORTEST_MM = 400.0, 30.0  # of a stack that holds a heart, or at least may


def onto(other: Nifti, reference: Nifti, what: str) -> Nifti:
    """``other`` with its axes as those of ``reference``, where both affines say that they run otherwise.

    what: its name in the notes. Where the affines put the two elsewhere and no turn explains it, it is taken voxel by
    voxel, and a doubt says so.
    """
    if other.affine is None or reference.affine is None or _near(other.affine, reference):
        return other
    turned = _turned(other, nib.io_orientation(np.linalg.inv(reference.affine) @ other.affine))
    if turned is not None and turned.array.shape[:3] == reference.array.shape[:3] and _near(turned.affine, reference):
        other.notes.mended.append(f"{what} turned onto the image by the affines")
        return turned
    if made_up(other.affine) != made_up(reference.affine):
        other.notes.doubts.append(f"the affine of {what} or of the image was made up (they differ), so {what} was laid on voxel by voxel")
    else:
        far_mm = np.linalg.norm(_corners(other.affine, reference) - _corners(reference.affine, reference), axis=1).max()
        other.notes.doubts.append(f"the affines put {what} {far_mm:.0f} mm off the image; laid on voxel by voxel")
    return other


def _turned(file: Nifti, turn: np.ndarray) -> Nifti | None:
    """The file on other axes. turn: nibabel's orientation, a row an axis; where it leaves one without a direction there is no such file."""
    if np.isnan(turn).any():
        return None
    affine = file.affine @ nib.orientations.inv_ornt_aff(turn, file.array.shape[:3])
    sizes = tuple(file.sizes_mm[int(axis)] for axis in np.argsort(turn[:, 0]))
    return replace(file, array=nib.apply_orientation(file.array, turn), affine=affine, sizes_mm=sizes)


def shared_sizes(image: Nifti, other: Nifti, what: str) -> tuple[float, float, float]:
    """The distances of two files of one grid: the image's, unless they are the 1 mm of a tool that knows none."""
    if np.allclose(image.sizes_mm, other.sizes_mm, rtol=SAME_SIZE):
        return image.sizes_mm
    lost = np.allclose(image.sizes_mm, 1, rtol=SAME_SIZE)
    taken = f"those of {what}" if lost else "the image's"
    other.notes.doubts.append(f"{what} says {in_mm(other.sizes_mm)} and the image {in_mm(image.sizes_mm)}: {taken} taken")
    return other.sizes_mm if lost else image.sizes_mm


class Order:
    """Which axes of a file are slices, rows and columns. As in the file, third, second, first, unless another is the thick one."""

    def __init__(self, reference: Nifti, sizes_mm: tuple[float, float, float]):
        thick = int(np.argmax(sizes_mm))
        moved = thick != 2 and sizes_mm[thick] >= THICKER * sorted(sizes_mm)[1]
        self.axes, self.flips = _upright(reference.directions(), thick) if moved else ((2, 1, 0), ())
        if moved:
            reference.notes.mended.append(f"slices lie along the file's axis {'xyz'[thick]}: axes put in order")
        self.distances_mm = tuple(float(sizes_mm[axis]) for axis in (self.axes[1], self.axes[2], self.axes[0]))
        directions = reference.directions()
        self.towards = None if directions is None else directions[:, self.axes[0]]
        _refuse_impossible(reference, reference.array.shape[self.axes[0]], self.distances_mm)

    def apply(self, array: np.ndarray) -> np.ndarray:
        """(slices, rows, columns) or (slices, phases, rows, columns) of an array whose axes are those of the file."""
        slices, rows, columns = self.axes
        return np.flip(array, self.flips).transpose((slices, rows, columns) if array.ndim == 3 else (slices, 3, rows, columns))


def _upright(directions: np.ndarray | None, thick: int) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Axes (slices, rows, columns) and those to be reversed, so that columns run to the patient's left and no heart is mirrored."""
    column, row = (axis for axis in range(3) if axis != thick)
    if directions is None:
        return (thick, row, column), ()
    if abs(directions[0, row]) > abs(directions[0, column]):
        column, row = row, column
    left = 1 if directions[0, column] >= 0 else -1
    seen_from_apex = np.cross(left * directions[:, column], directions[:, row]) @ APEX_DIRECTION <= 0
    return (thick, row, column), tuple(axis for axis, backwards in ((column, left < 0), (row, not seen_from_apex)) if backwards)


def _refuse_impossible(reference: Nifti, slices: int, distances_mm: tuple[float, float, float]) -> None:
    length_mm = slices * distances_mm[2]
    if length_mm > LONGEST_MM:
        raise InputError(
            f"{reference.path}: {slices} slices {distances_mm[2]:.4g} mm apart would be a stack of {length_mm:.0f} mm; "
            "expected slices along the axis with the largest distance, so convert the scan again"
        )
    if np.allclose(distances_mm, 1, rtol=SAME_SIZE) and length_mm < SHORTEST_MM:
        raise InputError(
            f"{reference.path}: pixdim is 1 x 1 x 1 mm, which makes {slices} slices a stack of {length_mm:.0f} mm, too short for "
            "a heart; the distances were lost, so convert the scan again"
        )


def _near(affine: np.ndarray, reference: Nifti) -> bool:
    """Whether an affine puts all corners of the reference's grid within a voxel of where its own does."""
    off = np.linalg.inv(reference.affine) @ affine - np.eye(4)
    return bool(np.abs(nib.affines.apply_affine(off, _ends(reference))).max() < 1)


def _corners(affine: np.ndarray, reference: Nifti) -> np.ndarray:
    return nib.affines.apply_affine(affine, _ends(reference))


def _ends(reference: Nifti) -> np.ndarray:
    """The corners of its grid, in voxels."""
    return np.stack(np.meshgrid(*[(0, length - 1) for length in reference.array.shape[:3]], indexing="ij"), axis=-1).reshape(-1, 3)
