import numpy as np
import pytest
import torch

from cardiosynth import ROOT
from cardiosynth.networks.sfera import Sfera, VolumeRidge
from cardiosynth.study.sections import SferaSettings
from cardiosynth.study.study_file import load_study

READOUTS = ["sum", "mean", "last"]
SMALL = SferaSettings(base_channels=4, features=16, hidden=8)


def network(settings=SMALL, size=32):
    torch.manual_seed(0)
    return Sfera(settings, size).eval()


@pytest.mark.parametrize("size", [32, 64, 150])
@pytest.mark.parametrize("readout", READOUTS)
def test_two_volumes_for_any_size_and_number_of_slices(size, readout):
    model = network(SMALL.model_copy(update={"readout": readout}), size)
    assert model(torch.rand(12, 2, size, size), torch.tensor([7, 5])).shape == (2, 2)


def test_the_published_size():
    """Five blocks of 32 to 512 channels halve 150 pixels to 4; 512 x 4 x 4 = 8,192 numbers a slice become 128 features.

    Parameters by hand, from a to b channels a block: 3x3 convolutions 9ab + 9b^2, two batch norms 2b each, shortcut ab + b:
    10,016 + 57,664 + 230,016 + 918,784 + 3,672,576 = 4,889,056. Linear 8,192 x 128 + 128 = 1,048,704. LSTM, 64 a direction:
    2 x 4 x (64 x 128 + 64 x 64 + 2 x 64) = 99,328. Head 2 x 128 + 2 = 258.
    """
    study = load_study(ROOT / "studies" / "paper.yaml")
    model = Sfera(study.sfera, study.grid.size_px).eval()
    sides, x = [], torch.zeros(1, 2, 150, 150)
    for block in model.blocks:
        x = block(x)
        sides.append(tuple(x.shape[1:]))
    assert sides == [(32, 75, 75), (64, 37, 37), (128, 18, 18), (256, 9, 9), (512, 4, 4)]
    assert (model.reduce.in_features, model.reduce.out_features) == (8192, 128)
    assert model.lstm.bidirectional and model.features(torch.zeros(3, 2, 150, 150), torch.tensor([1, 2])).shape == (2, 128)
    assert sum(p.numel() for p in model.blocks.parameters()) == 4_889_056
    assert sum(p.numel() for p in model.parameters()) == 4_889_056 + 1_048_704 + 99_328 + 258 == 6_037_346


def test_a_scaled_version_is_the_same_network_with_other_widths():
    parts = [[type(module) for module in Sfera(settings, size).modules()] for settings, size in ((SferaSettings(), 150), (SMALL, 32))]
    assert parts[0] == parts[1]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_convolutions_of_a_block_are_counted(count):
    block = network(SMALL.model_copy(update={"convolutions": count})).blocks[0]
    assert sum(m.kernel_size == (3, 3) for m in block.modules() if isinstance(m, torch.nn.Conv2d)) == count
    assert block(torch.rand(1, 2, 32, 32)).shape == (1, 4, 16, 16)


def test_the_readouts_are_what_their_names_say():
    """Two subjects of 3 and 5 slices, against the LSTM run on each alone."""
    images, slices = torch.rand(8, 2, 32, 32), torch.tensor([3, 5])
    found = {readout: network(SMALL.model_copy(update={"readout": readout})).features(images, slices) for readout in READOUTS}
    model = network()
    for row, stack in enumerate(images.split([3, 5])):
        outputs, (last, _) = model.lstm(torch.relu(model.reduce(model.blocks(stack).flatten(1))))
        expected = {"sum": outputs.sum(0), "mean": outputs.mean(0), "last": torch.cat([outputs[-1, :8], outputs[0, 8:]])}
        assert all(torch.allclose(found[name][row], expected[name], atol=1e-5) for name in READOUTS)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_subject_does_not_depend_on_its_batch(readout):
    """Padding must not leak: each heart alone gives what it gives beside longer and shorter ones."""
    model = network(SMALL.model_copy(update={"readout": readout}))
    images, slices = torch.rand(14, 2, 32, 32), torch.tensor([3, 7, 4])
    together = model(images, slices)
    alone = torch.cat([model(stack, torch.tensor([len(stack)])) for stack in images.split(slices.tolist())])
    assert torch.allclose(together, alone, atol=1e-5)


def test_every_parameter_gets_a_gradient():
    model = network().train()
    model(torch.rand(9, 2, 32, 32), torch.tensor([4, 5])).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_ridge_finds_a_linear_law_and_its_noise():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 5))
    law = rng.normal(size=(5, 2))
    noise = rng.multivariate_normal([0, 0], [[0.04, 0.03], [0.03, 0.09]], size=400)
    volumes = features @ law + [15.0, 7.0] + noise
    ridge = VolumeRidge.fit(features[:300], volumes[:300], features[300:], volumes[300:])
    mean, sd = ridge.predict(features[300:])
    assert np.abs(mean - features[300:] @ law - [15.0, 7.0]).max() < 0.2
    assert np.allclose(sd.mean(axis=0), [0.2, 0.3], rtol=0.2)
    assert ridge.correlation == pytest.approx(0.5, abs=0.2)


def test_the_head_in_place_of_a_ridge_reads_as_the_network_does():
    """Head outputs 0 and 1 are 2 and 12 ml per mm; held-out errors of -3 and 4 ml per mm in every subject are the noise."""
    model, images, slices = network(), torch.rand(12, 2, 32, 32), torch.tensor([7, 5])
    with torch.no_grad():
        features, volumes = model.features(images, slices).double().numpy(), 2 + 10 * model(images, slices).double().numpy()
    offset = np.array([[3.0, -4.0], [-3.0, 4.0]])
    mean, sd = VolumeRidge.of_head(model.head, (2.0, 12.0), features, volumes + offset).predict(features)
    assert np.allclose(mean, volumes, atol=1e-4) and np.allclose(sd, [3.0, 4.0], atol=1e-3)


def test_the_ridge_survives_its_tensors():
    rng = np.random.default_rng(1)
    features, volumes = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    ridge = VolumeRidge.fit(features, volumes, features, volumes)
    again = VolumeRidge.from_tensors(ridge.tensors())
    for ours, theirs in zip(ridge.predict(features), again.predict(features)):
        assert np.array_equal(ours, theirs)
