"""End-diastole and end-systole of a cine, found from its images alone.

The heart is what moves. Within a disc about the centre of motion, the time courses of all pixels of the middle
slices share one strong component, blood giving way to muscle and back: their first principal component. It says
when the ventricle is fullest and emptiest up to its sign, and blood being brighter than muscle decides the sign.
Errors are about a frame, where the volume hardly changes (``data/results/finders/keyframes.csv``); where systole is
shorter than a third of the cycle, smoothing can make it two.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from cardiosynth.data.subject import Cine
from cardiosynth.study.errors import InputError

PIXEL_MM = 2.5  # coarse pixels: noise and small vessels average out
RADIUS_MM = 35.0  # of the disc about the centre of motion: the left ventricle and its wall, little lung
SCALE_MM = 15.0  # width of the Gaussian that finds the centre of motion: about a ventricle
PRIOR_MM = 60.0  # width of the Gaussian about the image centre that keeps arms, bowel and wrap-around out
HARMONICS = 2  # of the cardiac cycle that the curve keeps: its shape, without the wobble of single frames


def keyframes(frames: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """The phases (ED, ES) of a cine (slices, phases, H, W) of any real type and intensity scale.

    spacing_mm: in-plane pixel (row, column). Phases are taken as evenly spaced over one cycle, which may begin
    anywhere; two phases (ED and ES in unknown order) are enough. The order of the slices does not matter.
    Raises InputError for fewer than two phases, for pixels that are not finite and where nothing moves.
    """
    curve = filling(frames, spacing_mm)
    return int(curve.argmax()), int(curve.argmin())


def at_keyframes(cine: Cine) -> tuple[np.ndarray, dict]:
    """The images (slices, 2, H, W) of a cine at ED and ES, and what to note of it: the frames, counted from 0, what was
    mended and what looks doubtful.

    Raises InputError naming the scan where nothing moves.
    """
    try:
        ed, es = keyframes(cine.frames, cine.spacing_mm)
    except InputError as error:
        raise InputError(f"{cine.id}: {error}") from error
    notes = {"ed_frame": ed, "es_frame": es, "phases": cine.frames.shape[1], "mended": "; ".join(cine.mended), "doubts": "; ".join(cine.doubts)}
    return np.ascontiguousarray(cine.frames[:, [ed, es]]), notes


def filling(frames: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """The filling of the heart at each phase, (phases,), in no unit: largest at ED, least at ES, mean 0.

    Arguments and errors as for ``keyframes``.
    """
    if frames.ndim != 4 or frames.shape[1] < 2:
        raise InputError(f"frames have shape {frames.shape}; expected (slices, phases, H, W) with at least two phases")
    block = tuple(max(1, round(PIXEL_MM / size)) for size in spacing_mm)
    middle = np.stack([_coarse(stack, block) for stack in frames[_middle(len(frames))]])
    motion = middle.std(axis=1).sum(axis=0)
    if not (np.isfinite(motion).all() and motion.max() > 0):
        raise InputError("nothing moves in the frames, or they hold NaN, so ED and ES cannot be found; name the two frames instead")
    pixels = middle[:, :, _disc(motion, np.multiply(block, spacing_mm))]
    courses = np.concatenate(list(pixels - pixels.mean(axis=1, keepdims=True)), axis=1)
    component = np.linalg.eigh(courses @ courses.T)[1][:, -1]
    brightness = pixels.mean(axis=(0, 2))
    if component @ (brightness - brightness.mean()) < 0:
        component = -component
    return _smooth(component - component.mean())


def _middle(slices: int) -> slice:
    """The middle half of a stack: no atria at one end, no apex that moves out of the slice at the other."""
    margin = slices // 4
    return slice(margin, slices - margin)


def _coarse(stack: np.ndarray, block: tuple[int, int]) -> np.ndarray:
    """Means over blocks of (rows, columns) pixels of one slice (phases, H, W), as float32."""
    rows, columns = block
    height, width = stack.shape[1] // rows, stack.shape[2] // columns
    cut = stack[:, : height * rows, : width * columns].astype(np.float32)
    return cut.reshape(len(stack), height, rows, width, columns).mean(axis=(2, 4))


def _disc(motion: np.ndarray, pixel_mm: np.ndarray) -> np.ndarray:
    """Pixels (H, W) within RADIUS_MM of the centre of motion. pixel_mm: of the coarse grid (row, column)."""
    y, x = np.indices(motion.shape) * np.reshape(pixel_mm, (2, 1, 1))
    from_middle = np.hypot(y - y.mean(), x - x.mean())
    likely = gaussian_filter(motion, SCALE_MM / pixel_mm) * np.exp(-0.5 * (from_middle / PRIOR_MM) ** 2)
    row, column = np.unravel_index(likely.argmax(), likely.shape)
    return np.hypot(y - y[row, column], x - x[row, column]) < RADIUS_MM


def _smooth(curve: np.ndarray) -> np.ndarray:
    """A cyclic curve of its first HARMONICS alone."""
    spectrum = np.fft.rfft(curve)
    spectrum[HARMONICS + 1 :] = 0
    return np.fft.irfft(spectrum, len(curve))
