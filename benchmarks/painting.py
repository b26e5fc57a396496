"""Speed of painting: the folded generator against the generator as written and against MONAI's SPADE, at 160 x 160 pixels.

    OMP_NUM_THREADS=1 python benchmarks/painting.py --json FILE [--rounds N] [--base-channels N ...] [--batch N]

All paint the same masks of phantom subjects, evenly drawn from all slices, in turn; the best round counts. Weights are
random, of gain one, and the statistics of the normalisation are those of these masks, so that images differ from mask to
mask; ours must be those of the generator as written. MONAI's ``SPADENet`` has no SPADE block at full size: with the same
widths at the smaller sizes it has less than half the multiplications of our generator. Its residual blocks in our
arrangement are therefore timed too. Both are in evaluation mode, with instance normalisation, their default, and its layout.
On a GPU half precision follows. With other work on the machine several threads wait for each other: use one. The file is a
list of records; the table printed holds the same numbers.
"""

import argparse
import copy
import json
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from monai.networks.nets import SPADENet
from monai.networks.nets.spade_network import SPADENetResBlock
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import prepare
from cardiosynth.networks.spade import UPSAMPLED, UPSAMPLINGS, WIDTHS, SpadeGenerator, one_hot
from cardiosynth.painting.folded import FoldedGenerator, fold
from cardiosynth.study.sections import GeneratorSettings, Grid

SIZE_PX, SUBJECTS, SEED = 160, 2, 1
ALLOWED = 1e-3  # between images of the folded generator and as written, which are in [-1, 1]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the records go")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base-channels", type=int, nargs="+", default=[16, 64], help="widths of the generator")
    parser.add_argument("--shared-channels", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8, help="images at once")
    options = parser.parse_args()
    records = []
    for base in options.base_channels:
        for frames in ("single", "joint"):
            settings = GeneratorSettings(frames=frames, base_channels=base, shared_channels=options.shared_channels)
            records += compared(settings, phantom_masks(settings.phases, options.batch), options.rounds)
            options.json.write_text(json.dumps(records, indent=1) + "\n")
    print(pd.DataFrame(records).set_index("name").T.to_string(float_format="{:.4g}".format, na_rep=""))


def phantom_masks(phases: int, count: int) -> torch.Tensor:
    """Masks (count, phases, H, W)."""
    subjects = (prepare(one, Grid(size_px=SIZE_PX)) for site in "ab" for one in phantom.subjects(site, "train", SUBJECTS, SEED))
    masks = np.concatenate([one.masks.reshape(-1, phases, SIZE_PX, SIZE_PX) for one in subjects])
    return torch.from_numpy(masks[np.linspace(0, len(masks) - 1, count).round().astype(int)])


# ---------------------------------------------------------------- what is compared


@torch.no_grad()
def drawn(network: nn.Module, planes: torch.Tensor) -> nn.Module:
    """With random weights that let the masks through, and the statistics of these; in evaluation mode."""
    torch.manual_seed(SEED)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_normal_(parameter)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.to(DEVICE).train()(planes)
    return network.eval().requires_grad_(False)


def monai_net(settings: GeneratorSettings) -> nn.Module:
    """As wide as ours at each size but the full one, where it has no block."""
    widths = [settings.base_channels * width for width in WIDTHS[:5]]  # of the inputs at 1/32 to 1/2 of the size, as ours
    planes, shared = 4 * settings.phases, settings.shared_channels
    return SPADENet(2, 1, settings.phases, planes, [SIZE_PX] * 2, widths[::-1], is_vae=False, spade_intermediate_channels=shared)


