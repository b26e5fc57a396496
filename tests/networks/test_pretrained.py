"""Networks with published weights, on random ones: their shapes and names, and what of a user's file is refused."""

import os

import pytest
import torch
from torch.nn import functional as F

from cardiosynth.networks import inception, pretrained
from cardiosynth.networks.inception import Inception, inception_features
from cardiosynth.networks.pretrained import Vgg19, read_weights, vgg19_features
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


@pytest.fixture(scope="module")
def fid(tmp_path_factory):
    network = Inception().eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.1, 0.25)  # maps neither vanish nor explode on their way
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.02)
    # as published: with a classifier of 1008, without the number of batches seen
    tensors = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    return network, *stored(tmp_path_factory.mktemp("fid") / "inception.pth", tensors | {"fc.weight": torch.zeros(1008, 2048)})


@pytest.fixture
def use_vgg(vgg, monkeypatch):
    monkeypatch.setattr(pretrained, "VGG19_PREFIX", vgg[2])
    return vgg


@pytest.fixture
def use_fid(fid, monkeypatch):
    monkeypatch.setattr(inception, "INCEPTION_PREFIX", fid[2])
    return fid


# the files


def test_the_checksums_are_those_in_the_published_names():
    assert ["vgg19", "dcbb9e9d.pth"][1] == pretrained.VGG19_PREFIX + ".pth"
    assert ["pt_inception", "2015", "12", "05", "6726825d.pth"][-1] == inception.INCEPTION_PREFIX + ".pth"


@pytest.mark.parametrize("features", [vgg19_features, inception_features])
def test_a_missing_file_is_named(tmp_path, features):
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        features(tmp_path / "absent.pth")


def test_another_checksum_is_refused_before_the_file_is_opened(tmp_path, monkeypatch):
    path, prefix = stored(tmp_path / "vgg19-dcbb9e9d.pth", {"a": torch.zeros(1)})
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(InputError, match=f"vgg19-dcbb9e9d.pth: its SHA-256 begins with {prefix}, expected dcbb9e9d"):
        vgg19_features(path)


def test_tensors_are_read_as_they_were_written(tmp_path):
    path, prefix = stored(tmp_path / "some.pth", {"a": torch.arange(3.0), "b": torch.ones(2, 2)})
    found = read_weights(path, prefix, "a network")
    assert list(found) == ["a", "b"] and found["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_object_that_would_run_is_refused_and_does_not_run(tmp_path, wrapped):
    marker = tmp_path / "ran"
    path, prefix = stored(tmp_path / "evil.pth", {"a": torch.zeros(1), "b": Evil(marker)} if wrapped else Evil(marker))
    with pytest.raises(InputError, match=r"evil\.pth: not readable as tensors alone") as caught:
        read_weights(path, prefix, "a network")
    assert "\n" not in str(caught.value) and not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the object of this test is harmless"


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 broken archive"])
def test_a_file_of_something_else_is_an_input_error(tmp_path, content):
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"page\.pth: not readable"):
        read_weights(path, sha256(path)[:8], "a network")


@pytest.mark.parametrize("content", [torch.zeros(2), [torch.zeros(2)], {"epoch": 3, "a": torch.zeros(2)}])
def test_anything_but_named_tensors_is_refused(tmp_path, content):
    path, prefix = stored(tmp_path / "other.pth", content)
    with pytest.raises(InputError, match=r"other\.pth: holds more than named tensors"):
        read_weights(path, prefix, "a network")


def test_a_missing_tensor_is_named(tmp_path, monkeypatch):
    tensors = {name: torch.zeros(()).expand(t.shape) for name, t in on_meta(Vgg19).state_dict().items()}
    del tensors["features.28.bias"]
    path, prefix = stored(tmp_path / "short.pth", tensors)
    monkeypatch.setattr(pretrained, "VGG19_PREFIX", prefix)
    with pytest.raises(InputError, match=r"short\.pth: has no tensor features\.28\.bias, which VGG-19"):
        vgg19_features(path)


def test_a_tensor_of_another_shape_is_named_with_both(tmp_path, monkeypatch):
    tensors = {name: torch.zeros(()).expand(t.shape) for name, t in on_meta(Inception).state_dict().items()}
    tensors["Mixed_6b.branch7x7_2.conv.weight"] = torch.zeros(128, 128, 7, 1)
    path, prefix = stored(tmp_path / "turned.pth", tensors)
    monkeypatch.setattr(inception, "INCEPTION_PREFIX", prefix)
    with pytest.raises(InputError, match=r"branch7x7_2\.conv\.weight has shape \(128, 128, 7, 1\), expected \(128, 128, 1, 7\)"):
        inception_features(path)


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


# Inception-v3


def test_inception_has_the_published_number_of_weights_without_the_classifier():
    # torchvision's has 23,834,568 with a classifier of 1000 and no auxiliary one
    assert sum(p.numel() for p in on_meta(Inception).parameters()) == 23_834_568 - (2048 * 1000 + 1000)


def test_inception_has_the_published_names():
    shapes = {name: tuple(t.shape) for name, t in on_meta(Inception).state_dict().items()}
    published = {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_1a_3x3.bn.weight": (32,),
        "Conv2d_3b_1x1.conv.weight": (80, 64, 1, 1),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch1x1.conv.weight": (64, 192, 1, 1),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
        "Mixed_5d.branch3x3dbl_3.bn.running_mean": (96,),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7),
        "Mixed_6c.branch7x7_3.conv.weight": (192, 160, 7, 1),
        "Mixed_6d.branch7x7dbl_4.conv.weight": (160, 160, 7, 1),
        "Mixed_6e.branch7x7dbl_5.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7b.branch3x3_2a.conv.weight": (384, 384, 1, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.bn.bias": (192,),
    }
    assert {name: shapes.get(name) for name in published} == published
    assert len([name for name in shapes if name.endswith(".conv.weight")]) == 94
    assert not [name for name in shapes if name.startswith(("fc", "Aux")) or name.endswith("conv.bias")]


