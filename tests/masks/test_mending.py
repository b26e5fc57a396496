"""Mending: walls close and specks go, the LV and the source's own masks stay."""

import numpy as np

from cardiosynth.masks.anatomy import examine
from cardiosynth.masks.mending import Mender


def source():
    """One slice: an LV of 10 x 10 pixels in a wall of 3, beside it an RV of 20 x 20."""
    masks = np.zeros((1, 2, 40, 60), np.uint8)
    masks[..., 10:30, 5:25] = 1
    masks[..., 12:28, 25:41] = 2
    masks[..., 15:25, 28:38] = 3
    return masks


def mended(frame, own=None):
    own = source() if own is None else own
    return Mender(own, examine(own)).mend(frame.copy())


def test_a_sound_frame_stays():
    assert (mended(source()[:, 0]) == source()[:, 0]).all()


def test_a_gap_becomes_a_wall_of_one_pixel_and_the_lv_stays():
    frame = source()[:, 0]
    frame[0, 18:20, 38:41] = 0
    frame[0, 15, 25:28] = 1
    made = mended(frame)
    assert (made[0, 18:20, 38] == 2).all() and (made[0, 18:20, 39:41] == 0).all()
    assert made[0, 15, 25:28].tolist() == [1, 1, 2]
    assert ((made == 3) == (frame == 3)).all()


def test_a_wall_that_is_open_in_the_source_stays_open():
    own = source()
    own[0, 1, 18:20, 38:41] = 0
    frame = own[:, 1]
    assert (mended(frame, own) == frame).all()


def test_specks_go_and_parts_stay():
    """Up to 1 % of the source's 400 pixels are a speck; more is a second RV, which the checks then name."""
    frame = source()[:, 0]
    frame[0, 2:4, 2:4] = 1
    frame[0, 35, 2:7] = 1
    made = mended(frame)
    assert (made[0, 2:4, 2:4] == 0).all() and (made[0, 35, 2:7] == 1).all()


def test_specks_that_the_source_has_stay():
    own = source()
    own[0, 0, 2, 2] = 1
    frame = own[:, 0].copy()
    assert (mended(frame, own) == frame).all()
    frame[0, 37, 2] = 1
    assert mended(frame, own)[frame == 1].sum() == (frame == 1).sum() - 1


def test_a_frame_without_rv_or_lv_is_left_alone():
    assert not mended(np.zeros((1, 40, 60), np.uint8)).any()