class MonaiBlocks(nn.Module):
    """MONAI's residual blocks where our generator has its own."""

    def __init__(self, settings: GeneratorSettings):
        super().__init__()
        planes, widths = 4 * settings.phases, [settings.base_channels * width for width in WIDTHS]
        self.first = nn.Conv2d(planes, widths[0], 3, padding=1)
        pairs = zip([widths[0], *widths], widths)
        self.blocks = nn.ModuleList(SPADENetResBlock(2, *pair, planes, settings.shared_channels) for pair in pairs)
        self.last = nn.Conv2d(widths[-1], settings.phases, 3, padding=1)

    def forward(self, planes):
        x = self.first(F.interpolate(planes, [SIZE_PX // 2**UPSAMPLINGS] * 2))
        for block, upsampled in zip(self.blocks, UPSAMPLED):
            x = block(F.interpolate(x, scale_factor=2) if upsampled else x, planes)
        return torch.tanh(self.last(F.leaky_relu(x, 0.2)))


def networks(settings: GeneratorSettings, planes: torch.Tensor) -> dict:
    """Name to (network, planes as it takes them, precision)."""
    last, rows = planes.contiguous(memory_format=torch.channels_last), planes.contiguous()
    written = drawn(SpadeGenerator(settings), rows)
    written_last = copy.deepcopy(written).to(memory_format=torch.channels_last)
    monai, blocks = (drawn(net, rows) for net in (monai_net(settings), MonaiBlocks(settings)))
    ways = {
        "folded": (fold(written), last, None), "as written": (written, rows, None),
        "as written, channels last": (written_last, last, None), "MONAI SPADENet": (monai, rows, None),
        "MONAI blocks, our arrangement": (blocks, rows, None),
    }  # fmt: skip
    if DEVICE == "cuda":
        ways |= {
            "folded, half": (fold(written).half(), last, None),
            "folded, half, compiled": (fold(written, compiled=True).half(), last, None),
            "as written, channels last, half": (written_last, last, torch.half),
            "MONAI SPADENet, half": (monai, rows, torch.half),
            "MONAI blocks, our arrangement, half": (blocks, rows, torch.half),
        }  # fmt: skip
    return ways


# ---------------------------------------------------------------- what is measured


@torch.no_grad()
def painted(network: nn.Module, planes: torch.Tensor, precision) -> torch.Tensor:
    """Images, all done."""
    with nullcontext() if precision is None else torch.autocast(DEVICE, precision):
        images = network(planes)
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return images[0] if isinstance(images, tuple) else images


def compared(settings: GeneratorSettings, masks: torch.Tensor, rounds: int) -> list[dict]:
    """One record a way to paint these masks."""
    ways = networks(settings, one_hot(masks.to(DEVICE)))
    with torch.backends.cudnn.flags(allow_tf32=False):  # or its rounding would be all that differs
        images = {name: painted(*way) for name, way in ways.items()}  # which also warms up
    best = dict.fromkeys(ways, np.inf)
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            painted(*ways[name])
            best[name] = min(best[name], time.perf_counter() - start)
    difference = {name: float((images[name] - images["as written"]).abs().max()) for name in ways if "MONAI" not in name}
    assert difference["folded"] < ALLOWED, f"the folded generator is off by {difference['folded']}"
    shared = {
        "frames": settings.frames, "base_channels": settings.base_channels, "shared_channels": settings.shared_channels,
        "batch": len(masks), "labelled_percent": 100 * float((masks > 0).float().mean()), "size_px": SIZE_PX,
        "image_std": float(images["as written"].std()), "device": device_name(), "threads": torch.get_num_threads(),
    }  # fmt: skip
    return [
        {"name": f"{settings.frames} {settings.base_channels}: {name}", "baseline": name, "images_per_s": len(masks) / best[name],
         "ours_images_per_s": len(masks) / best["folded"], "ratio": best[name] / best["folded"],
         "max_difference": difference.get(name), "parameters": parameters(ways[name][0]),
         "giga_multiplications_per_image": multiplications(*ways[name]) / len(masks) / 1e9} | shared
        for name in ways
    ]  # fmt: skip


def multiplications(network: nn.Module, *how) -> float:
    """Of convs and matrices; nothing of what is compiled."""
    with FlopCounterMode(display=False) as counter:
        painted(network, *how)
    return counter.get_total_flops() / 2


def parameters(network: nn.Module) -> int | None:
    """Trainable numbers; None of a folded generator."""
    return None if isinstance(network, FoldedGenerator) else sum(parameter.numel() for parameter in network.parameters())


def device_name() -> str:
    """The GPU's name, or cpu."""
    return torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"


if __name__ == "__main__":
    main()
