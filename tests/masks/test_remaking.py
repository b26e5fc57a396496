"""Masks of synthetic subjects, made again."""

import pytest

from cardiosynth.data.volumes import volume_ml
from cardiosynth.masks.remaking import remake
from tiny_study import results  # noqa: F401 (a fixture)


def test_masks_of_a_painted_subject_have_its_volumes(results):
    painted = results.painted().table
    for subject in painted.index[:4]:
        edv, esv = volume_ml(remake(results.candidates(), results.cohort(1), subject), 16.0, 8.0)
        assert (edv, esv) == (pytest.approx(painted.at[subject, "edv_ml"]), pytest.approx(painted.at[subject, "esv_ml"]))
