"""Signed distances: the geometry of mask synthesis (paper, Methods, Eq. 1).

A structure is the set where its signed distance is positive. Weighting two distances gives the shapes between
two masks; resampling one gives a scaled shape. Arrays of several structures are (structures, slices, H, W).
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from cardiosynth.errors import InputError


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Signed Euclidean distance to the border of one structure in one slice, in pixels, positive inside.

    mask: boolean (H, W). The border runs between pixel centres: the pixels on its two sides are at +0.5 and
    -0.5, so a structure and its complement differ by sign alone. What has no border in the frame is further
    than any: -(H + W) everywhere for an empty mask, H + W for a full one.
    """
    mask = np.asarray(mask, bool)
    if mask.all() or not mask.any():
        return np.full(mask.shape, float(sum(mask.shape)) * (1 if mask.any() else -1))
    return np.where(mask, distance_transform_edt(mask) - 0.5, 0.5 - distance_transform_edt(~mask))


def interpolate(ed_distance: np.ndarray, es_distance: np.ndarray, alpha: int, steps: int) -> np.ndarray:
    """Distance of an intermediate mask, Eq. (1) as intended: alpha/F SDT1 + (F - alpha)/F SDT2, F = ``steps``.

    alpha = 0 gives ES, alpha = steps gives ED; the mask is where the result is positive. Whole-number weights
    are applied before the division, so that exchanging ED with ES and alpha with F - alpha changes no bit.
    Raises InputError where alpha lies outside [0, steps].
    """
    if not 0 <= alpha <= steps or steps < 1:
        raise InputError(f"alpha is {alpha} of {steps} steps; expected 0 (ES) to the number of steps (ED), at least 1")
    return (alpha * ed_distance + (steps - alpha) * es_distance) / steps


def interpolate_as_printed(ed_distance: np.ndarray, es_distance: np.ndarray, alpha: int, steps: int) -> np.ndarray:
    """Eq. (1) as printed: alpha/F SDT1 + (1 - (F - alpha)/F) SDT2.

    Both weights equal alpha/F, so it is alpha/F (SDT1 + SDT2): every alpha > 0 gives one and the same mask. It
    is here to show just that; nothing else uses it.
    """
    return (alpha * ed_distance + (steps - (steps - alpha)) * es_distance) / steps


def shrink_into_absent(ed_distance: np.ndarray, es_distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give structures that only one phase has (at the base and the apex) a distance in the other, so that they fade.

    The arrays are (..., H, W). A structure is taken to have shrunk to its innermost point where it is absent:
    the distance of the present phase, lowered until its largest value is 0. In between its inner radius falls
    in proportion to alpha (a disc stays a disc), down to nothing at the end. Absent from both: unchanged.
    """
    ed_highest, es_highest = (distance.max(axis=(-2, -1), keepdims=True) for distance in (ed_distance, es_distance))
    return (
        np.where((ed_highest < 0) & (es_highest > 0), es_distance - es_highest, ed_distance),
        np.where((es_highest < 0) & (ed_highest > 0), ed_distance - ed_highest, es_distance),
    )


def scale_distances(distances: np.ndarray, scale: float) -> np.ndarray:
    """Scale distances (3, slices, H, W) by a length factor about the LV centroid of each slice.

    Each frame has its own centroid, so the LV stays where it was. Without LV in a slice the centre is that of
    the epicardial contour, else of the RV. Bilinear; what comes from beyond the frame is background.
    """
    scaled = np.empty_like(distances)
    for index, centre in enumerate(_centres(distances > 0)):
        rows = _stretch(distances[:, index], -2, centre[0], scale)
        scaled[:, index] = _stretch(rows, -1, centre[1], scale)
    return scaled * scale


def _stretch(distance: np.ndarray, axis: int, centre: float, scale: float) -> np.ndarray:
    """Linear resampling of (3, H, W) along one axis: pixel i takes its value from centre + (i - centre) / scale."""
    height, width = distance.shape[-2:]
    size = distance.shape[axis]
    position = centre + (np.arange(size) - centre) / scale
    beyond = (position <= -0.5) | (position >= size - 0.5)
    position = position.clip(0, size - 1)
    lower = np.minimum(position.astype(int), size - 2)
    along = (-1, 1) if axis == -2 else (-1,)
    below, above = distance.take(lower, axis), distance.take(lower + 1, axis)
    between = below + (position - lower).reshape(along) * (above - below)
    return np.where(beyond.reshape(along), -(height + width), between)


def _centres(structures: np.ndarray) -> np.ndarray:
    """Row and column (slices, 2) of the centroid of the first structure present in each slice, else of the frame."""
    height, width = structures.shape[-2:]
    centres = np.tile([(height - 1) / 2, (width - 1) / 2], (structures.shape[1], 1))
    for structure in structures[::-1]:  # later ones win: RV, epicardium, LV
        count = structure.sum(axis=(1, 2))
        rows = structure.sum(axis=2) @ np.arange(height)
        columns = structure.sum(axis=1) @ np.arange(width)
        centres[count > 0] = np.stack([rows, columns], axis=1)[count > 0] / count[count > 0, None]
    return centres
