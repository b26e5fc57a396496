import numpy as np
import pytest
import torch

from cardiosynth.sfera import Sfera, VolumeRidge
from cardiosynth.sections import Sfera as Settings

SMALL = Settings(base_channels=4, features=16, hidden=8)


def network(settings=SMALL, size=32):
    torch.manual_seed(0)
    return Sfera(settings, size).eval()


@pytest.mark.parametrize("size", [32, 64, 150])
@pytest.mark.parametrize("readout", ["sum", "last"])
def test_two_volumes_for_any_size_and_number_of_slices(size, readout):
    model = network(SMALL.model_copy(update={"readout": readout}), size)
    assert model(torch.rand(12, 2, size, size), torch.tensor([7, 5])).shape == (2, 2)


def test_the_published_widths():
    """Five blocks of 32 to 512 channels, 128 features: 512 x 4 x 4 = 8,192 numbers a slice at 150 pixels."""
    model = Sfera(Settings(), 150)
    assert [block.shortcut[1].out_channels for block in model.blocks] == [32, 64, 128, 256, 512]
    assert (model.reduce.in_features, model.reduce.out_features) == (8192, 128)


@pytest.mark.parametrize("readout", ["sum", "last"])
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


def test_the_ridge_survives_its_tensors():
    rng = np.random.default_rng(1)
    features, volumes = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    ridge = VolumeRidge.fit(features, volumes, features, volumes)
    again = VolumeRidge.from_tensors(ridge.tensors())
    for ours, theirs in zip(ridge.predict(features), again.predict(features)):
        assert np.array_equal(ours, theirs)
