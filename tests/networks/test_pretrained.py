"""VGG-19 on random weights: its shapes and names, and what of a user's file is refused."""

import os
from pickle import UnpicklingError

import pytest
import torch
from torch.nn import functional as F

from cardiosynth.networks import pretrained
from cardiosynth.networks.pretrained import Vgg19, vgg19_features
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import sha256


class Evil:
    """An object that makes a folder when it is unpickled without restriction."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def on_meta(make):
    """A network of shapes alone, which costs nothing."""
    with torch.device("meta"):
        return make().eval()


def grey(count, side):
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def stored(path, content, **options):
    torch.save(content, path, **options)
    return path, sha256(path)[:8]


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    network = Vgg19().eval()
    # in the form of the published file: before torch's zip archives, and with a classifier
    tensors = network.state_dict() | {"classifier.6.bias": torch.zeros(1000)}
    return network, *stored(tmp_path_factory.mktemp("vgg") / "vgg19.pth", tensors, _use_new_zipfile_serialization=False)


@pytest.fixture
def use_vgg(vgg, monkeypatch):
    monkeypatch.setattr(pretrained, "VGG19_PREFIX", vgg[2])
    return vgg


# the files


def test_the_checksum_is_that_in_the_published_name():
    assert "vgg19-dcbb9e9d.pth" == f"vgg19-{pretrained.VGG19_PREFIX}.pth"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        vgg19_features(tmp_path / "absent.pth")


def test_another_checksum_is_refused_before_the_file_is_opened(tmp_path, monkeypatch):
    path, prefix = stored(tmp_path / "vgg19-dcbb9e9d.pth", {"a": torch.zeros(1)})
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(InputError, match=f"vgg19-dcbb9e9d.pth: its SHA-256 begins with {prefix}, expected dcbb9e9d"):
        vgg19_features(path)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_object_that_would_run_is_refused_and_does_not_run(tmp_path, monkeypatch, wrapped):
    marker = tmp_path / "ran"
    path, prefix = stored(tmp_path / "evil.pth", {"a": torch.zeros(1), "b": Evil(marker)} if wrapped else Evil(marker))
    monkeypatch.setattr(pretrained, "VGG19_PREFIX", prefix)
    with pytest.raises(UnpicklingError):
        vgg19_features(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the object of this test is harmless"


def test_loading_draws_no_random_numbers(use_vgg):
    before = torch.get_rng_state()
    vgg19_features(use_vgg[1])
    assert torch.equal(torch.get_rng_state(), before)


# VGG-19


def test_vgg_has_the_published_names_and_the_number_of_weights_counted_by_hand():
    tensors = on_meta(Vgg19).state_dict()
    convs = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 3, (256, 512), *[(512, 512)] * 4]
    places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28]
    assert {name: tuple(t.shape) for name, t in tensors.items()} == {
        f"features.{place}.{part}": shape
        for place, (inputs, outputs) in zip(places, convs)
        for part, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,)))
    }
    assert sum(t.numel() for t in tensors.values()) == sum(i * o * 9 + o for i, o in convs) == 12_944_960


def test_vgg_maps_have_these_widths_and_sides():
    found = on_meta(Vgg19)(torch.zeros(2, 1, 64, 48, device="meta"))
    assert [tuple(m.shape) for m in found] == [
        (2, 64, 64, 48), (2, 128, 32, 24), (2, 256, 16, 12), (2, 512, 8, 6), (2, 512, 4, 3)
    ]  # fmt: skip


def test_the_first_maps_of_vgg_by_hand(vgg):
    network = vgg[0]
    weights = network.state_dict()
    images = grey(2, 16)
    light = (images + 1) / 2
    colours = torch.cat([(light - 0.485) / 0.229, (light - 0.456) / 0.224, (light - 0.406) / 0.225], dim=1)
    first = F.relu(F.conv2d(colours, weights["features.0.weight"], weights["features.0.bias"], padding=1))
    inner = F.relu(F.conv2d(first, weights["features.2.weight"], weights["features.2.bias"], padding=1))
    second = F.relu(F.conv2d(F.max_pool2d(inner, 2), weights["features.5.weight"], weights["features.5.bias"], padding=1))
    found = network(images)
    torch.testing.assert_close(found[0], first)
    torch.testing.assert_close(found[1], second)


def test_vgg_features_are_those_of_the_stored_weights_and_rectified(use_vgg):
    network, path, _ = use_vgg
    images = grey(2, 32)
    found, again = vgg19_features(path)(images), vgg19_features(str(path))(images)
    for one, other, wanted in zip(found, again, network(images), strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, wanted)
        assert one.min() == 0 and one.max() > 0


def test_gradient_reaches_the_images_and_no_weight_of_vgg(use_vgg):
    features = vgg19_features(use_vgg[1])
    assert not features.training and not any(p.requires_grad for p in features.parameters())
    images = grey(2, 32).requires_grad_()
    features(images)[-1].sum().backward()
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()
    assert all(p.grad is None for p in features.parameters())
