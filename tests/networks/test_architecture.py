"""What the drawing of SFERA says is what the network is."""

import pytest
import torch

from cardiosynth.networks.architecture import describe
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.sections import SferaSettings


@pytest.mark.parametrize("readout", ["sum", "mean", "last"])
def test_the_architecture_is_read_off_the_network(readout):
    settings = SferaSettings(base_channels=2, features=8, hidden=4, readout=readout)
    network = Sfera(settings, 64)
    table = describe(network, 64, 7)
    trained = table[~table["part"].str.contains("ridge")]["parameters"].sum()
    assert trained == sum(parameter.numel() for parameter in network.parameters())
    assert table["output"].tolist()[1:6] == [f"7 × {2 * 2**i} × {32 // 2**i} × {32 // 2**i}" for i in range(5)]
    assert network.features(torch.zeros(7, 2, 64, 64), torch.tensor([7])).shape == (1, 8)
    assert table["output"].tolist()[-3:-1] == ["1 × 8", "1 × 2"]
    assert not any(module._forward_hooks for module in network.modules())
