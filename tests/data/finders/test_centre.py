import os

import numpy as np
import pytest

from cardiosynth.data.finders.centre import heart_centre
from cardiosynth.data.readers import acdc
from cardiosynth.data.volumes import LV
from cardiosynth.study.errors import InputError

CENTRE_MM, SPACING_MM, SHAPE = (80.0, 140.0), (1.5, 1.25), (140, 160)


def beating_disc(noise=0.02, drift_mm=1.5):
    """Eight slices: a bright disc that shrinks in a dark ring, grey around it, a dark still lung and a bright still wall."""
    rows, columns = np.meshgrid(*(np.arange(size) * step for size, step in zip(SHAPE, SPACING_MM)), indexing="ij")
    rng = np.random.default_rng(5)
    images = np.full((8, 2, *SHAPE), 0.45)
    images[..., columns < 45] = 0.05
    images[..., rows > 190] = 1.0
    for index in range(8):
        distance = np.hypot(rows - CENTRE_MM[0], columns - CENTRE_MM[1] - (index - 3.5) * drift_mm)
        for phase, (inner, outer) in enumerate(((26, 35), (17, 32))):
            size = 1 - 0.06 * index
            images[index, phase][distance < outer * size] = 0.15
            images[index, phase][distance < inner * size] = 0.9
    return images + rng.normal(0, noise, images.shape)


def off_mm(found, images_shape=SHAPE, flipped=(False, False)):
    """Distance to the true centre, where the images were flipped along rows or columns."""
    place = [size - 1 - at if turn else at for at, size, turn in zip(found, images_shape, flipped)]
    return np.hypot(*(at * step - true for at, step, true in zip(place, SPACING_MM, CENTRE_MM)))


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.15])
def test_a_beating_disc_far_from_the_images_middle_is_found(noise):
    middle = [(size - 1) / 2 for size in SHAPE]
    assert off_mm(middle) > 40
    assert off_mm(heart_centre(beating_disc(noise), SPACING_MM)) < 3


def test_intensity_scale_and_type_do_not_matter():
    images = beating_disc()
    scaled = np.rint(4000 * (images + 1)).astype(np.int16)
    assert heart_centre(scaled, SPACING_MM) == pytest.approx(heart_centre(images, SPACING_MM), abs=2.5)


@pytest.mark.parametrize("rows, columns", [(True, False), (False, True), (True, True)])
def test_the_centre_turns_with_the_images(rows, columns):
    images = beating_disc()[..., :: -1 if rows else 1, :: -1 if columns else 1]
    assert off_mm(heart_centre(images, SPACING_MM), flipped=(rows, columns)) < 3


def test_rows_and_columns_are_told_apart():
    found = heart_centre(beating_disc().swapaxes(2, 3), SPACING_MM[::-1])
    assert off_mm(found[::-1]) < 3


def test_slices_without_a_heart_and_a_moving_vessel_are_outvoted():
    images = beating_disc()
    images[:2] = images[:2, :1]  # nothing beats beyond the base
    images[7, :, 10:110, 110:150] = np.array([0.1, 1.0])[:, None, None]  # and something large flickers at the apex
    assert off_mm(heart_centre(images, SPACING_MM)) < 6


@pytest.mark.parametrize(
    "images, spacing_mm, message",
    [
        (np.full((5, 2, 40, 40), 7), (1.5, 1.5), r"images are constant \(7\)"),
        (np.repeat(beating_disc()[:, :1], 2, axis=1), SPACING_MM, "ED and ES are the same images"),
        (np.zeros((5, 3, 40, 40)), (1.5, 1.5), r"shape \(5, 3, 40, 40\); expected \(slices, 2, H, W\)"),
        (beating_disc(), (0.0, 1.5), r"spacing \(0.0, 1.5\) mm; expected two positive"),
    ],
)
def test_images_without_a_heart_are_refused_in_one_sentence(images, spacing_mm, message):
    with pytest.raises(InputError, match=message) as caught:
        heart_centre(images, spacing_mm)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs the real ACDC; set CARDIOSYNTH_REAL to the folder that holds acdc/")
def test_real_hearts_are_found_and_kept_whole():
    """Every fifth official test patient."""
    scans = [scan for scan in acdc.find(os.environ["CARDIOSYNTH_REAL"]) if scan.part == "test"][::5]
    for subject in map(acdc.read, scans):
        pixels = np.argwhere(subject.masks == LV)[:, 2:]
        away_mm = (pixels - np.array(heart_centre(subject.images, subject.spacing_mm))) * subject.spacing_mm
        assert np.hypot(*away_mm.mean(axis=0)) < 20, subject.id
        assert (np.abs(away_mm) <= 75).all(), subject.id
