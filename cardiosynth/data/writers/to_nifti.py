"""What the NIfTI exports share: a file from an array in the project's order, and the layout's labels."""

from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.data.subject import Subject

KEPT = ("uint8", "int16", "int32", "uint16", "float32", "float64")


def save(path: Path, array: np.ndarray, distances_mm: tuple[float, float, float], affine_mm: bool = True) -> None:
    """Write (slices, rows, columns), or (slices, phases, rows, columns), as NIfTI's (x, y, z[, t]).

    distances_mm: row, column, slice. affine_mm: False writes ACDC's affine, which claims 1 mm; pixdim is right in
    both. Types that NIfTI or its readers lack are widened, not rounded.
    """
    row_mm, column_mm, gap_mm = distances_mm
    array = array.transpose((2, 1, 0) if array.ndim == 3 else (3, 2, 0, 1))
    if array.dtype.name not in KEPT:
        array = array.astype(np.result_type(array, np.float32))
    affine = np.diag([column_mm, row_mm, gap_mm, 1.0]) if affine_mm else np.diag([-1.0, -1.0, 1.0, 1.0])
    image = nib.Nifti1Image(array, affine)
    image.header.set_zooms((column_mm, row_mm, gap_mm, 1.0)[: array.ndim])
    if affine_mm:
        image.header.set_xyzt_units("mm", "sec")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)


def distances(subject: Subject) -> tuple[float, float, float]:
    """(row, column, slice) in mm."""
    return (*subject.spacing_mm, subject.slice_gap_mm)


def translate(masks: np.ndarray, names: dict[int, int]) -> np.ndarray:
    """The project's labels to a layout's. names: source label -> ours, as the layout's reader has it."""
    theirs = np.zeros(max(names.values()) + 1, np.uint8)
    for label, ours in names.items():
        theirs[ours] = label
    return theirs[masks]
