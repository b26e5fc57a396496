"""Training of the generator: reproducible, resumable, and judged by validation subjects."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from cardiosynth.data import frames
from cardiosynth.data.cohort import write_cohort
from cardiosynth.networks import loop
from cardiosynth.painting import generator_training, judge, painter
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import GeneratorSettings
from discs import SIZE, disc_subject

pytestmark = pytest.mark.slow

TINY = GeneratorSettings(frames="single", base_channels=1, shared_channels=4, discriminator_channels=2, steps=6, batch=2, checkpoints=2)
KINDS = {
    "single": TINY,
    "joint": TINY.model_copy(update={"frames": "joint"}),
    "latent": TINY.model_copy(update={"frames": "joint", "style": "latent", "style_channels": 3, "lecam_weight": 0.3}),
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    rng = np.random.default_rng(0)
    subjects = [disc_subject(f"disc-{i}", 6 + i, rng) for i in range(3)]
    return write_cohort(tmp_path_factory.mktemp("cohort"), subjects)


def train(cohort, folder, settings=TINY, features=None, seed=1, judge=None, label_loss=None):
    return generator_training.train_generator(cohort, settings, features, label_loss, judge, folder, seed, progress=False)


@pytest.fixture(scope="module")
def trained(cohort, tmp_path_factory):
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}
    for kind, folder in folders.items():
        train(cohort, folder, KINDS[kind])
    return folders


def test_samples_are_read_subject_by_subject(cohort):
    images, masks, owners = frames.samples(cohort.take(["disc-2", "disc-0"]), 1)
    assert images.shape == masks.shape == (8, 1, SIZE, SIZE)
    assert np.array_equal(images[:4].reshape(2, 2, SIZE, SIZE), cohort.images()[cohort.rows("disc-2")])
    assert np.array_equal(masks[4:].reshape(2, 2, SIZE, SIZE), cohort.masks()[cohort.rows("disc-0")])
    assert owners.tolist() == [0] * 4 + [1] * 4


def test_samples_of_both_frames_hold_the_same_pixels(cohort):
    images, _, owners = frames.samples(cohort, 2)
    assert images.shape == (6, 2, SIZE, SIZE) and owners.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(images.reshape(-1, SIZE, SIZE), frames.frames(cohort)[0])


def test_frames_without_masks_or_subjects_are_refused(cohort, tmp_path):
    subject = disc_subject("disc", 8, np.random.default_rng(0))
    bare = write_cohort(tmp_path, [replace(subject, masks=None)])
    with pytest.raises(InputError, match="without masks"):
        frames.frames(bare)
    with pytest.raises(InputError, match="no subject"):
        frames.frames(cohort.split("test"))


@pytest.mark.parametrize("turn, kinds", [(False, 20), (True, 40)])
def test_augmentation_moves_image_and_mask_together(turn, kinds):
    masks = np.zeros((100, SIZE, SIZE), np.uint8)
    masks[:, 8:20, 10:15] = 3  # off centre, longer than wide: every turn shows
    images = masks * 80
    moved_images, moved_masks = frames.augment(images, masks, np.random.default_rng(0), turn)
    assert np.array_equal(moved_images, moved_masks * 80)
    assert ((moved_masks == 3).sum((1, 2)) == 60).all()
    assert len({mask.tobytes() for mask in moved_masks}) > kinds
    upright = [np.ptp(np.nonzero(mask)[0]) == 11 for mask in moved_masks]
    assert all(upright) != turn


def test_both_frames_of_a_slice_move_alike():
    masks = np.zeros((50, 2, SIZE, SIZE), np.uint8)
    masks[:, :, 8:20, 10:15] = 3
    images, moved = frames.augment(masks * 80, masks, np.random.default_rng(0), turn=True)
    assert np.array_equal(images, moved * 80) and np.array_equal(moved[:, 0], moved[:, 1])
    assert len({mask.tobytes() for mask in moved}) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes_and_another_seed_others(cohort, trained, tmp_path, kind):
    train(cohort, tmp_path / "again", KINDS[kind])
    train(cohort, tmp_path / "other", KINDS[kind], seed=2)
    for name in ("generator.safetensors", "training.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (trained[kind] / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (trained[kind] / name).read_bytes()


def test_training_leaves_global_random_numbers_alone(cohort, tmp_path):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(cohort, tmp_path, TINY.model_copy(update={"steps": 1, "checkpoints": 1}))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_equals_uninterrupted(cohort, trained, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    step, done = generator_training.AdversarialTraining.step, []

    def killed_after_three(self, number, slices):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(number)
        return step(self, number, slices)

    monkeypatch.setattr(generator_training.AdversarialTraining, "step", killed_after_three)
    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path, KINDS[kind])
    assert not (tmp_path / "generator.safetensors").exists()

    def counted(self, number, slices):
        done.append(number)
        return step(self, number, slices)

    monkeypatch.setattr(generator_training.AdversarialTraining, "step", counted)
    train(cohort, tmp_path, KINDS[kind])
    assert done == [0, 1, 2, 3, 4, 5]
    for name in ("generator.safetensors", "training.csv", "checkpoints.csv"):
        assert (tmp_path / name).read_bytes() == (trained[kind] / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints.csv", "generator.safetensors", "training.csv"]


def test_a_state_of_other_settings_is_not_resumed(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(generator_training, "save_painter", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(cohort, tmp_path)
    monkeypatch.undo()
    changed = TINY.model_copy(update={"feature_weight": 1.0})
    train(cohort, tmp_path, changed)
    train(cohort, tmp_path / "fresh", changed)
    assert (tmp_path / "generator.safetensors").read_bytes() == (tmp_path / "fresh/generator.safetensors").read_bytes()


def test_the_perceptual_loss_is_used_and_logged(cohort, tmp_path):
    halves = lambda images: [torch.nn.functional.avg_pool2d(images, 2)]  # noqa: E731
    train(cohort, tmp_path, TINY.model_copy(update={"steps": 2, "frames": "joint"}), halves)
    log = pd.read_csv(tmp_path / "training.csv")
    assert (log["perceptual"] > 0).all()
    assert list(log["step"]) == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_labels_read_in_painted_frames_are_a_loss_of_each_frame(cohort, tmp_path, kind):
    seen = []

    def bright_is_blood(images, masks):
        seen.append((images.shape, masks.shape, set(masks.unique().tolist())))
        return (images - (masks == 3).float()).square().mean()

    train(cohort, tmp_path, KINDS[kind].model_copy(update={"steps": 2, "checkpoints": 1}), label_loss=bright_is_blood)
    count = 2 * KINDS[kind].phases
    assert seen == [((count, 1, SIZE, SIZE), (count, 1, SIZE, SIZE), {0, 2, 3})] * 2
    assert (pd.read_csv(tmp_path / "training.csv")["labels"] > 0).all()


def test_a_short_training_learns_which_label_is_bright(cohort, tmp_path):
    settings = GeneratorSettings(
        base_channels=1, shared_channels=8, discriminator_channels=4, steps=40, batch=2, checkpoints=1, generator_rate=2e-3, discriminator_rate=2e-3
    )
    own = train(cohort, tmp_path, settings, lambda images: [images])
    masks = frames.samples(cohort, 2)[1]
    painted = painter.Studio(own, 1).paint("disc", masks)
    blood, muscle, ground = (painted[masks == label].mean() for label in (3, 2, 0))
    assert blood > muscle + 40 and muscle > ground + 20


def test_the_style_of_a_subject_is_read_from_another_of_its_slices_and_kept(cohort, trained):
    settings = KINDS["latent"]
    slices = generator_training.Slices(cohort, settings, "cpu")
    style_images = slices.batch(np.random.default_rng(0))[-1]
    known = frames.to_network(slices.images, "cpu")
    assert all((known == image).all(dim=(1, 2, 3)).any() for image in style_images)  # unmoved, of this cohort
    loaded = painter.load_painter(trained["latent"])
    assert loaded.styles.shape == (3, 2, 3)
    with torch.no_grad():
        mean, _ = loaded.encoder(known[:2])
    torch.testing.assert_close(loaded.styles[0, 0], mean.mean(0), atol=1e-5, rtol=1e-4)


def test_half_of_the_pairs_stand_the_other_way_round_where_pairs_are_mixed(cohort):
    def contracting(**changes):
        settings = KINDS["joint"].model_copy(update={"batch": 400} | changes)
        masks, planes, images, _ = generator_training.Slices(cohort, settings, "cpu").batch(np.random.default_rng(0))
        areas, blood = (masks == 3).sum(dim=(2, 3)), (images > 0.5).sum(dim=(2, 3))
        assert torch.equal(planes, painter.to_planes(masks.numpy(), "cpu"))
        assert torch.equal(areas[:, 0] > areas[:, 1], blood[:, 0] > blood[:, 1])  # labels move with their image
        return int((areas[:, 0] > areas[:, 1]).sum())

    assert contracting(mix_pairs=True) == pytest.approx(200, abs=40)
    assert contracting() == 400


class Recorded:
    """A judge that gives what it was told to, one after the other, and remembers whom it judged."""

    real_dice = 0.9

    def __init__(self, scores):
        self.scores, self.seen = list(scores), []

    def __call__(self, painter):
        self.seen.append({name: value.clone() for name, value in painter.state_dict().items()})
        return self.scores[len(self.seen) - 1]

    def checksum(self):
        return []


def test_the_checkpoint_kept_is_the_best_by_the_judge(cohort, tmp_path):
    recorded = Recorded([{"kid": 3.0, "lv_dice": 0.88}, {"kid": 1.0, "lv_dice": 0.87}, {"kid": 0.1, "lv_dice": 0.2}])
    train(cohort, tmp_path, TINY.model_copy(update={"checkpoints": 3}), judge=recorded)
    kept = painter.load_painter(tmp_path).state_dict()
    assert all(torch.equal(kept[name], value) for name, value in recorded.seen[1].items())
    assert not all(torch.equal(kept[name], value) for name, value in recorded.seen[2].items())
    log = pd.read_csv(tmp_path / "checkpoints.csv")
    assert log["step"].tolist() == [2, 4, 6] and log["kid"].tolist() == [3.0, 1.0, 0.1]


def test_labels_that_hold_come_before_likeness():
    held, vague = {"kid": 2.0, "lv_dice": 0.86}, {"kid": 1.0, "lv_dice": 0.85}  # 0.95 of 0.9 is 0.855
    assert judge.better(held, [vague], 0.9) and not judge.better(vague, [held], 0.9)
    assert judge.better({"kid": 1.5, "lv_dice": 0.86}, [held, vague], 0.9)
    assert judge.better({"kid": 9.0, "lv_dice": 0.6}, [{"kid": 1.0, "lv_dice": 0.5}], 0.9)
    assert judge.better(vague, [], 0.9)