def test_inception_maps_shrink_as_published():
    network, sizes = on_meta(Inception), {}
    for name, layer in network.named_children():
        layer.register_forward_hook(lambda _, __, out, name=name: sizes.update({name: tuple(out.shape[1:])}))
    assert network(torch.zeros(2, 1, 150, 140, device="meta")).shape == (2, 2048)
    assert sizes == {
        "Conv2d_1a_3x3": (32, 149, 149), "Conv2d_2a_3x3": (32, 147, 147), "Conv2d_2b_3x3": (64, 147, 147),
        "maxpool1": (64, 73, 73), "Conv2d_3b_1x1": (80, 73, 73), "Conv2d_4a_3x3": (192, 71, 71), "maxpool2": (192, 35, 35),
        "Mixed_5b": (256, 35, 35), "Mixed_5c": (288, 35, 35), "Mixed_5d": (288, 35, 35),
        **{f"Mixed_6{letter}": (768, 17, 17) for letter in "abcde"},
        "Mixed_7a": (1280, 8, 8), "Mixed_7b": (2048, 8, 8), "Mixed_7c": (2048, 8, 8),
    }  # fmt: skip


def test_average_pools_leave_the_padding_out_and_the_last_pool_is_a_maximum(fid):
    blocks = dict(fid[0].named_children())
    constant, peak = torch.full((1, 1, 4, 4), 5.0), torch.zeros(1, 1, 3, 3)
    peak[..., 1, 1] = 9
    for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b"):
        pool = blocks[f"Mixed_{name}"].pool
        assert torch.equal(pool(constant), constant)  # 20/9 at the corners, were padding counted
        assert pool(peak)[0, 0].tolist() == [[9 / 4, 9 / 6, 9 / 4], [9 / 6, 1, 9 / 6], [9 / 4, 9 / 6, 9 / 4]]
    assert torch.equal(blocks["Mixed_7c"].pool(peak), torch.full((1, 1, 3, 3), 9.0))
    assert torch.equal(blocks["Mixed_6a"].pool(peak), torch.full((1, 1, 1, 1), 9.0))


def test_a_conv_is_normalised_with_eps_a_thousandth_and_rectified():
    conv = inception.Conv(1, 1, (1, 1)).eval()
    conv.conv.weight.data.fill_(2)
    for tensor, value in zip((conv.bn.weight, conv.bn.bias, conv.bn.running_mean, conv.bn.running_var), (3, 0.5, 1, 0.003)):
        tensor.data.fill_(value)
    found = conv(torch.tensor([0.6, -1.0]).view(2, 1, 1, 1)).flatten()
    assert found[0].item() == pytest.approx((1.2 - 1) / 0.004**0.5 * 3 + 0.5, rel=1e-5)
    assert found[1].item() == 0


def test_branches_stand_in_the_published_order_by_hand(fid):
    network = fid[0]
    weights = network.state_dict()

    def conv(name, x):
        kernel = weights[f"{name}.conv.weight"]
        x = F.conv2d(x, kernel, padding=(kernel.shape[2] // 2, kernel.shape[3] // 2))
        mean, var = (weights[f"{name}.bn.{key}"].view(1, -1, 1, 1) for key in ("running_mean", "running_var"))
        return F.relu((x - mean) / (var + 0.001).sqrt())  # bn.weight is 1 and bn.bias 0, as they start

    x = torch.rand(1, 2048, 4, 4)
    found, short = network.Mixed_7c(x), conv("Mixed_7c.branch3x3_1", x)
    long = conv("Mixed_7c.branch3x3dbl_2", conv("Mixed_7c.branch3x3dbl_1", x))
    parts = [conv("Mixed_7c.branch1x1", x), conv("Mixed_7c.branch3x3_2a", short), conv("Mixed_7c.branch3x3_2b", short),
             conv("Mixed_7c.branch3x3dbl_3a", long), conv("Mixed_7c.branch3x3dbl_3b", long),
             conv("Mixed_7c.branch_pool", F.max_pool2d(x, 3, 1, 1))]  # fmt: skip
    torch.testing.assert_close(found, torch.cat(parts, dim=1))


@pytest.mark.slow
def test_inception_features_are_those_of_the_stored_weights_without_gradients(use_fid):
    network, path, _ = use_fid
    images = grey(2, 40).requires_grad_()
    features = inception_features(path)
    found = features(images)
    assert found.shape == (2, 2048) and not found.requires_grad
    assert torch.equal(found, features(images))
    with torch.no_grad():
        torch.testing.assert_close(found, network(images), rtol=1e-4, atol=1e-4)
    assert 0.1 < found.std() < 10 and (found[0] - found[1]).abs().max() > 0.01


def test_inception_sees_the_images_stretched_and_in_three_equal_colours(fid):
    network, seen = fid[0], []
    handle = network.Conv2d_1a_3x3.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = grey(1, 23)
    try:
        with torch.no_grad():
            network(images)
    finally:
        handle.remove()
    wanted = F.interpolate(images, size=299, mode="bilinear", align_corners=False)
    assert torch.equal(seen[0], wanted.repeat(1, 3, 1, 1))
