"""From a scan to the study's grid: choose slices, crop, resample, normalise (paper, Methods, Data)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from cardiosynth.data.finders.centre import heart_centre
from cardiosynth.data.finders.extent import extent
from cardiosynth.data.resampling import triangle
from cardiosynth.data.subject import Pair, Subject
from cardiosynth.data.volumes import LV
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid


@dataclass(frozen=True)
class Placement:
    """Which part of a scan goes to the grid. slices: their numbers, base to apex. centre_px: (row, column) of the crop."""

    slices: np.ndarray
    centre_px: tuple[float, float]


def place(subject: Pair, grid: Grid) -> Placement:
    """The slices between base and apex and the centre of the crop, as the grid wants them.

    Raises InputError where no slice holds the LV.
    """
    if subject.masks is not None and grid.slices == "annotated":
        slices = np.flatnonzero((subject.masks == LV).any(axis=(1, 2, 3)))
        if not len(slices):
            raise InputError(f"{subject.id}: no slice holds LV (label {LV}) at ED or ES; check the masks' labels")
        slices = np.arange(slices[0], slices[-1] + 1)  # a slice that nobody drew is not closed over
    else:
        slices = np.arange(len(subject.images))[_found(subject, extent, subject.slice_gap_mm)]
    return Placement(slices, _found(subject, heart_centre) if grid.centre == "heart" else _middle(subject.images))


def _found(subject: Pair, finder, *more):
    """What a finder says of a subject's images; its complaint names the subject."""
    try:
        return finder(subject.images, subject.spacing_mm, *more)
    except InputError as error:
        raise InputError(f"{subject.id}: {error}") from error


def prepare(subject: Pair, grid: Grid, placement: Placement | None = None) -> Pair:
    """Bring a subject, or a pair of unknown volumes, to the grid: base-to-apex slices, square crop about the centre, uint8 images.

    Intensities between the two quantiles of the cropped stack map to 0..255 and are clipped outside. The
    volumes stay those of the scan's own grid. Raises InputError where no slice holds the LV or the image is
    constant.
    """
    placement = placement or place(subject, grid)
    images, masks = subject.images[placement.slices], subject.masks
    if masks is not None:
        masks = sample_nearest(masks[placement.slices], subject.spacing_mm, grid, placement.centre_px)
    images = sample_linear(images, subject.spacing_mm, grid, placement.centre_px)
    images = normalise(images, grid, subject.id)
    return replace(subject, images=images, masks=masks, spacing_mm=(grid.spacing_mm, grid.spacing_mm))


def lv_lost_percent(subject: Subject, placement: Placement, grid: Grid) -> float:
    """Share of the LV's pixels, of all slices of the scan, that the chosen slices and the crop leave out; NaN without masks."""
    if subject.masks is None:
        return float("nan")
    lv = subject.masks == LV
    kept = lv[placement.slices]
    for axis, spacing, centre in zip((-2, -1), subject.spacing_mm, placement.centre_px):
        offset_mm = np.abs(np.arange(lv.shape[axis]) - centre) * spacing
        kept = np.compress(offset_mm <= grid.extent_mm / 2, kept, axis=axis)
    return float(100 * (1 - kept.sum() / lv.sum()))


def centre_error_mm(subject: Subject, placement: Placement) -> float:
    """Distance (mm) from the crop's centre to the centroid of all LV pixels, both phases; NaN without masks."""
    if subject.masks is None:
        return float("nan")
    centroid = np.argwhere(subject.masks == LV)[:, 2:].mean(axis=0)
    return float(np.hypot(*((centroid - placement.centre_px) * subject.spacing_mm)))


def sample_linear(images, spacing_mm: tuple[float, float], grid: Grid, centre_px: tuple[float, float] | None = None) -> np.ndarray:
    """Resample (..., H, W) about a point (row, column), by default the middle, to (..., size, size), linearly.

    Outside the scan the result is 0.
    """
    centre_px = centre_px or _middle(images)
    rows, columns = (
        triangle(_positions(spacing, grid, centre), size, grid.spacing_mm / spacing)
        for size, spacing, centre in zip(images.shape[-2:], spacing_mm, centre_px)
    )
    return rows @ images.astype(np.float32) @ columns.T


def sample_nearest(masks, spacing_mm: tuple[float, float], grid: Grid, centre_px: tuple[float, float] | None = None) -> np.ndarray:
    """Resample label images (..., H, W) about a point, by default the middle, to (..., size, size); 0 outside the scan."""
    result = masks
    for axis, spacing, centre in zip((-2, -1), spacing_mm, centre_px or _middle(masks)):
        position = np.rint(_positions(spacing, grid, centre)).astype(int)
        inside = (position >= 0) & (position < masks.shape[axis])
        result = np.take(result, np.clip(position, 0, masks.shape[axis] - 1), axis=axis)
        result = result * (inside[:, None] if axis == -2 else inside).astype(result.dtype)
    return result.astype(np.uint8)


def normalise(images: np.ndarray, grid: Grid, subject_id: str) -> np.ndarray:
    """Map the [low, high] quantiles of a stack to 0..255 (uint8), clipping outside."""
    low, high = np.quantile(images, [grid.low_quantile, grid.high_quantile])
    if high <= low:
        raise InputError(f"{subject_id}: the images are constant ({low:g}) between their quantiles; is the scan all black?")
    return np.rint(255 * np.clip((images - low) / (high - low), 0, 1)).astype(np.uint8)


def exclude(subjects: Iterable[Subject], grid: Grid, excluded: list[dict]) -> Iterator[Subject]:
    """Leave out of training and validation what the paper leaves out; note each in ``excluded``.

    Left out are subjects with fewer than ``minimum_slices`` consecutive slices and those marked for
    motion (``extra['motion']``). Test subjects all stay.
    """
    for subject in subjects:
        reason = ""
        if len(subject.images) < grid.minimum_slices:
            reason = f"fewer than {grid.minimum_slices} consecutive slices"
        elif subject.extra.get("motion", False):
            reason = "marked for motion"
        if reason and subject.extra["split"] in ("train", "validation"):
            excluded.append({"id": subject.id, "split": subject.extra["split"], "reason": reason})
        else:
            yield subject


def _middle(images) -> tuple[float, float]:
    return (images.shape[-2] - 1) / 2, (images.shape[-1] - 1) / 2


def _positions(spacing: float, grid: Grid, centre: float) -> np.ndarray:
    """Where the output pixel centres lie, in input pixels, when the output's middle is at ``centre``."""
    return (np.arange(grid.size_px) - (grid.size_px - 1) / 2) * (grid.spacing_mm / spacing) + centre
