"""Reading labels off painted hearts, with a reader whose errors are known."""

import numpy as np
import pytest

from cardiosynth.painting import fidelity
from cardiosynth.study.errors import InputError


def heart(lv, es_lv):
    masks = np.zeros((2, 2, 20, 20), np.uint8)
    for phase, side in enumerate((lv, es_lv)):
        masks[:, phase, 2 : side + 4, 2 : side + 4] = 2
        masks[:, phase, 3 : side + 3, 3 : side + 3] = 3
    return masks


@pytest.fixture
def honest(monkeypatch):
    """A reader that takes the images for the labels."""
    monkeypatch.setattr(fidelity, "segment_stack", lambda network, images, device: images)


def test_a_perfect_reader_finds_no_fault(honest):
    masks = heart(10, 6)
    values = fidelity.summary(fidelity.read_labels(None, [(masks, masks, 0.1)] * 2), "_real")
    assert values["lv_dice_real"] == values["myocardium_dice_real"] == 1 and np.isnan(values["rv_dice_real"])
    assert values["ef_bias_real"] == values["ef_mae_real"] == values["edv_bias_ml_real"] == 0


def test_a_heart_painted_too_large_at_es_lowers_the_ef_by_what_can_be_worked_out(honest):
    read = fidelity.read_labels(None, [(heart(10, 8), heart(10, 6), 0.1)])
    assert read.loc[0, ["edv_ml", "esv_ml", "read_esv_ml"]].tolist() == pytest.approx([20.0, 7.2, 12.8])
    values = fidelity.summary(read, "")
    assert values["ef_bias"] == pytest.approx(-28.0) and values["ef_mae"] == pytest.approx(28.0)
    assert values["esv_bias_ml"] == pytest.approx(5.6) and values["edv_bias_ml"] == 0
    assert values["lv_dice"] == pytest.approx(2 * (100 + 36) / (200 + 100))


def test_a_heart_that_is_not_found_counts_in_the_dice_alone(honest):
    masks = heart(10, 6)
    values = fidelity.summary(fidelity.read_labels(None, [(np.zeros_like(masks), masks, 0.1), (masks, masks, 0.1)]), "")
    assert values["lv_dice"] == pytest.approx(2 / 3) and values["ef_mae"] == 0
    with pytest.raises(InputError, match="no hearts"):
        fidelity.read_labels(None, [])


def test_areas_are_compared_slice_by_slice_in_thirds(honest):
    """Read in place of 100 pixels: 121 at the base at ED, 81 in the middle at both phases, 100 at the apex; a slice without LV does not count."""
    masks = np.concatenate([heart(10, 10)] * 3)
    reading = masks.copy()
    reading[0, 0] = heart(11, 11)[0, 0]
    reading[2:4] = heart(9, 9)
    masks[5], reading[5] = 0, heart(10, 10)[0]
    values = fidelity.summary(fidelity.read_labels(None, [(reading, masks, 0.1)]), "_real")
    biases = [values[f"{third}_area_bias_real"] for third in ("base", "middle", "apex")]
    assert biases == pytest.approx([100 * 21 / 400, -19.0, 0.0])
    assert [values[f"{third}_area_error_real"] for third in ("base", "middle", "apex")] == pytest.approx([100 * 21 / 400, 19.0, 0.0])
