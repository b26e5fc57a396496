import numpy as np
import pytest
import torch

from cardiosynth.measuring import sfera_training
from cardiosynth.measuring.sfera_training import Hearts, Schedule, apply, augment, fit_ridge, scaled, shift, train
from cardiosynth.networks import loop
from cardiosynth.networks.checkpoints import load_tensors, load_training, save_tensors, save_training
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import SferaSettings

SMALL = SferaSettings(base_channels=4, features=16, hidden=8)


def discs(count, seed=0, slices=5, size=32):
    """Hearts that are bright discs; volumes are the discs' areas per mm of gap (1 mm pixels)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] - size / 2
    images, volumes = [], []
    for _ in range(count):
        radii = np.sort(rng.uniform(4, 12, 2))[::-1]
        pair = np.stack([(rows**2 + columns**2 <= r**2) * 200 for r in radii])
        images.append(torch.from_numpy(np.repeat(pair[None], slices, 0).astype(np.uint8)))
        volumes.append([(p > 0).sum() * slices / 1000 for p in pair])
    return Hearts(images, np.array(volumes))


def run(folder, epochs=6, hearts=None, seed=1, fingerprint="f"):
    hearts = hearts or discs(6)
    torch.manual_seed(seed)
    network = Sfera(SMALL, 32).to(memory_format=torch.channels_last)
    folder.mkdir(exist_ok=True)
    return train(network, hearts, discs(3, 9), Schedule(epochs, 3, 2e-3), (0.0, 3.0), folder, seed, "cpu", fingerprint, "test")


def weights(network):
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


@pytest.mark.slow
def test_a_finished_training_is_not_taken_for_one_on_other_images_or_from_other_weights(tmp_path):
    hearts = discs(6)
    darker = Hearts([images // 2 for images in hearts.images], hearts.volumes)  # the same volumes, painted anew
    first = weights(run(tmp_path / "a", hearts=hearts))
    assert torch.equal(first, weights(run(tmp_path / "a", hearts=hearts)))
    assert torch.equal(weights(run(tmp_path / "a", hearts=darker)), weights(run(tmp_path / "b", hearts=darker)))
    validation, schedule = discs(3, 9), Schedule(2, 3, 2e-3)
    (tmp_path / "c").mkdir()
    tuned = [
        train(start, hearts, validation, schedule, (0.0, 3.0), tmp_path / "c", 1, "cpu", "f", "test")
        for start in (run(tmp_path / "b", hearts=darker), run(tmp_path / "a", hearts=hearts))
    ]
    assert not torch.equal(*map(weights, tuned))


@pytest.mark.slow
def test_sfera_overfits_four_subjects(tmp_path):
    hearts = discs(4)
    network = Sfera(SMALL, 32).to(memory_format=torch.channels_last)
    train(network, hearts, hearts, Schedule(120, 4, 5e-3, "none"), (0.0, 3.0), tmp_path, 1, "cpu", "f", "test")
    errors = apply(network, hearts, "cpu") - scaled(hearts.volumes, (0.0, 3.0))
    assert np.abs(errors).max() < 0.04 < np.ptp(scaled(hearts.volumes, (0.0, 3.0)))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first, second, other = run(tmp_path / "1"), run(tmp_path / "2"), run(tmp_path / "3", seed=2)
    same = [torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values())]
    assert all(same)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert (tmp_path / "1" / "training.csv").read_bytes() == (tmp_path / "2" / "training.csv").read_bytes()


@pytest.mark.slow
def test_a_killed_training_ends_as_an_uninterrupted_one(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    epoch = sfera_training._epoch

    def killed(network, optimizer, hearts, targets, schedule, number, seed, device):
        if number == 4:
            raise KeyboardInterrupt
        return epoch(network, optimizer, hearts, targets, schedule, number, seed, device)

    monkeypatch.setattr(sfera_training, "_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed")
    monkeypatch.setattr(sfera_training, "_epoch", epoch)
    resumed = run(tmp_path / "killed")
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))


def test_a_state_of_other_data_is_not_resumed(tmp_path):
    run(tmp_path, epochs=2)
    network = Sfera(SMALL, 32)
    before = network.head.weight.clone()
    assert load_training(tmp_path / "state.safetensors", {"network": network}, {}, "another") is None
    assert torch.equal(network.head.weight, before)


def test_a_damaged_state_is_named(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"x": torch.ones(100)}, {"n": 1})
    tensors, notes = load_tensors(tmp_path / "a.safetensors")
    assert notes == {"n": 1} and tensors["x"].sum() == 100
    data = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="a.safetensors: damaged"):
        load_tensors(tmp_path / "a.safetensors")


def test_an_optimizer_comes_back_exactly(tmp_path):
    def fresh():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.RAdam(layer.parameters(), lr=0.1)

    def step(layer, optimizer, value):
        optimizer.zero_grad()
        layer(torch.full((1, 3), value)).sum().backward()
        optimizer.step()

    layer, optimizer = fresh()
    for value in (1.0, 2.0):
        step(layer, optimizer, value)
    save_training(tmp_path / "s", {"l": layer}, {"o": optimizer}, {"fingerprint": "f"})
    again, its_optimizer = fresh()
    assert load_training(tmp_path / "s", {"l": again}, {"o": its_optimizer}, "f") == {"fingerprint": "f"}
    step(layer, optimizer, 3.0)
    step(again, its_optimizer, 3.0)
    assert torch.equal(layer.weight, again.weight)


def test_augmentation_keeps_shape_range_and_the_disc():
    hearts = discs(4)
    images, slices = torch.cat(hearts.images).float() / 255, torch.tensor([5] * 4)
    changed = augment(images, slices, np.random.default_rng(0))
    assert changed.shape == images.shape and 0 <= changed.min() and changed.max() <= 1
    assert not torch.equal(changed, images)
    bright = [((x > 0.45).sum(dim=(1, 2, 3))).tolist() for x in (images, changed)]
    assert bright[0] == bright[1]


def test_flips_alone_turn_a_square_and_change_no_pixel():
    """Of the eight symmetries of a square all are drawn, each stack as a whole, and nothing else; ``none`` changes nothing."""
    images, slices, rng = torch.rand(2 * 80, 2, 8, 8), torch.tensor([2] * 80), np.random.default_rng(0)
    assert torch.equal(augment(images, slices, rng, "none"), images)
    drawn = set()
    for before, after in zip(images.split(2), augment(images, slices, rng, "flips").split(2)):
        turned = [torch.rot90(x, k, (-2, -1)) for x in (before, before.transpose(-1, -2)) for k in range(4)]
        (which,) = [i for i, x in enumerate(turned) if torch.equal(x, after)]
        drawn.add(which)
    assert drawn == set(range(8))


def test_the_augmentation_of_the_schedule_is_the_one_used(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(sfera_training, "augment", lambda images, slices, rng, kind: seen.append(kind) or images)
    hearts = discs(3)
    train(Sfera(SMALL, 32), hearts, hearts, Schedule(1, 3, 1e-3, "flips"), (0.0, 3.0), tmp_path, 1, "cpu", "f", "test")
    assert seen == ["flips"]


def test_the_last_stage_is_fitted_on_the_hearts_it_is_given_or_is_the_head():
    torch.manual_seed(0)
    network, few, held_out = Sfera(SMALL, 32), discs(12), discs(6, 9)
    head = fit_ridge(network, few, held_out, (1.0, 3.0), "cpu", "none")
    assert np.allclose(head.predict(apply(network, held_out, "cpu", "features"))[0], 1 + 2 * apply(network, held_out, "cpu"), atol=1e-5)
    more = few + Hearts(discs(12, 5).images, discs(12, 5).volumes + 50)  # as if twelve hearts were bigger by 50
    ridges = [fit_ridge(network, hearts, held_out, (0.0, 3.0), "cpu", "own") for hearts in (few, more)]
    assert [ridge.intercepts == pytest.approx(hearts.volumes.mean(axis=0)) for ridge, hearts in zip(ridges, (few, more))] == [True, True]
    assert len(more) == 24 and more.volumes[12:].min() > 50


def test_shift_moves_and_fills_with_zero():
    stack = torch.arange(16.0).reshape(1, 4, 4)
    assert torch.equal(shift(stack, 1, -2)[0], torch.tensor([[0, 0, 0, 0], [2, 3, 0, 0], [6, 7, 0, 0], [10, 11, 0, 0.0]]))
    assert torch.equal(shift(stack, 0, 0), stack)
