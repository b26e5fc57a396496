"""One heart: its images at end-diastole and end-systole, with or without volumes, or at every phase.

Every way in (readers, finders, the phantom) ends in one of these; what cannot be true is refused when it is made.
"""

from dataclasses import dataclass, field

import numpy as np

from cardiosynth.data.volumes import LABELS, ejection_fraction
from cardiosynth.study.errors import InputError

ED, ES = 0, 1  # of the second axis of images and masks


@dataclass(frozen=True)
class Pair:
    """One heart at end-diastole and end-systole, on whatever grid it has, its volumes unknown.

    images: (slices, 2, H, W), any real type. masks: the same shape with labels 0 background, 1 RV,
    2 myocardium, 3 LV, or None. spacing_mm: in-plane pixel (row, column). slice_gap_mm: distance
    between slice centres. Raises InputError naming the subject when any of it cannot be true.
    """

    id: str
    source: str
    images: np.ndarray
    masks: np.ndarray | None
    spacing_mm: tuple[float, float]
    slice_gap_mm: float

    def __post_init__(self):
        if self.images.ndim != 4 or self.images.shape[1] != 2:
            raise InputError(f"{self.id}: images have shape {self.images.shape}; expected (slices, 2, H, W)")
        if not np.isfinite(self.images).all():
            raise InputError(f"{self.id}: the images hold NaN or infinite pixels; export the scan again")
        if self.masks is not None:
            self._check_masks()
        sizes = (*self.spacing_mm, self.slice_gap_mm)
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise InputError(f"{self.id}: spacing {sizes} mm; expected three positive numbers (row, column, slice gap)")

    def _check_masks(self):
        if self.masks.shape != self.images.shape:
            raise InputError(f"{self.id}: masks have shape {self.masks.shape}, images {self.images.shape}; they must agree")
        unknown = sorted(set(np.unique(self.masks[self.masks != 0]).tolist()) - set(LABELS.values()))
        if unknown:
            raise InputError(f"{self.id}: unknown mask labels {unknown}; expected 0 background, 1 RV, 2 myocardium, 3 LV")


@dataclass(frozen=True)
class Subject(Pair):
    """A pair of known volumes, in ml. extra: further columns for ``subjects.csv``. Raises InputError as ``Pair`` does."""

    edv_ml: float
    esv_ml: float
    extra: dict = field(default_factory=dict)

    def __post_init__(self):
        super().__post_init__()
        if not (np.isfinite(self.edv_ml) and np.isfinite(self.esv_ml) and self.edv_ml >= self.esv_ml > 0):
            hint = " (are the ED and ES frames swapped?)" if self.esv_ml > self.edv_ml > 0 else ""
            raise InputError(f"{self.id}: EDV {self.edv_ml:.1f} ml and ESV {self.esv_ml:.1f} ml; expected EDV >= ESV > 0{hint}")

    @property
    def ef(self) -> float:
        """Ejection fraction in percent."""
        return float(ejection_fraction(self.edv_ml, self.esv_ml))


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
