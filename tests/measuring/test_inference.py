import copy

import pandas as pd
import pytest
import torch
from torch import nn

from cardiosynth.measuring import inference
from cardiosynth.measuring.inference import Pool, fast
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.sections import SferaSettings
from cardiosynth.workflow.stages import time_inference as timing
from model_files import COUNTS, STUDY, results_folder


def trained(size, **settings):
    """A network whose normalisation layers have statistics and weights that are not those they begin with."""
    torch.manual_seed(0)
    network = Sfera(SferaSettings(base_channels=4, features=16, hidden=8, **settings), size)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1, 1)
            nn.init.uniform_(module.bias, -1, 1)
    network.train()(torch.rand(8, 2, size, size), torch.tensor([8]))
    return network.eval()


@pytest.mark.parametrize("size", [32, 64, 75])
@pytest.mark.parametrize("convolutions", [1, 2, 3])
@pytest.mark.parametrize("readout", ["sum", "last"])
def test_the_fast_network_predicts_what_the_trained_one_does(size, convolutions, readout):
    network = trained(size, convolutions=convolutions, readout=readout)
    images, slices = torch.rand(9, 2, size, size), torch.tensor([4, 5])
    ours, theirs = (one(images, slices) for one in (fast(network), network))
    assert torch.allclose(ours, theirs, atol=1e-5) and theirs.std() > 1e-3


def test_normalisation_is_gone_and_the_original_untouched():
    network = trained(32)
    before = copy.deepcopy(network.state_dict())
    quick = fast(network)
    assert not any(isinstance(module, (nn.BatchNorm2d, nn.MaxPool2d)) for module in quick.modules())
    assert not any(parameter.requires_grad for parameter in quick.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 3, 9, 7), (1, 1, 2, 3)])
def test_the_maximum_of_four_pixels_is_that_of_pytorch(shape):
    x = torch.rand(shape)
    assert torch.equal(Pool()(x), nn.MaxPool2d(2)(x))


def test_slices_in_parts_are_the_slices_at_once(monkeypatch):
    quick, images = fast(trained(32)), torch.rand(7, 2, 32, 32)
    at_once = quick.slice_features(images)
    monkeypatch.setattr(inference, "CACHE_BYTES", 2 * 4 * 4 * 32 * 32)  # two slices of four channels
    assert torch.allclose(quick.slice_features(images), at_once, atol=1e-6)


def test_every_test_subject_is_timed_once_after_all_were_warmed_up(tmp_path, monkeypatch):
    folder, calls, apply = results_folder(tmp_path), [], timing.apply
    monkeypatch.setattr(timing, "apply", lambda network, hearts, *more: calls.append(len(hearts)) or apply(network, hearts, *more))
    timing.time_inference(STUDY, folder)
    table = pd.read_csv(tmp_path / "inference" / "inference.csv")
    assert calls == [1] * 2 * COUNTS["test"]  # one subject at a time, two rounds
    assert table["subject"].is_unique and len(table) == COUNTS["test"]
    assert (table["seconds"] > 0).all() and (table["slices"] == 8).all()
