"""From a scan to the study's grid: resample, crop, normalise, keep base to apex (paper, Methods, Data)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from cardiosynth.cohort import Subject
from cardiosynth.errors import InputError
from cardiosynth.study import Grid
from cardiosynth.volumes import LV


def prepare(subject: Subject, grid: Grid) -> Subject:
    """Bring a subject to the grid: base-to-apex slices, square crop about the image centre, uint8 images.

    Slices without LV at both phases are dropped where there are masks. Intensities between the two
    quantiles of the cropped stack map to 0..255 and are clipped outside. The volumes stay those of the
    scan's own grid. Raises InputError where no slice holds the LV or the image is constant.
    """
    images, masks = subject.images, subject.masks
    if masks is not None:
        inside = (masks == LV).any(axis=(1, 2, 3))
        if not inside.any():
            raise InputError(f"{subject.id}: no slice holds LV (label {LV}) at ED or ES; check the masks' labels")
        images, masks = images[inside], masks[inside]
        masks = sample_nearest(masks, subject.spacing_mm, grid)
    images = normalise(sample_linear(images, subject.spacing_mm, grid), grid, subject.id)
    return replace(subject, images=images, masks=masks, spacing_mm=(grid.spacing_mm, grid.spacing_mm))


def sample_linear(images, spacing_mm: tuple[float, float], grid: Grid) -> np.ndarray:
    """Resample (..., H, W) about the image centre to (..., size, size), linearly.

    The kernel widens to the output pixel where that is the larger one, so that shrinking averages
    instead of skipping pixels. Outside the scan the result is 0.
    """
    rows = _weights(images.shape[-2], spacing_mm[0], grid)
    columns = _weights(images.shape[-1], spacing_mm[1], grid)
    return rows @ images.astype(np.float32) @ columns.T


def sample_nearest(masks, spacing_mm: tuple[float, float], grid: Grid) -> np.ndarray:
    """Resample label images (..., H, W) about the image centre to (..., size, size); 0 outside the scan."""
    result = masks
    for axis, spacing in zip((-2, -1), spacing_mm):
        position = np.rint(_positions(masks.shape[axis], spacing, grid)).astype(int)
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


def _positions(size: int, spacing: float, grid: Grid) -> np.ndarray:
    """Where the output pixel centres lie, in input pixels, when both grids share their centre."""
    steps = np.arange(grid.size_px) - (grid.size_px - 1) / 2
    return steps * (grid.spacing_mm / spacing) + (size - 1) / 2


def _weights(size: int, spacing: float, grid: Grid) -> np.ndarray:
    """Matrix (output, input) of a triangular kernel as wide as the larger of the two pixels."""
    width = max(grid.spacing_mm / spacing, 1.0)
    distance = np.abs(_positions(size, spacing, grid)[:, None] - np.arange(size))
    weights = np.clip(1 - distance / width, 0, None)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / np.where(total > 0, total, 1)).astype(np.float32)
