"""Painting on one image plane: coordinates, soft edges, textures."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class Plane:
    """Sample points of one plane in the heart's frame.

    x, y: float32 arrays (H, W) in mm about the LV axis (x to the image's right, y down); z in mm from the
    mitral plane at ED towards the apex. step_mm: distance between samples, also the width of an edge.
    origin, turn: where the LV axis lies (mm from the first sample) and the rotation, to get back to indices.
    """

    x: np.ndarray
    y: np.ndarray
    z: float
    step_mm: float
    origin: tuple[float, float]
    turn: float

    def part(self, rows: slice, columns: slice) -> "Plane":
        """A window of the plane."""
        origin = (self.origin[0] - columns.start * self.step_mm, self.origin[1] - rows.start * self.step_mm)
        return Plane(self.x[rows, columns], self.y[rows, columns], self.z, self.step_mm, origin, self.turn)

    def window(self, centre, reach_mm: float) -> tuple[slice, slice]:
        """Rows and columns within reach of a point given in the heart's frame."""
        middle, reach = self.index(*centre), reach_mm / self.step_mm
        return tuple(slice(max(int(m - reach), 0), max(int(m + reach) + 1, 0)) for m in middle)

    def index(self, x: float, y: float) -> tuple[float, float]:
        """(row, column) of a point given in the heart's frame."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        return (s * x + c * y + self.origin[1]) / self.step_mm, (c * x - s * y + self.origin[0]) / self.step_mm


def make_plane(size: int, step_mm: float, centre, turn: float, z: float) -> Plane:
    """A square plane of size x size samples whose LV axis lies at centre (mm right and down of its middle)."""
    position = (np.arange(size) - (size - 1) / 2.0) * step_mm
    right, down = position[None, :] - centre[0], position[:, None] - centre[1]
    c, s = np.cos(turn), np.sin(turn)
    x, y = (c * right + s * down).astype(np.float32), (c * down - s * right).astype(np.float32)
    return Plane(x, y, z, step_mm, (centre[0] - position[0], centre[1] - position[0]), turn)


def cover(distance, width: float):
    """Share of a sample inside a surface, from the signed distance (positive inside) over an edge of a width."""
    return np.minimum(np.maximum(distance * (1.0 / float(width)) + 0.5, 0.0), 1.0)


def blend(image, share, value):
    """Paint a value (number or array) over an image, in place."""
    image += share * (value - image)


def ellipse(x, y, centre, axes, turn: float = 0.0, squareness: float = 0.0):
    """Radial signed distance (mm, positive inside) to an ellipse; squareness 1 makes it u^4 + v^4 = 1."""
    c, s = math.cos(turn), math.sin(turn)
    right, down = x - float(centre[0]), y - float(centre[1])
    u, v = c * right + s * down, c * down - s * right
    squared = right * right + down * down
    a, b = max(float(axes[0]), 0.1), max(float(axes[1]), 0.1)
    u, v = (u * (1.0 / a)) ** 2, (v * (1.0 / b)) ** 2
    ratio = u + v if squareness == 0.0 else np.sqrt(u * u + v * v + (2.0 - 2.0 * squareness) * u * v)
    root = np.sqrt(np.maximum(ratio, 1e-6))
    return np.sqrt(np.maximum(squared, 1e-6 * min(a, b) ** 2)) * (1.0 / root - 1.0)


def warped(x, y, z: float, waves) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates moved by a few long waves, so that no outline is a perfect ellipse.

    waves: rows of amplitude (mm), two wave numbers (radians per mm) and phase. Even rows move x by waves over y
    and z, odd rows then y by waves over x and z: shears, one after the other, so that every volume is kept.
    """
    rows = np.asarray(waves).tolist()
    x = x + sum(amplitude * np.sin(k * y + (kz * z + start)) for amplitude, k, kz, start in rows[::2])
    y = y + sum(amplitude * np.sin(k * x + (kz * z + start)) for amplitude, k, kz, start in rows[1::2])
    return x, y


def stamp(image, plane: Plane, x: float, y: float, radius_mm: float, value: float) -> None:
    """Add a Gaussian spot: a vessel crossing the plane."""
    row, column = plane.index(x, y)
    spread = max(radius_mm / plane.step_mm, 0.5)
    reach = int(3 * spread) + 1
    top, left = int(row) - reach, int(column) - reach
    rows = np.arange(max(top, 0), min(int(row) + reach + 1, image.shape[0]))
    columns = np.arange(max(left, 0), min(int(column) + reach + 1, image.shape[1]))
    if len(rows) and len(columns):
        spot = np.exp(-(((rows - row) / spread) ** 2)[:, None] / 2 - ((columns - column) / spread) ** 2 / 2)
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += (value * spot).astype(image.dtype)


def lookup(tile: np.ndarray, rows, columns):
    """Nearest sample of a periodic tile whose sides are powers of two."""
    height, width = tile.shape
    return tile.ravel().take((rows.astype(np.int32) & (height - 1)) * width + (columns.astype(np.int32) & (width - 1)))


def noise_tile(rng: np.random.Generator, shape, grain_px, wrap="wrap") -> np.ndarray:
    """Smooth periodic noise of unit variance, float32; grain_px: width of its grain, one or a pair."""
    tile = gaussian_filter(rng.standard_normal(shape), grain_px, mode=wrap)
    return (tile / tile.std()).astype(np.float32)
