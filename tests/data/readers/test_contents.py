"""What masks are called, checked by what encloses what, by their neighbours and by the images under them."""

import numpy as np
import pytest

from cardiosynth.data.preprocessing import place
from cardiosynth.data.readers import acdc, contents, nifti
from cardiosynth.data.readers.layout import Scan
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid
from nifti_hearts import heart, write


def stack():
    """Images and masks as the project has them, (slices, 2, H, W)."""
    return [array.transpose(2, 3, 1, 0) for array in heart()]


def test_nothing_is_said_of_masks_that_are_right():
    assert contents.doubts(*stack(), "here") == []


@pytest.mark.parametrize(
    "order, inner, outer",
    [
        ([0, 3, 2, 1], "RV", "myocardium"),
        ([0, 1, 3, 2], "myocardium", "LV"),
        ([0, 2, 1, 3], "LV", "RV"),
        ([0, 2, 3, 1], "RV", "LV"),
        ([0, 3, 1, 2], "myocardium", "RV"),
    ],
)
def test_exchanged_labels_are_refused_with_their_numbers(order, inner, outer):
    images, masks = stack()
    with pytest.raises(
        InputError, match=rf"^here: .* for \d+ %, but that of what is called {inner} is {outer} for 100 %, so the labels are exchanged"
    ):
        contents.doubts(images, np.array(order, np.uint8)[masks], "here")


def test_a_wall_that_is_open_is_doubted_and_a_wall_that_is_not_drawn_cannot_be_checked():
    images, masks = stack()
    open_wall = np.where((masks == 2) & (np.arange(masks.shape[3]) > 27), 0, masks)
    assert contents.doubts(images, open_wall, "here")[0].startswith("the border of the LV is myocardium for 5")
    for changed in (np.where(masks == 2, 0, masks), np.where(masks == 1, 3, 0), np.where(masks > 0, 3, 0)):
        assert "no myocardium drawn at ED, so whether what is called LV is the LV cannot be checked" in contents.doubts(images, changed, "here")


@pytest.mark.parametrize("phase, name", [(0, "ED"), (1, "ES")])
def test_each_phase_is_asked_alone(phase, name):
    images, masks = stack()
    exchanged, merged, turned = (masks.copy() for _ in range(3))
    exchanged[:, phase] = np.array([0, 3, 2, 1], np.uint8)[masks[:, phase]]
    merged[:, phase] = np.array([0, 3, 2, 3], np.uint8)[masks[:, phase]]
    turned[:, phase] = masks[:, phase, :, ::-1]
    with pytest.raises(InputError, match=f"here: at {name} the border of what is called LV"):
        contents.doubts(images, exchanged, "here")
    assert any(
        phrase.startswith("the border of the LV is myocardium for") and f"only at {name}" in phrase
        for phrase in contents.doubts(images, merged, "here")
    )
    assert any(
        phrase.startswith(f"the masks of {name} fit the images better with the columns reversed")
        for phrase in contents.doubts(images, turned, "here")
    )


@pytest.mark.parametrize("axis, how", [(0, "slices"), (2, "rows"), (3, "columns")])
def test_masks_reversed_without_a_trace_are_seen_on_the_images(axis, how):
    images, masks = stack()
    for phrase, name in zip(contents.doubts(images, np.flip(masks, axis), "here"), ("ED", "ES"), strict=True):
        assert phrase.startswith(f"the masks of {name} fit the images better with the {how} reversed: blood is ") and phrase.endswith(
            "times as they are"
        )


def test_masks_moved_or_transposed_and_images_of_another_scale():
    images, masks = stack()
    square, on = images[:, :, :44, :44], masks[:, :, :44, :44]
    assert contents.doubts(square, on, "here") == contents.doubts((square - 150.0) / 40, on, "here") == []
    assert "better with rows and columns exchanged" in contents.doubts(square, on.swapaxes(2, 3), "here")[0]
    assert "better moved by 0 rows and 12 columns" in contents.doubts(square, np.roll(on, -12, axis=3), "here")[0]


