"""A cine on its own grid: every phase of every short-axis slice, as a scanner gives it."""

from dataclasses import dataclass

import numpy as np

from cardiosynth.errors import InputError


@dataclass(frozen=True)
class Cine:
    """All phases of one heart.

    frames: (slices, phases, H, W), any real type, slices from base to apex, phases by trigger time.
    spacing_mm: in-plane pixel (row, column). slice_gap_mm: distance between slice centres (the median, or the
    mean where they differ by more than a mm). positions_mm: (slices,) along the slice normal, rising from base to apex. mended: what had to
    be put right, one phrase each. Raises InputError naming the scan when any of it cannot be true.
    """

    id: str
    frames: np.ndarray
    spacing_mm: tuple[float, float]
    slice_gap_mm: float
    positions_mm: np.ndarray
    mended: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def __post_init__(self):
        if self.frames.ndim != 4:
            raise InputError(f"{self.id}: frames have shape {self.frames.shape}; expected (slices, phases, H, W)")
        sizes = (*self.spacing_mm, self.slice_gap_mm)
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise InputError(f"{self.id}: spacing {sizes} mm; expected three positive numbers (row, column, slice gap)")
        if self.frames.max() == self.frames.min():
            raise InputError(f"{self.id}: every pixel is {self.frames.max():g}, so the scan is empty; export it again")
