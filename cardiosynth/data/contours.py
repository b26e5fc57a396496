"""Drawn contours and pixels: how much of a pixel lies inside a polygon, and the polygon around a mask.

Coordinates are (x, y) in pixels, x along the columns and y along the rows; the centre of the pixel in row 0 and
column 0 is (0, 0), so that this pixel reaches from -0.5 to 0.5.
"""

import numpy as np
from scipy import ndimage

from cardiosynth.study.errors import InputError


def polygon_area(polygon) -> float:
    """Area in square pixels of a closed polygon (points, 2), whichever way it runs (the shoelace formula)."""
    x, y = np.asarray(polygon, float).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def coverage(polygon, shape: tuple[int, int], factor: int = 8) -> np.ndarray:
    """Share of each pixel of an image of ``shape`` (H, W) inside a closed polygon (points, 2): floats from 0 to 1.

    Each pixel is asked at factor x factor points, the centres of its sub-pixels. A point counts when it lies
    inside by the even-odd rule, with nothing added for the boundary, so the sum has no bias towards larger areas.
    """
    polygon = np.asarray(polygon, float)
    result = np.zeros(shape)
    first = np.maximum(np.floor(polygon.min(axis=0) + 0.5).astype(int), 0)
    last = np.minimum(np.ceil(polygon.max(axis=0) + 0.5).astype(int), (shape[1], shape[0]))
    columns, rows = last - first
    if columns <= 0 or rows <= 0:
        return result
    inside = _inside(polygon, first, (rows, columns), factor)
    result[first[1] : last[1], first[0] : last[0]] = inside.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return result


def _inside(polygon: np.ndarray, first, size: tuple[int, int], factor: int) -> np.ndarray:
    """Whether each sub-pixel centre of a block of pixels is inside: 0 or 1, (rows x factor, columns x factor)."""
    x, y = (start - 0.5 + (np.arange(count * factor) + 0.5) / factor for start, count in zip(first, size[::-1]))
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
    line, edge = np.nonzero((y0 <= y[:, None]) != (y1 <= y[:, None]))
    crossing = x0[edge] + (y[line] - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    toggles = np.zeros((len(y), len(x) + 1), int)
    np.add.at(toggles, (line, np.searchsorted(x, crossing)), 1)
    return np.cumsum(toggles, axis=1)[:, :-1] % 2


def outline(mask: np.ndarray) -> np.ndarray:
    """The outer edge of the largest component of a binary mask (H, W), as a polygon (points, 2) along pixel edges.

    Components are joined through sides, not corners. The polygon's area is the component's pixel count, holes
    filled. Raises InputError for an empty mask.
    """
    labelled, count = ndimage.label(np.asarray(mask) != 0)
    if count == 0:
        raise InputError("an empty mask has no outline; expected at least one pixel")
    part = np.pad(labelled == 1 + np.argmax(np.bincount(labelled.ravel())[1:]), 1)
    start = tuple(int(value) for value in np.argwhere(part)[0])  # the topmost row: its upper left corner is on the outer edge
    return _corners(_walk(part, start)) - 1.5  # corner (1, 1) of the padded mask is (-0.5, -0.5)


def _walk(part: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """All corners (x, y) met when walking along the edge from a pixel's upper left corner, the mask on the right hand."""
    (y, x), (dx, dy) = start, (1, 0)
    points = []
    while not points or (x, y, dx, dy) != (start[1], start[0], 1, 0):
        points.append((x, y))
        x, y = x + dx, y + dy
        # Seen from the corner reached: the pixel ahead on the right, and ahead on the left.
        right, left = (part[y + (oy - 1) // 2, x + (ox - 1) // 2] for ox, oy in ((dx - dy, dy + dx), (dx + dy, dy - dx)))
        if not right:
            dx, dy = -dy, dx  # turn right, around the pixel one is at
        elif left:
            dx, dy = dy, -dx
    return np.array(points, float)


def _corners(points: np.ndarray) -> np.ndarray:
    """The points of a closed rectilinear walk at which it turns."""
    step = np.roll(points, -1, axis=0) - points
    return points[(step != np.roll(step, 1, axis=0)).any(axis=1)]
