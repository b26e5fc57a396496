import numpy as np
import pytest

from cardiosynth.data import phantom
from cardiosynth.data.finders.order import apex_first
from cardiosynth.study.errors import InputError
from model_files import SPACING_MM, cone


@pytest.mark.parametrize("slices", [3, 8, 9])
def test_a_cone_has_its_base_where_it_is_wide(slices):
    images = cone("one", 1, slices=slices).images
    assert not apex_first(images, SPACING_MM)
    assert apex_first(images[::-1], SPACING_MM)
    assert apex_first(1000 - 3 * images[::-1].max() + 3 * images[::-1], SPACING_MM)  # the scale of intensities does not matter


@pytest.mark.slow
@pytest.mark.parametrize("site", "ab")
def test_phantom_subjects(site):
    for subject in phantom.subjects(site, "test", 3, 5):
        assert not apex_first(subject.images, subject.spacing_mm)
        assert apex_first(subject.images[::-1], subject.spacing_mm)


def test_a_heart_that_does_not_beat_has_no_ends():
    images = np.repeat(cone("one", 1).images[:, :1], 2, axis=1)
    with pytest.raises(InputError, match="the same images"):
        apex_first(images, SPACING_MM)
