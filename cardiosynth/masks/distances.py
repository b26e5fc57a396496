"""Signed distances: the geometry of mask synthesis (paper, Methods, Eq. 1).

A structure is the set where its signed distance is positive. Weighting two distances gives the shapes between
two masks; resampling one gives a scaled shape. Arrays of several structures are (structures, slices, H, W).
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from cardiosynth.study.errors import InputError


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Signed Euclidean distance to the border of one structure in one slice, in pixels, positive inside.

    mask: boolean (H, W). The border runs between pixel centres: the pixels on its two sides are at +0.5 and
    -0.5, so a structure and its complement differ by sign alone. What has no border in the frame is further
    than any: -(H + W) everywhere for an empty mask, H + W for a full one.
    """
    mask = np.asarray(mask, bool)
    if mask.all() or not mask.any():
        return np.full(mask.shape, float(sum(mask.shape)) * (1 if mask.any() else -1))
    distance, box = 0.5 - distance_transform_edt(~mask), bounding_box(mask)  # all of the nearest background is in the box
    distance[box] = np.where(mask[box], distance_transform_edt(mask[box]) - 0.5, distance[box])
    return distance


def signed_distances(masks: np.ndarray, cropped: bool = True) -> np.ndarray:
    """``signed_distance`` of every slice of boolean (..., slices, phases, H, W), float32.

    cropped: measured only in the box that holds the structure of the slice at all phases and a pixel all around.
    There the distances are those of the whole frame, as that pixel is the nearest background of whatever lies
    further out. Beyond the box they are -(H + W), which is as good as any negative number: nothing is there.
    """
    distances = np.full(masks.shape, -sum(masks.shape[-2:]), np.float32)
    for index in np.ndindex(masks.shape[:-3]):
        box = bounding_box(masks[index]) if cropped else (slice(None), slice(None))
        for phase, mask in enumerate(masks[index]):
            if mask.any():
                distances[*index, phase, *box] = signed_distance(mask[*box])
    return distances


def bounding_box(structure: np.ndarray) -> tuple[slice, ...]:
    """Rows and columns that hold boolean (..., H, W) and a pixel all around, as far as the frame goes; one pixel if empty."""
    inside, sides = np.any(structure.reshape(-1, *structure.shape[-2:]), axis=0), []
    for axis in (1, 0):
        places = np.flatnonzero(np.any(inside, axis=axis))
        sides.append(slice(max(places[0] - 1, 0), min(places[-1] + 2, inside.shape[1 - axis])) if len(places) else slice(0, 1))
    return tuple(sides)


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
    Raises InputError where the scale is no positive number.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale is {scale}; expected a positive number")
    height, width = distances.shape[-2:]
    scaled, middle = np.full(distances.shape, -(height + width), distances.dtype), centres(distances > 0)
    for index, structure in enumerate(distances):
        window, moved = scale_part(structure, middle, scale, (0, 0), (height, width))
        scaled[index, :, *window] = moved
    return scaled * distances.dtype.type(scale)


def scale_part(distance: np.ndarray, centre: np.ndarray, scale: float, origin, frame) -> tuple[tuple[slice, ...], np.ndarray]:
    """Resample a part (slices, h, w) of the frame to its place after scaling each slice about its ``centre``, bilinearly.

    centre: row and column (slices, 2) in the frame. origin: where the part begins in the frame, whose size
    ``frame`` is. Returns the window of the frame that the part then covers, and the values there in pixels of the
    part (times ``scale`` they are those of the frame): -(H + W) where they come from beyond the part.
    """
    window, every = [], np.arange(len(distance))[:, None]
    for axis in (0, 1):  # whole rows of memory are taken in both turns, as the first leaves the part transposed
        first, last = origin[axis], origin[axis] + distance.shape[1] - 1
        middle = centre[:, axis, None]
        low, high = scaled_edges(first, last, middle, scale)
        start, stop = max(int(np.floor(low.min())) + 1, 0), min(int(np.ceil(high.max())), frame[axis])
        window.append(slice(start, max(start, stop)))
        position = middle + (np.arange(start, stop) - middle) / scale
        beyond = (position <= first - 0.5) | (position >= last + 0.5)
        position = position.clip(first, last)
        lower = position.astype(np.intp)
        weight = (position - lower).astype(distance.dtype)[..., None]
        below = distance[every, lower - first]
        moved = distance[every, np.minimum(lower + 1, last) - first]
        moved -= below
        moved *= weight
        moved += below
        moved[beyond] = -sum(frame)
        distance = np.ascontiguousarray(moved.swapaxes(1, 2))
    return tuple(window), distance


def scaled_edges(first, last, centre, scale: float):
    """Positions of the outer edges of the pixels first..last after scaling about ``centre``; pixel i spans i -+ 0.5."""
    return centre + (first - 0.5 - centre) * scale, centre + (last + 0.5 - centre) * scale


def centres(structures, origins=None) -> np.ndarray:
    """Row and column (slices, 2) that scaling keeps: the centroid of the first structure present in each slice.

    structures: boolean arrays (slices, h, w), LV first. origins: where each begins in the frame, by default at its
    corner. Slices without any have the corner of the frame.
    """
    middle, missing = np.zeros((len(structures[0]), 2)), np.arange(len(structures[0]))
    for structure, origin in zip(structures, origins or [(0, 0)] * len(structures)):
        count, moments = _moments(structure[missing], origin)
        middle[missing] = moments / np.maximum(count, 1)[:, None]
        missing = missing[count == 0]
    return middle


def _moments(structure: np.ndarray, origin) -> tuple[np.ndarray, np.ndarray]:
    """Number of pixels (slices) and the sums of their rows and columns (slices, 2), whole numbers, so exact."""
    by_row, by_column = structure.sum(axis=2), structure.sum(axis=1)
    sums = [by @ np.arange(first, first + by.shape[1]) for by, first in zip((by_row, by_column), origin)]
    return by_row.sum(axis=1), np.stack(sums, axis=1)
