"""Inception-v3 as the Fréchet inception distance uses it, from a file of weights that the user supplies.

Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016; read it beside section 6 there.
Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, compare images by its 2048 pooled features. Their
network of 2015-12-05 differs from torchvision's: average pools leave the padding out of their mean, and the last block
has a maximum in place of one. The names are torchvision's, under which pt_inception-2015-12-05-6726825d.pth holds it.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cardiosynth.networks.pretrained import load_frozen

INCEPTION_PREFIX = "6726825d"
INCEPTION_TITLE = "Inception-v3 for FID"

# A branch is its convs in order, each (width, kernel[, stride]); a list of two is a fork, both on the same input.
# The branch of the pool has the block's pool before its convs. Kernels are (height, width).
ONE, THREE, FIVE = (1, 1), (3, 3), (5, 5)
ROW_3, COLUMN_3, ROW_7, COLUMN_7 = (1, 3), (3, 1), (1, 7), (7, 1)

average = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
maximum = partial(F.max_pool2d, kernel_size=3, stride=1, padding=1)
halve = partial(F.max_pool2d, kernel_size=3, stride=2)


def _a(pooled: int) -> dict[str, list]:
    return {
        "branch1x1": [(64, ONE)],
        "branch5x5": [(48, ONE), (64, FIVE)],
        "branch3x3dbl": [(64, ONE), (96, THREE), (96, THREE)],
        "branch_pool": [(pooled, ONE)],
    }


def _c(width: int) -> dict[str, list]:
    return {
        "branch1x1": [(192, ONE)],
        "branch7x7": [(width, ONE), (width, ROW_7), (192, COLUMN_7)],
        "branch7x7dbl": [(width, ONE), (width, COLUMN_7), (width, ROW_7), (width, COLUMN_7), (192, ROW_7)],
        "branch_pool": [(192, ONE)],
    }


B = {"branch3x3": [(384, THREE, 2)], "branch3x3dbl": [(64, ONE), (96, THREE), (96, THREE, 2)], "branch_pool": []}
D = {"branch3x3": [(192, ONE), (320, THREE, 2)], "branch7x7x3": [(192, ONE), (192, ROW_7), (192, COLUMN_7), (192, THREE, 2)], "branch_pool": []}
FORK = [(384, ROW_3), (384, COLUMN_3)]
E = {"branch1x1": [(320, ONE)], "branch3x3": [(384, ONE), FORK], "branch3x3dbl": [(448, ONE), (384, THREE), FORK], "branch_pool": [(192, ONE)]}
MIXED = {
    "5b": (_a(32), average),
    "5c": (_a(64), average),
    "5d": (_a(64), average),
    "6a": (B, halve),
    "6b": (_c(128), average),
    "6c": (_c(160), average),
    "6d": (_c(160), average),
    "6e": (_c(192), average),
    "7a": (D, halve),
    "7b": (E, average),
    "7c": (E, maximum),
}


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, ReLU. It keeps the side, or with stride 2 or unpadded does not."""

    def __init__(self, inputs: int, width: int, kernel: tuple[int, int], stride: int = 1, padded: bool = True):
        super().__init__()
        padding = tuple(side // 2 for side in kernel) if padded and stride == 1 else 0
        self.conv = nn.Conv2d(inputs, width, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed(nn.Module):
    """Branches on the same maps, their outputs side by side: (N, inputs, H, W) to (N, width, H or less, W or less).

    Convs have the published names: that of the branch, numbered where it has several, lettered in a fork.
    """

    def __init__(self, inputs: int, branches: dict[str, list], pool: Callable[[Tensor], Tensor]):
        super().__init__()
        self.pool, self.width = pool, 0
        self.paths: dict[str, list[list[str]]] = {}  # names of a branch's convs in order; two names are a fork
        for branch, steps in branches.items():
            self.paths[branch], width = [], inputs
            for number, step in enumerate(steps, 1):
                name = branch if len(steps) == 1 else f"{branch}_{number}"
                convs = {name + letter: conv for letter, conv in zip("ab", step)} if isinstance(step, list) else {name: step}
                for key, conv in convs.items():
                    self.add_module(key, Conv(width, *conv))
                self.paths[branch].append(list(convs))
                width = sum(conv[0] for conv in convs.values())
            self.width += width

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for branch, path in self.paths.items():
            y = self.pool(x) if branch == "branch_pool" else x
            for names in path:
                y = torch.cat([getattr(self, name)(y) for name in names], dim=1)
            found.append(y)
        return torch.cat(found, dim=1)


class Inception(nn.Sequential):
    """Inception-v3 without its classifier. forward: grey images (N, 1, H, W) in [-1, 1] to pooled features (N, 2048).

    Grey goes to all three colours; images are stretched to 299 x 299 bilinearly, without smoothing, as pytorch-fid does.
    """

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, THREE, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, THREE, padded=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, THREE)
        self.maxpool1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = Conv(64, 80, ONE)
        self.Conv2d_4a_3x3 = Conv(80, 192, THREE, padded=False)
        self.maxpool2 = nn.MaxPool2d(3, 2)
        width = 192
        for name, (branches, pool) in MIXED.items():
            block = Mixed(width, branches, pool)
            self.add_module(f"Mixed_{name}", block)
            width = block.width

    def forward(self, images: Tensor) -> Tensor:
        images = F.interpolate(images, (299, 299), mode="bilinear", align_corners=False)
        return super().forward(images.expand(-1, 3, -1, -1)).mean((2, 3))


def inception_features(path, device="cpu") -> Callable[[Tensor], Tensor]:
    """The frozen Inception-v3: images (N, 1, H, W) in [-1, 1], on the device, to features (N, 2048), without gradients.

    path: pt_inception-2015-12-05-6726825d.pth. Raises InputError as ``pretrained.load_frozen`` does.
    """
    network = load_frozen(Inception, path, INCEPTION_PREFIX, INCEPTION_TITLE, device)

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        return network(images)

    return features
