"""Training of the generator and painting: reproducible, resumable, and following the mask."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import cardiosynth.painting as painting
from cardiosynth.cohort import Cohort, Subject, write_cohort
from cardiosynth.errors import InputError
from cardiosynth.study import Generator as Settings

TINY = Settings(base_channels=1, shared_channels=4, discriminator_channels=2, steps=6, batch=2)
SIZE = 32


def disc_subject(name, radius, rng):
    """Two slices of a bright disc of blood in a grey ring on a dark ground, with noise."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    distance = np.hypot(rows, columns)
    frames = [np.select([distance < r, distance < r + 3], [3, 2], 0) for r in (radius, 0.7 * radius)]
    masks = np.stack([np.stack(frames)] * 2).astype(np.uint8)
    brightness = np.array([20, 0, 90, 220])[masks]
    images = np.clip(brightness + rng.normal(0, 5, masks.shape), 0, 255).astype(np.uint8)
    return Subject(name, "disc", images, masks, (2.0, 2.0), 8.0, 100.0, 50.0, {"split": "train"})


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    rng = np.random.default_rng(0)
    subjects = [disc_subject(f"disc-{i}", 6 + i, rng) for i in range(3)]
    return write_cohort(tmp_path_factory.mktemp("cohort"), subjects)


def train(cohort, folder, settings=TINY, features=None, seed=1):
    return painting.train_generator(cohort, settings, features, folder, seed, progress=False)


