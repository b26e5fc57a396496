"""Where the left ventricle lies in the plane, from the ED and ES images alone.

The LV cavity is a bright disc in a dark ring, in every slice and at both phases, and it moves. So each
edge votes for the points that lie towards its bright side at the distance of an LV radius (the circular Hough
transform along the gradient: Kimme, Ballard and Sklansky, Comm. ACM 18(2), 1975); the votes of all slices
and phases add up, which a few slices beyond the heart cannot outvote; and a point counts by its motion around it.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from cardiosynth.data.resampling import triangle
from cardiosynth.study.errors import InputError

STEP_MM = 3.0  # of the working grid
RADII_MM = (10.0, 45.0)  # of the cavity, from ES near the apex to a dilated one
EDGE_SHARE = 0.3  # the strongest gradients vote
EDGE_LIMIT = 0.05  # of the intensity range, per grid step: beyond it an edge counts no more (fat, vessels)
VOTE_MM = 5.0  # smoothing of the votes
MOTION_MM = 15.0  # smoothing of the ED-ES difference
NEAR_MM = 60.0  # scanners are aimed at the heart: a weak preference for the image's middle


def heart_centre(images: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """The LV's centre over all slices and both phases, in pixels (row, column) of the given images.

    images: (slices, 2, H, W), ED and ES, of any intensity scale. spacing_mm: pixel (row, column). The answer
    is a point of the 3 mm working grid. Raises InputError for another shape, where all is constant and where ED is ES.
    """
    grid = working_grid(images, spacing_mm)
    return to_pixels(grid_centre(grid, disc_votes(grid)), grid.shape, images.shape)


def grid_centre(grid: np.ndarray, votes: np.ndarray) -> tuple[int, int]:
    """The LV's centre (row, column) on the working grid. grid, votes: (slices, 2, rows, columns)."""
    motion = np.abs(grid[:, 0] - grid[:, 1]).sum(axis=0)
    if not motion.any():
        raise InputError("ED and ES are the same images, so no heart is seen to beat; give the two phases")
    score = gaussian_filter(votes.sum(axis=(0, 1)), VOTE_MM / STEP_MM)
    score *= np.sqrt(gaussian_filter(motion, MOTION_MM / STEP_MM))
    score *= nearness(score.shape, (np.array(score.shape) - 1) / 2, NEAR_MM)
    row, column = np.unravel_index(score.argmax(), score.shape)
    return int(row), int(column)


def working_grid(images: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """The images averaged to pixels of about STEP_MM, the middle 97 % of the intensities mapped to 0..1: float32.

    Raises InputError for a shape other than (slices, 2, H, W), a spacing that is not positive, constant images.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 2:
        raise InputError(f"images have shape {images.shape}; expected (slices, 2, H, W), ED and ES")
    if not all(np.isfinite(size) and size > 0 for size in spacing_mm):
        raise InputError(f"spacing {tuple(spacing_mm)} mm; expected two positive numbers (row, column)")
    rows, columns = (_averaging(size, spacing) for size, spacing in zip(images.shape[2:], spacing_mm))
    grid = rows @ images.astype(np.float32) @ columns.T
    low, high = np.quantile(grid, [0.02, 0.99])
    if high <= low:
        low, high = grid.min(), grid.max()
    if high - low <= 1e-5 * abs(high):
        raise InputError(f"the images are constant ({images.flat[0]:g}), so no heart is seen; export the scan again")
    return np.clip((grid - low) / (high - low), 0, 1)


def disc_votes(grid: np.ndarray) -> np.ndarray:
    """Votes of the edges for the centre of a bright disc, of the shape of ``grid``: (slices, 2, rows, columns)."""
    smooth = gaussian_filter(grid, (0, 0, 1, 1))
    down, right = np.gradient(smooth, axis=(2, 3))
    strength = np.hypot(down, right)
    where = np.flatnonzero(strength > max(np.quantile(strength, 1 - EDGE_SHARE), 1e-6))
    strength = strength.ravel()[where]
    down, right = down.ravel()[where] / strength, right.ravel()[where] / strength
    plane, row, column = np.unravel_index(where, (grid.shape[0] * grid.shape[1], *grid.shape[2:]))
    weight = np.minimum(strength, EDGE_LIMIT)
    votes = np.zeros(grid.size)
    for radius in np.arange(RADII_MM[0], RADII_MM[1] + STEP_MM / 2, STEP_MM) / STEP_MM:
        i, j = np.rint(row + down * radius).astype(int), np.rint(column + right * radius).astype(int)
        inside = (i >= 0) & (i < grid.shape[2]) & (j >= 0) & (j < grid.shape[3])
        target = (plane * grid.shape[2] + i) * grid.shape[3] + j
        votes += np.bincount(target[inside], weight[inside] / radius, grid.size)  # a large circle has more edge
    return votes.reshape(grid.shape)


def nearness(shape: tuple[int, int], centre, sd_mm: float) -> np.ndarray:
    """A Gaussian of the distance to a point of the working grid (rows, columns), 1 at the point."""
    rows, columns = (np.exp(-0.5 * ((np.arange(size) - at) * STEP_MM / sd_mm) ** 2) for size, at in zip(shape, centre))
    return rows[:, None] * columns


def to_pixels(point, grid_shape: tuple, image_shape: tuple) -> tuple[float, float]:
    """A point (row, column) of the working grid in pixels of the images; both grids share their borders."""
    row, column = ((point[k] + 0.5) * image_shape[2 + k] / grid_shape[2 + k] - 0.5 for k in (0, 1))
    return float(row), float(column)


def _averaging(size: int, spacing: float) -> np.ndarray:
    """Matrix (output, input) from pixels of ``spacing`` mm to about STEP_MM, at least three of them."""
    count = max(round(size * spacing / STEP_MM), 3)
    ratio = size / count
    return triangle((np.arange(count) + 0.5) * ratio - 0.5, size, ratio)
