import json
import os

import numpy as np
import pytest

from cardiosynth.data import phantom
from cardiosynth.data.finders import extent as module
from cardiosynth.data.finders.extent import best_run, extent
from cardiosynth.data.readers import acdc
from cardiosynth.data.volumes import LV
from cardiosynth.study.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hearts():
    return [phantom.subject(site, "test", index, 40, 7) for site in "ab" for index in range(5)]


def ends(subject, images=None):
    """Slices cut too many (positive) or too few at base and apex."""
    found = extent(subject.images if images is None else images, subject.spacing_mm, subject.slice_gap_mm)
    true = np.flatnonzero((subject.masks == LV).any(axis=(1, 2, 3)))
    return found.start - true[0], true[-1] + 1 - found.stop


def test_base_and_apex_of_phantoms_are_found_within_a_slice(hearts):
    off = np.array([ends(heart) for heart in hearts])
    untouched = np.array([(-1, -1)] * len(hearts))
    assert np.mean(np.abs(off) <= 1) >= 0.9
    assert np.abs(off).sum() < 0.6 * np.abs(untouched).sum()


def test_still_slices_beyond_either_end_are_cut(hearts):
    """Copies of the end slices, the same at ED and ES: what does not beat holds no LV."""
    heart = hearts[0]
    still = [np.repeat(heart.images[end : end + 1, :1], 2, axis=1) for end in (0, len(heart.images) - 1)]
    longer = np.concatenate([still[0]] * 2 + [heart.images] + [still[1]] * 2)
    found = extent(longer, heart.spacing_mm, heart.slice_gap_mm)
    assert found.start >= 2 and found.stop <= len(longer) - 2


def test_intensity_scale_does_not_matter(hearts):
    for heart in hearts[:3]:
        assert ends(heart) == ends(heart, 37.0 * heart.images + 400.0)


def test_the_best_run_has_the_largest_sum():
    assert best_run(np.array([-1.0, 2.0, -0.5, 3.0, -4.0, 2.0]), 1) == slice(1, 4)
    assert best_run(np.array([-3.0, 1.0, -2.0, -2.0]), 3) == slice(1, 4)
    assert best_run(np.full(6, -1.0), 3) == slice(0, 3)


@pytest.mark.parametrize("count, gap_mm, least", [(1, 10.0, 1), (2, 10.0, 2), (3, 10.0, 3), (9, 10.0, 5), (9, 25.0, 3)])
def test_at_least_three_slices_and_fifty_mm_come_back(hearts, count, gap_mm, least, monkeypatch):
    monkeypatch.setattr(module, "log_odds", lambda measured, fitted: np.full(len(measured), -9.0))
    found = extent(hearts[0].images[2 : 2 + count], hearts[0].spacing_mm, gap_mm)
    assert found.stop - found.start == least


def test_the_committed_regression_fits_the_features():
    fitted = json.loads(module.MODEL.read_text())
    assert tuple(fitted["features"]) == module.FEATURES
    assert len(fitted["coefficients"]) == module.design(np.zeros((4, len(module.FEATURES)))).shape[1]


@pytest.mark.parametrize(
    "images, gap_mm, message",
    [
        (np.full((6, 2, 50, 50), 3.0), 10.0, r"constant \(3\)"),
        (np.zeros((6, 50, 50)), 10.0, r"shape \(6, 50, 50\); expected"),
        (None, 0.0, "slice gap 0.0 mm; expected"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(hearts, images, gap_mm, message):
    with pytest.raises(InputError, match=message) as caught:
        extent(hearts[0].images if images is None else images, (1.5, 1.5), gap_mm)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif("CARDIOSYNTH_REAL" not in os.environ, reason="needs the real ACDC; set CARDIOSYNTH_REAL to the folder that holds acdc/")
def test_real_hearts_keep_their_slices():
    """Every fifth official test patient: within a slice at both ends in most."""
    scans = [scan for scan in acdc.find(os.environ["CARDIOSYNTH_REAL"]) if scan.part == "test"][::5]
    off = np.array([ends(acdc.read(scan)) for scan in scans])
    assert np.mean(np.abs(off) <= 1) >= 0.9