@pytest.fixture(scope="module")
def trained(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator")
    train(cohort, folder)
    return folder


def test_frames_are_read_subject_by_subject(cohort):
    images, masks = painting.frames(cohort.take(["disc-2", "disc-0"]))
    assert images.shape == masks.shape == (8, SIZE, SIZE)
    assert np.array_equal(images[:4].reshape(2, 2, SIZE, SIZE), cohort.images()[cohort.rows("disc-2")])
    assert np.array_equal(masks[4:].reshape(2, 2, SIZE, SIZE), cohort.masks()[cohort.rows("disc-0")])


def test_frames_without_masks_or_subjects_are_refused(cohort, tmp_path):
    subject = disc_subject("disc", 8, np.random.default_rng(0))
    bare = write_cohort(tmp_path, [replace(subject, masks=None)])
    with pytest.raises(InputError, match="without masks"):
        painting.frames(bare)
    with pytest.raises(InputError, match="no subject"):
        painting.frames(cohort.split("test"))


@pytest.mark.parametrize("turn, kinds", [(False, 20), (True, 40)])
def test_augmentation_moves_image_and_mask_together(turn, kinds):
    masks = np.zeros((100, SIZE, SIZE), np.uint8)
    masks[:, 8:20, 10:15] = 3  # off centre, longer than wide: every turn shows
    images = masks * 80
    moved_images, moved_masks = painting.augment(images, masks, np.random.default_rng(0), turn)
    assert np.array_equal(moved_images, moved_masks * 80)
    assert ((moved_masks == 3).sum((1, 2)) == 60).all()
    assert len({mask.tobytes() for mask in moved_masks}) > kinds
    upright = [np.ptp(np.nonzero(mask)[0]) == 11 for mask in moved_masks]
    assert all(upright) != turn


def test_same_seed_same_bytes_and_another_seed_others(cohort, trained, tmp_path):
    train(cohort, tmp_path / "again")
    train(cohort, tmp_path / "other", seed=2)
    for name in ("generator.safetensors", "training.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (trained / name).read_bytes()


def test_training_leaves_global_random_numbers_alone(cohort, tmp_path):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(cohort, tmp_path, TINY.model_copy(update={"steps": 1}))
    assert torch.equal(before, torch.random.get_rng_state())


def test_resumed_equals_uninterrupted(cohort, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "SAVE_EVERY_S", 0.0)
    step, done = painting.Training.step, []

    def killed_after_three(self, number, *batch):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(number)
        return step(self, number, *batch)

    monkeypatch.setattr(painting.Training, "step", killed_after_three)
    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path)
    assert not (tmp_path / "generator.safetensors").exists()

    def counted(self, number, *batch):
        done.append(number)
        return step(self, number, *batch)

    monkeypatch.setattr(painting.Training, "step", counted)
    train(cohort, tmp_path)
    assert done == [0, 1, 2, 3, 4, 5]
    for name in ("generator.safetensors", "training.csv"):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.safetensors", "training.csv"]


def test_a_state_of_other_settings_is_not_resumed(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(painting, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(painting, "_calibrate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path)
    monkeypatch.undo()
    changed = TINY.model_copy(update={"feature_weight": 1.0})
    train(cohort, tmp_path, changed)
    train(cohort, tmp_path / "fresh", changed)
    assert (tmp_path / "generator.safetensors").read_bytes() == (tmp_path / "fresh/generator.safetensors").read_bytes()


def test_the_perceptual_loss_is_used_and_logged(cohort, tmp_path):
    halves = lambda images: [torch.nn.functional.avg_pool2d(images, 2)]  # noqa: E731
    train(cohort, tmp_path, TINY.model_copy(update={"steps": 2}), halves)
    log = pd.read_csv(tmp_path / "training.csv")
    assert (log["perceptual"] > 0).all()
    assert list(log["step"]) == [1, 2]


def test_painting_gives_images_that_depend_on_their_own_mask_alone(cohort, trained):
    generator = painting.load_generator(trained)
    masks = painting.frames(cohort)[1]
    painted = painting.paint(generator, masks, batch=5)
    assert painted.shape == masks.shape and painted.dtype == np.uint8
    alone = painting.paint(generator, masks[7:8])
    assert np.abs(painted[7].astype(int) - alone[0]).max() <= 1  # rounding of sums taken in another order
    assert np.array_equal(painted, painting.paint(generator, masks, batch=5))


def test_the_loaded_generator_paints_as_the_trained_one(cohort, tmp_path):
    generator = train(cohort, tmp_path, TINY.model_copy(update={"steps": 2}))
    masks = painting.frames(cohort)[1]
    assert np.array_equal(painting.paint(generator, masks), painting.paint(painting.load_generator(tmp_path), masks))


def test_a_missing_generator_is_named(tmp_path):
    with pytest.raises(InputError, match="generator.safetensors"):
        painting.load_generator(tmp_path)


def test_a_short_training_learns_which_label_is_bright(cohort, tmp_path):
    settings = Settings(base_channels=1, shared_channels=8, discriminator_channels=4, steps=40, batch=2,
                        generator_rate=2e-3, discriminator_rate=2e-3)
    generator = train(cohort, tmp_path, settings, lambda images: [images])
    masks = painting.frames(cohort)[1]
    painted = painting.paint(generator, masks)
    blood, muscle, ground = (painted[masks == label].mean() for label in (3, 2, 0))
    assert blood > muscle + 40 and muscle > ground + 20


def test_painted_subjects_stream_into_a_cohort(cohort, trained, tmp_path):
    generator = painting.load_generator(trained)
    masks = cohort.masks()[cohort.rows("disc-1")]
    row = pd.Series({"id": "synthetic-1", "source": "disc-1", "edv_ml": 120.0, "esv_ml": 30.0, "slice_gap_mm": 8.0,
                     "spacing_mm": 2.0, "split": "train", "gamma": 0.9, "first": 99, "slices": 2, "ef": 75.0})
    written = write_cohort(tmp_path, painting.paint_subjects(generator, [(row, masks)]))
    assert np.array_equal(written.images()[0, 1], painting.paint(generator, masks[0])[1])
    entry = Cohort.open(tmp_path).table.loc["synthetic-1"]
    assert (entry["source"], entry["gamma"], entry["first"], entry["ef"]) == ("disc-1", 0.9, 0, 75.0)
    assert not (tmp_path / "masks.npy").exists()
