"""What SFERA is made of, read off the network itself: shapes and parameters of a forward pass."""

import pandas as pd
import torch
from torch import nn

from cardiosynth.networks.sfera import Sfera


def describe(network: Sfera, size_px: int, slices: int) -> pd.DataFrame:
    """One row a part of the network: what comes out of it for one subject, and its trainable parameters.

    A real forward pass of ``slices`` slices of size_px pixels runs through the network, hooked at every part.
    """
    parts = {f"Residual block {i + 1}": block for i, block in enumerate(network.blocks)}
    parts |= {"Linear to slice features": network.reduce, "Bidirectional LSTM": network.lstm, "Linear head (while training)": network.head}
    shapes: dict[str, str] = {}
    hooks = [part.register_forward_hook(_recorder(shapes, name)) for name, part in parts.items()]
    with torch.no_grad():
        features = network.eval().features(torch.zeros(slices, 2, size_px, size_px), torch.tensor([slices]))
        network.head(features)
    for hook in hooks:
        hook.remove()
    rows = [{"part": "Input: ED and ES", "output": f"{slices} × 2 × {size_px} × {size_px}", "parameters": 0}]
    rows += [{"part": name, "output": shapes[name], "parameters": _count(part)} for name, part in parts.items()]
    rows.insert(-1, {"part": f"Readout over slices: {network.readout}", "output": _shape(features), "parameters": 0})
    per_volume = features.shape[1] + 1
    rows.append({"part": "Bayesian ridge (after training)", "output": "EDV and ESV, each with its SD", "parameters": 2 * per_volume})
    return pd.DataFrame(rows)


def _recorder(shapes: dict[str, str], name: str):
    """A forward hook that notes the shape of the output."""

    def note(module, inputs, output):
        first = output[0] if isinstance(output, tuple) else output
        shapes[name] = _shape(first.data if isinstance(first, nn.utils.rnn.PackedSequence) else first)

    return note


def _shape(tensor: torch.Tensor) -> str:
    return " × ".join(str(size) for size in tensor.shape)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
