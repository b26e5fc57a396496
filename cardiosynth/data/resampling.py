"""Linear resampling along one axis as a matrix."""

import numpy as np


def triangle(positions: np.ndarray, size: int, step: float) -> np.ndarray:
    """Matrix (positions, size) that samples ``size`` pixels at the positions (in pixels), ``step`` pixels apart.

    The kernel is a triangle as wide as the larger of the two pixels, so that shrinking averages instead of
    skipping pixels. Rows sum to 1, or to 0 where no pixel is near. float32.
    """
    weights = np.clip(1 - np.abs(positions[:, None] - np.arange(size)) / max(step, 1.0), 0, None)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / np.where(total > 0, total, 1)).astype(np.float32)
