"""SFERA for prediction alone: the same numbers as the trained network gives, in less than half the time on a CPU.

Batch normalisation in evaluation mode is a scale and an offset a channel, so it goes into the convolution before it. Maxima
commute with ReLU, so pooling comes first and leaves ReLU a quarter of the pixels; a 2x2 maximum is two element-wise ones, where
PyTorch's pooling layer also notes where each maximum was; and slices pass in parts that a processor's cache holds.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cardiosynth.networks.sfera import Sfera

CACHE_BYTES = 20_000_000  # of the first convolution's output at once: within the last cache of most processors


class Pool(nn.Module):
    """The maximum of 2x2 pixels, as ``nn.MaxPool2d(2)``: an odd last row or column is left out. (N, C, H, W) to (N, C, H // 2, W // 2)."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = (size // 2 * 2 for size in x.shape[-2:])
        rows = torch.maximum(x[..., 0:height:2, :width], x[..., 1:height:2, :width])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


class InParts(nn.Sequential):
    """The residual blocks one after the other, on a CPU for a few slices at a time. (slices, 2, H, W) to (slices, C, H / 32, W / 32)."""

    def forward(self, x: Tensor) -> Tensor:
        count = len(x)
        if x.device.type == "cpu":
            count = max(CACHE_BYTES // (x.element_size() * self[0].body[0].out_channels * x[0, 0].numel()), 1)
        run = super().forward
        return torch.cat([run(part) for part in x.split(count)])


def fast(network: Sfera) -> Sfera:
    """A copy for prediction, in evaluation mode and channels_last, without gradients; its outputs are within rounding of the original's."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for block in network.blocks:
        block.body, block.shortcut = _folded(block.body), _folded(block.shortcut)
    network.blocks = InParts(*network.blocks)
    network.lstm.flatten_parameters()  # a GPU wants them in one piece, which a copy breaks
    return network.to(memory_format=torch.channels_last)


def _folded(layers: nn.Sequential) -> nn.Sequential:
    folded: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        elif isinstance(layer, nn.MaxPool2d) and folded and isinstance(folded[-1], nn.ReLU):
            folded[-1:] = [Pool(), nn.ReLU(inplace=True)]
        else:
            folded.append(Pool() if isinstance(layer, nn.MaxPool2d) else layer)
    return nn.Sequential(*folded)
