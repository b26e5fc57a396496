"""The scanner: slices, coils, k-space and noise, from signal to magnitude images."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from cardiosynth.data.phantom.tissues import Sequence


@dataclass(frozen=True)
class Scanner:
    """One subject's acquisition.

    pixel_mm: of the image; resolution_mm: of the k-space acquired (read-out, phase encoding). size_px: rows and
    columns. noise: SD per channel relative to blood. coils: (n, 5) position (mm from the image's middle, right,
    down, towards the apex), reach in mm and strength. ghost_mm: amplitude of motion during the read-out.
    """

    sequence: Sequence
    pixel_mm: float
    size_px: int
    thickness_mm: float
    slice_gap_mm: float
    resolution_mm: tuple[float, float]
    noise: float
    coils: np.ndarray
    gain: float
    ghost_mm: float = 0.0
    ghost_period: float = 7.0

    @property
    def extent_mm(self) -> float:
        """Side of the square that is imaged."""
        return self.pixel_mm * self.size_px


def coil_shading(scanner: Scanner, size: int, z: float) -> np.ndarray:
    """Receive sensitivity (size, size) over the image at depth z (mm): an even part and one per surface coil."""
    position = ((np.arange(size) + 0.5) / size - 0.5) * scanner.extent_mm
    shading = np.ones((size, size))
    for right, down, deep, reach, strength in scanner.coils:
        squared = (position[None, :] - right) ** 2 + (position[:, None] - down) ** 2 + (z - deep) ** 2
        shading += strength * np.exp(-squared / (2.0 * reach**2))
    return shading.astype(np.float32)


def acquire(signal: np.ndarray, scanner: Scanner, rng: np.random.Generator) -> np.ndarray:
    """Magnitude images (slices, size_px, size_px), float32, of signed signals (slices, n, n) over the same extent.

    The signal's k-space is cut to the acquired resolution, apodised, filled with zeros to the image's grid,
    and given complex Gaussian noise, so that the magnitude is Rician.
    """
    n = signal.shape[-1]
    spectrum = fft.fft2(signal.astype(np.complex64), norm="forward")
    down, right = (_frequencies(scanner, scanner.resolution_mm[axis], n) for axis in (1, 0))
    kept = spectrum[:, down[:, None], right]
    kept *= (_apodise(down)[:, None] * _apodise(right)).astype(np.float32)
    kept *= _recentre(scanner, n, down)[:, None] * _recentre(scanner, n, right)
    if scanner.ghost_mm:
        kept *= _ghosts(scanner, down)[:, None]
    spread = scanner.noise / np.sqrt(down.size * right.size)
    kept += spread * rng.standard_normal((*kept.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    filled = np.zeros((len(signal), scanner.size_px, scanner.size_px), np.complex64)
    filled[:, down[:, None], right] = kept
    return np.abs(fft.ifft2(filled, norm="forward", overwrite_x=True)) * np.float32(scanner.gain)


def _frequencies(scanner: Scanner, resolution_mm: float, n: int) -> np.ndarray:
    """Integer frequencies acquired along an axis, as indices that are valid on every grid that holds them."""
    count = min(int(scanner.extent_mm / max(resolution_mm, scanner.pixel_mm)), scanner.size_px, n)
    half = (count - 1) // 2
    return np.arange(-half, half + 1)


def _apodise(frequencies: np.ndarray) -> np.ndarray:
    """A Tukey window: flat over the inner 60 %, to tame ringing as scanners do."""
    outer = np.clip((np.abs(frequencies) / (frequencies.max() + 1.0) - 0.6) / 0.4, 0.0, 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * outer)


def _recentre(scanner: Scanner, n: int, frequencies: np.ndarray) -> np.ndarray:
    """Phase ramp between the two grids, whose first samples differ by half the difference of their steps."""
    shift_mm = (scanner.pixel_mm - scanner.extent_mm / n) / 2.0
    return np.exp(2j * np.pi * frequencies * shift_mm / scanner.extent_mm).astype(np.complex64)


def _ghosts(scanner: Scanner, frequencies: np.ndarray) -> np.ndarray:
    """Periodic displacement from one phase-encoding line to the next: copies along the column, and blur."""
    displacement = scanner.ghost_mm * np.sin(2.0 * np.pi * frequencies / scanner.ghost_period + 1.0)
    return np.exp(-2j * np.pi * frequencies * displacement / scanner.extent_mm).astype(np.complex64)
