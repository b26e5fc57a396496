"""The slices of a stack in register: where their fields of view were moved in the plane, pixels are moved back by position."""

import numpy as np

from cardiosynth.data.readers.dicom_frame import Frame
from cardiosynth.data.readers.dicom_kinds import counted
from cardiosynth.study.errors import InputError

FAR = 0.25  # of the field of view: what lies further beside the others is no slice of the same stack


def shifts_px(slices: list[list[Frame]], name: str, mended: list[str]) -> np.ndarray:
    """Whole pixels (slices, phases, 2) by which the rows and columns of each image move to lie over the others.

    The middles of the images are compared, and the median position stays. Raises InputError naming a slice that lies far beside them.
    """
    reference = slices[0][0]
    middles = _middles_px(slices)
    stays = np.sort(np.median(middles, axis=1), axis=0)[(len(slices) - 1) // 2]
    shifts = np.rint((middles - stays).round(3)).astype(int)
    if (far := (np.abs(shifts) > FAR * np.array(reference.shape)).any(axis=(1, 2))).any():
        row = int(far.argmax())
        raise InputError(
            f"{name}: the slice of {slices[row][0].path.name} lies {_furthest_mm(shifts[row], reference):.0f} mm beside "
            "the others in the plane by its ImagePositionPatient; keep one acquisition in the folder"
        )
    if moved := int(shifts.any(axis=(1, 2)).sum()):
        mended.append(
            f"{counted(moved, 'slice')} moved by up to {_furthest_mm(shifts, reference):.1f} mm in the plane to where ImagePositionPatient puts them"
        )
    return shifts


def moved(image: np.ndarray, shift) -> np.ndarray:
    """An image (H, W) with its rows and columns moved by whole pixels, zeros where nothing is known."""
    if not any(shift):
        return image
    (to_row, from_row), (to_column, from_column) = (_overlap(by, size) for by, size in zip(shift, image.shape))
    result = np.zeros_like(image)
    result[to_row, to_column] = image[from_row, from_column]
    return result


def _middles_px(slices: list[list[Frame]]) -> np.ndarray:
    """Where the middle of each image (slices, phases) lies along the first one's columns and rows of pixels: (row, column) in pixels."""
    reference = slices[0][0]
    (rows, columns), (row_mm, column_mm) = reference.shape, reference.spacing_mm
    origins, axes = (np.array([[getattr(frame, key) for frame in location] for location in slices]) for key in ("origin", "axes"))
    middles = origins + axes[..., :3] * column_mm * (columns - 1) / 2 + axes[..., 3:] * row_mm * (rows - 1) / 2
    return middles @ np.column_stack([np.array(reference.axes[3:]) / row_mm, np.array(reference.axes[:3]) / column_mm])


def _furthest_mm(shifts: np.ndarray, reference: Frame) -> float:
    return float(np.hypot(*np.moveaxis(shifts * np.array(reference.spacing_mm), -1, 0)).max())


def _overlap(by: int, size: int) -> tuple[slice, slice]:
    """Where pixels go, and where they come from."""
    return slice(max(by, 0), size + min(by, 0)), slice(max(-by, 0), size + min(-by, 0))
