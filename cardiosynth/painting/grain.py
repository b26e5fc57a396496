"""The fine noise that painted images lack, measured on the training split and given back when hearts are painted.

A generator paints what a mask and a style tell it; noise is in neither, and the losses that compare features reward the mean
of what may be there. Networks that learn from images so smooth read real ones with a bias. Noise is what differs between the two frames
of a slice where their structures do not: its deviation is taken structure by structure, its colour from the spectrum, since
images that were resampled do not have white noise. Medians keep out the few pixels where vessels pulse.
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import median_abs_deviation

from cardiosynth.data.volumes import LABELS

SIGMA_PX = 1.0  # of the blur that separates coarse structure from fine
RINGS = 33  # of spatial frequency, from 0 to 0.5 cycles per pixel
COARSE = 0.1  # cycles per pixel: what differs more slowly is no noise


def missing(real: np.ndarray, painted: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The noise that lifts the fine difference of painted ED and ES frames to that of real ones.

    All (slices, 2, H, W) of uint8. Returns its SD in grey levels for each label, (labels,), and the relative amplitude of
    every ring of frequency, (RINGS,); zeros where painted images lack nothing.
    """
    real, painted = (np.subtract(images[:, 0], images[:, 1], dtype=np.float32) / np.sqrt(2) for images in (real, painted))
    ring = _rings(real.shape[-2:])
    power = (np.mean(np.abs(np.fft.fft2(x)) ** 2, axis=0) for x in (real, painted))
    sums = [np.bincount(ring.ravel(), p.ravel(), RINGS) for p in power]
    colour = np.sqrt(np.maximum(sums[0] - sums[1], 0) / np.maximum(np.bincount(ring.ravel(), minlength=RINGS), 1))
    colour[np.linspace(0, 0.5, RINGS) < COARSE] = 0
    if not colour.any():
        return np.zeros(len(LABELS)), colour
    passed = (_filter(real.shape[-2:], colour) * _fine_response(real.shape[-2:])) ** 2
    fine = [x - gaussian_filter(x, (0, SIGMA_PX, SIGMA_PX)) for x in (real, painted)]
    sd = np.zeros(len(LABELS))
    for label in LABELS.values():
        still = (masks == label).all(axis=1)
        if still.any():
            variance = [median_abs_deviation(x[still], scale="normal") ** 2 for x in fine]
            sd[label] = np.sqrt(max(variance[0] - variance[1], 0) / passed.mean())
    return sd, colour / colour.max()


def with_noise(images: np.ndarray, masks: np.ndarray, sd: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images of uint8 with noise as ``missing`` returns it, kept within 0 and 255; images and masks (..., H, W)."""
    if not np.any(sd):
        return images
    white = np.fft.fft2(rng.standard_normal(images.shape, np.float32))
    noise = np.fft.ifft2(white * _filter(images.shape[-2:], colour)).real  # of unit variance
    return (images + noise * sd[masks]).round().clip(0, 255).astype(np.uint8)


def _frequencies(shape) -> np.ndarray:
    """Radial frequency in cycles per pixel of every term of a Fourier transform, (H, W)."""
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None])


def _rings(shape) -> np.ndarray:
    return np.minimum((_frequencies(shape) * 2 * (RINGS - 1)).round().astype(int), RINGS - 1)


def _filter(shape, colour) -> np.ndarray:
    """Amplitudes (H, W) that give white noise that colour and leave its variance."""
    amplitude = np.interp(_frequencies(shape), np.linspace(0, 0.5, RINGS), colour)
    return amplitude / np.sqrt(np.mean(amplitude**2))


def _fine_response(shape) -> np.ndarray:
    return 1 - np.exp(-2 * (np.pi * SIGMA_PX * _frequencies(shape)) ** 2)
