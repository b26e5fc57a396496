"""Analytic hearts: a bright disc in a darker ring that pulsates, the area of the disc known at every phase."""

import numpy as np
import pytest

from cardiosynth.data.finders.keyframes import filling, keyframes
from cardiosynth.study.errors import InputError

PIXEL_MM = (1.5, 1.5)


def hearts(volume, size=96, slices=8, centre=(40, 52), noise=0.0, atrium=False):
    """Frames (slices, phases, size, size) of a disc of blood in muscle of constant volume; volume: (phases,), 1 at ED.

    atrium: a larger disc in the first two slices that fills while the ventricle empties.
    """
    rng = np.random.default_rng(0)
    y, x = np.indices((size, size))
    distance = np.hypot(y - centre[0], x - centre[1])
    frames = np.empty((slices, len(volume), size, size), np.float32)
    for index in range(slices):
        largest = 16 * np.sqrt(1 - 0.8 * index / slices)
        for phase, filled in enumerate(volume):
            inner = np.square(largest) * filled
            outer = np.sqrt(inner + largest * 14)
            if atrium and index < 2:
                inner, outer = 20**2 * (1.7 - filled), 0
            frames[index, phase] = 50 + 30 * (distance < outer) + 120 * np.clip(np.sqrt(inner) - distance + 0.5, 0, 1)
    return frames + rng.normal(0, noise, frames.shape)


def beat(phases, es=0.36):
    """Volume over the cycle: 1 at phase 0, 0.4 at the phase nearest to ``es``, smooth between them."""
    turn = round(es * phases)
    n = np.arange(phases)
    part = np.where(n <= turn, n / turn, 1 + (n - turn) / (phases - turn))
    return 0.7 + 0.3 * np.cos(np.pi * part)


def near(found, expected, phases):
    """Whether both are at most one frame off, the short way round."""
    return all(min((a - b) % phases, (b - a) % phases) <= 1 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("phases", [20, 25, 30])
@pytest.mark.parametrize("shift", [0, 7, 18])
@pytest.mark.parametrize("es", [0.36, 0.4, 0.45])
def test_ed_and_es_are_found_to_a_frame_wherever_the_cine_begins(phases, shift, es):
    frames = hearts(beat(phases, es))
    ed, found_es = keyframes(frames, PIXEL_MM)
    assert near((ed, found_es), (0, round(es * phases)), phases)
    assert keyframes(np.roll(frames, shift, axis=1), PIXEL_MM) == ((ed + shift) % phases, (found_es + shift) % phases)


def test_an_even_beat_is_found_exactly():
    assert keyframes(np.roll(hearts(beat(24, 0.5)), 4, axis=1), PIXEL_MM) == (4, 16)


@pytest.mark.parametrize("volume, expected", [([1.0, 0.5], (0, 1)), ([0.5, 1.0], (1, 0))])
def test_two_frames_are_put_in_order(volume, expected):
    assert keyframes(hearts(volume), PIXEL_MM) == expected


def test_noise_moves_neither_by_more_than_a_frame():
    assert near(keyframes(np.roll(hearts(beat(25), noise=40), 5, axis=1), PIXEL_MM), (5, 14), 25)


def test_an_atrium_that_fills_in_systole_does_not_swap_them():
    assert keyframes(hearts(beat(25), atrium=True), PIXEL_MM) == keyframes(hearts(beat(25)), PIXEL_MM)


def test_neither_slice_order_nor_intensity_scale_nor_pixel_shape_matters():
    frames = hearts(beat(25))
    expected = keyframes(frames, PIXEL_MM)
    for same in (frames[::-1], 0.001 * frames - 3, (10 * frames).astype(np.int16)):
        assert keyframes(same, PIXEL_MM) == expected
    assert keyframes(frames[:, :, ::2], (3.0, 1.5)) == expected


def test_the_filling_follows_the_known_volume():
    volume = beat(25)
    assert np.corrcoef(filling(hearts(volume), PIXEL_MM), volume)[0, 1] > 0.99


@pytest.mark.parametrize(
    "frames, message",
    [
        (np.zeros((5, 20, 32)), r"shape \(5, 20, 32\); expected \(slices, phases, H, W\)"),
        (np.ones((5, 1, 32, 32)), "at least two phases"),
        (np.ones((5, 20, 32, 32)), "nothing moves"),
        (np.where(hearts([1.0, 0.5]) > 100, np.nan, 0.0), "or they hold NaN"),
    ],
)
def test_frames_without_a_beat_are_refused(frames, message):
    with pytest.raises(InputError, match=message):
        keyframes(frames, PIXEL_MM)
