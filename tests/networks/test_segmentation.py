"""The U-Net comparator: overlap by hand, learning, reproducibility, volumes."""

import numpy as np
import pytest
import torch
from torch import nn

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.networks import loop, unet
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import UNetSettings

SIZE = 32
SETTINGS = UNetSettings(channels=4, epochs=3, batch=4, rate=1e-2)


def disc_subject(name, split, radius):
    """Two slices of a bright disc of blood in a grey ring; end-systole is smaller."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    distance = np.hypot(rows, columns)
    frames = [np.select([distance < r, distance < r + 3], [3, 2], 0) for r in (radius, 0.6 * radius)]
    masks = np.stack([np.stack(frames)] * 2).astype(np.uint8)
    images = np.array([20, 0, 90, 220], np.uint8)[masks]
    edv, esv = ((masks[:, phase] == 3).sum() * 4 * 8 * 1e-3 for phase in (0, 1))
    return Subject(name, "disc", images, masks, (2.0, 2.0), 8.0, float(edv), float(esv), {"split": split})


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    subjects = [disc_subject("a", "train", 6), disc_subject("b", "train", 9), disc_subject("c", "validation", 8)]
    return write_cohort(tmp_path_factory.mktemp("cohort"), subjects)


def train(cohort, folder, settings=SETTINGS, seed=1):
    return unet.train_segmentation(cohort, settings, folder, seed, progress=False)


def test_dice_by_hand():
    truth = np.array([[3, 3, 0, 2]])
    assert unet.dice(np.array([[3, 0, 3, 2]]), truth) == pytest.approx(0.5)  # 2 * 1 / (2 + 2)
    assert unet.dice(np.array([[3, 3, 3, 3]]), truth) == pytest.approx(2 * 2 / (4 + 2))
    assert unet.dice(truth, truth, 2) == 1
    assert unet.dice(np.array([[0, 0, 0, 0]]), truth) == 0
    assert unet.dice(truth, truth, label=1) == 1  # neither has any


def test_dice_of_shifted_discs_is_the_area_of_their_lens():
    rows, columns = np.indices((400, 400))
    radius, apart = 100.0, 80.0
    first, second = (np.hypot(rows - 200, columns - c) < radius for c in (160, 160 + apart))
    lens = 2 * radius**2 * np.arccos(apart / (2 * radius)) - apart / 2 * np.sqrt(4 * radius**2 - apart**2)
    assert unet.dice(first * 3, second * 3) == pytest.approx(lens / (np.pi * radius**2), abs=2e-3)


@pytest.mark.parametrize("size", [32, 64, 75, 150])
def test_scores_have_the_size_of_the_image(size):
    network = unet.SegmentationNetwork(SETTINGS)
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 4, size, size)


def test_encoder_gives_five_maps_and_its_gradient_reaches_the_image_alone():
    network = unet.SegmentationNetwork(SETTINGS)
    images = torch.zeros(2, 1, 64, 64, requires_grad=True)
    maps = unet.features(network)(images)
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 64, 64), (8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 8, 8)]
    sum(m.square().sum() for m in maps).backward()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.slow
def test_the_label_loss_is_small_where_the_labels_are_read_and_its_gradient_reaches_the_image(cohort, tmp_path):
    network = train(cohort, tmp_path, UNetSettings(channels=8, epochs=40, batch=4, rate=1e-2))
    images, masks = unet.frames(cohort.split("train"))
    images, masks = unet.to_network(images, "cpu").requires_grad_(), torch.from_numpy(masks)[:, None]
    loss_of = unet.label_loss(network)
    loss = loss_of(images, masks)
    assert loss.item() < 0.3 * loss_of(images, masks.roll(8, dims=-1)).item()
    loss.backward()
    assert images.grad.abs().sum() > 0 and all(p.grad is None or not p.grad.any() for p in network.parameters())


@pytest.mark.slow
def test_it_overfits_and_its_volumes_are_those_of_the_masks(cohort, tmp_path):
    network = train(cohort, tmp_path, UNetSettings(channels=8, epochs=40, batch=4, rate=1e-2))
    both = cohort.split("train")
    images, masks = unet.frames(both)
    assert unet.dice(unet.segment(network, images), masks) > 0.95
    volumes = unet.predict_volumes(network, both).set_index("subject")
    for name in ("a", "b"):
        assert volumes.at[name, "edv_ml"] == pytest.approx(both.table.at[name, "edv_ml"], rel=0.06)
        assert volumes.at[name, "esv_ml"] == pytest.approx(both.table.at[name, "esv_ml"], rel=0.12)


class Threshold(nn.Module):
    """Calls a pixel blood where it is bright: an oracle for what comes after the network."""

    def forward(self, images):
        blood = (images > 0.5).float()
        return torch.cat([1 - blood, torch.zeros_like(blood).expand(-1, 2, -1, -1), blood], dim=1)


def test_only_the_largest_lv_of_each_phase_is_kept():
    images = np.zeros((3, 2, 32, 32), np.uint8)
    images[:, 0, 4:10, 4:10] = 255  # hangs together over three slices
    images[1, 0, 20:28, 20:28] = 255  # larger, in one slice alone
    images[0, 1, 20:23, 20:23] = 255
    labels = unet.segment_stack(Threshold(), images)
    assert (labels[:, 0, 4:10, 4:10] == 3).all() and (labels[:, 0] == 3).sum() == 3 * 36
    assert (labels[:, 1] == 3).sum() == 9  # each phase by itself


def test_volumes_of_a_perfect_segmentation_are_exact(cohort):
    predicted = unet.predict_volumes(Threshold(), cohort)
    assert list(predicted.columns) == ["subject", "edv_ml", "esv_ml"]
    assert list(predicted["subject"]) == ["a", "b", "c"]
    np.testing.assert_allclose(predicted[["edv_ml", "esv_ml"]], cohort.table[["edv_ml", "esv_ml"]], atol=1e-3)


def test_same_seed_same_bytes_and_another_seed_others(cohort, tmp_path):
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        train(cohort, tmp_path / name, seed=seed)
    names = ("first", "again", "other")
    first, again, other = ((tmp_path / name / "segmentation.safetensors").read_bytes() for name in names)
    assert first == again and first != other


def test_resumed_equals_uninterrupted(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    train(cohort, tmp_path / "whole")
    epoch = unet._epoch

    def killed_in_the_third(*arguments):
        if arguments[5] == 2:
            raise KeyboardInterrupt
        return epoch(*arguments)

    monkeypatch.setattr(unet, "_epoch", killed_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path / "killed")
    monkeypatch.setattr(unet, "_epoch", epoch)
    train(cohort, tmp_path / "killed")
    for name in ("segmentation.safetensors", "training.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_loaded_network_segments_as_the_trained_one(cohort, tmp_path):
    network, images = train(cohort, tmp_path), unet.frames(cohort)[0]
    loaded = unet.load_segmentation(tmp_path)
    assert np.array_equal(unet.segment(network, images), unet.segment(loaded, images))


def test_a_cohort_without_validation_subjects_is_refused(cohort, tmp_path):
    with pytest.raises(InputError, match="no subject"):
        train(cohort.split("train"), tmp_path)
