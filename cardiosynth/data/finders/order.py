"""Which end of a short-axis stack is the base, from the ED and ES images alone.

Towards the base there is more blood in the plane, of both ventricles and the atria, and more of it moves; towards the apex
there is lung and fat. How often that is right stands in ``data/results/finders/order.csv``.
"""

import numpy as np

from cardiosynth.data.finders.centre import STEP_MM, disc_votes, grid_centre, working_grid

NEAR_MM = 60.0  # both ventricles lie within that of the left one's centre


def apex_first(images: np.ndarray, spacing_mm: tuple[float, float]) -> bool:
    """Whether the slices run from apex to base, by brightness at ED and motion near the heart in either half.

    images: (slices, 2, H, W), ED and ES, of any intensity scale. spacing_mm: pixel (row, column). The middle slice of an
    odd number belongs to no half. Raises InputError as ``heart_centre`` does.
    """
    grid = working_grid(images, spacing_mm)
    row, column = grid_centre(grid, disc_votes(grid))
    rows, columns = np.ogrid[: grid.shape[2], : grid.shape[3]]
    planes = grid[:, :, np.hypot(rows - row, columns - column) * STEP_MM < NEAR_MM]  # (slices, 2, pixels)
    brightness, motion = planes[:, 0].mean(axis=1), np.abs(planes[:, 0] - planes[:, 1]).mean(axis=1)
    half = max(len(grid) // 2, 1)
    return bool(sum(np.log(part[:half].mean() + 1e-6) - np.log(part[-half:].mean() + 1e-6) for part in (brightness, motion)) < 0)