def test_what_no_scanner_makes_is_said_of_the_images():
    images, masks = stack()
    black, turned = images.copy(), images.copy()
    black[2, 1] = 0
    turned[:, 1] = images[:, 1, ::-1]
    assert contents.odd_images(images) == []
    assert contents.odd_images(black) == ["the image of slice 3 of 6 at ES is all of one grey"]
    assert contents.odd_images(np.repeat(images, [1, 2, 1, 1, 1, 1], axis=0)) == [
        "slice 3 of 7 is the one before again, so the stack may be too long"
    ]
    for other in (images[:, 1] * 3.0, images[:, 1] + 500.0):
        (phrase,) = contents.odd_images(np.stack([images[:, 0], other], axis=1))
        assert phrase.startswith("greys lie otherwise at ED and ES, those of ED about 1")
    assert contents.odd_images(turned)[0].startswith("the ES image fits the ED image better with the rows reversed (correlation 0.")


def test_a_ventricle_that_one_phase_has_in_part_is_said():
    _, masks = stack()
    for phase, rows, told in (
        (1, slice(3, 6), "3 slices have an LV at ED alone and 0 at ES alone"),
        (0, slice(0, 2), "0 slices have an LV at ED alone and 2 at ES alone"),
    ):
        part = masks.copy()
        part[rows, phase] = 0
        assert contents.gaps(part) == [f"{told}; is one phase drawn in part?"]


def test_phases_exchanged_in_images_alone_and_phases_that_are_one_are_said():
    images, masks = stack()
    assert "better with ED and ES exchanged" in contents.doubts(images[:, ::-1], masks, "here")[0]
    assert contents.doubts(images[:, [0, 0]], masks[:, [0, 0]], "here") == ["the images and masks of ED and ES are the same"]


def test_masks_of_another_patient_are_doubted():
    images, masks = stack()
    assert "do they belong to these images?" in contents.doubts(np.full_like(images, 100), masks, "here")[-1]


def test_gaps_are_named_by_slice_and_phase():
    _, masks = stack()
    masks[2] = 0
    masks[4, 1][np.cumsum(masks[4, 1] == 3).reshape(masks.shape[2:]) > 1] = 0
    before, after = ((masks[row, 1] == 3).sum() for row in (3, 5))
    assert contents.gaps(masks) == [
        "no LV drawn in slice 3 of 6 at ED, between slices with LV, so the volume of the masks is too small",
        "no LV drawn in slice 3 of 6 at ES, between slices with LV, so the volume of the masks is too small",
        f"hardly any LV drawn in slice 5 of 6 at ES: 1 pixels between {before} and {after}",
    ]


@pytest.mark.parametrize("phases", [[0, 1], [0], [1]])
def test_a_reader_refuses_a_stack_with_a_slice_that_nobody_drew(tmp_path, phases):
    images, masks = heart()
    masks[:, :, 2, phases] = 0
    folder = write(tmp_path / "patient001", images, masks)
    with pytest.raises(
        InputError, match=r"patient001: no LV drawn in slice 3 of 6 at E[DS], between slices with LV.*; draw the LV there, remove what is stray"
    ):
        acdc.read(Scan("patient001", folder, "train"))


def test_a_slice_that_nobody_drew_stays_in_the_stack():
    images, masks = stack()
    masks[2] = 0
    frames = nifti.Frames(images, masks, (1.5, 1.5, 10.0), None)
    subject = acdc.Subject("one", "test", frames.images, frames.masks, (1.5, 1.5), 10.0, 100.0, 50.0)
    assert place(subject, Grid()).slices.tolist() == [0, 1, 2, 3, 4, 5]


def test_one_frame_named_as_both_phases_is_said(tmp_path):
    folder = write(tmp_path / "patient001")
    (folder / "Info.cfg").write_text("ED: 1\nES: 1\n", encoding="utf-8")
    doubts = acdc.read(Scan("patient001", folder, "train")).extra["doubts"]
    assert doubts == "Info.cfg names frame 1 as ED and as ES; the images and masks of ED and ES are the same"
