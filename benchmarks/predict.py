"""Speed of prediction: the networks as ``predict`` runs them against the plain eager forward of the same networks.

    OMP_NUM_THREADS=1 python benchmarks/predict.py --json FILE [--rounds N] [--subjects N]

Plain is the network as PyTorch takes it by default: evaluation mode, NCHW (contiguous) images, batch normalisation as layers of
its own, one subject at a time. Ours is ``inference.fast`` through ``training.apply``: batch normalisation folded, channels_last,
the slices of ``--batch`` subjects as one list. Both run in inference mode from the same uint8 images in memory to the features of whole
hearts; a part between them, channels_last alone, is timed too. They take turns; the best round counts. Weights are random, the
statistics of the normalisation those of the images, which are of phantom subjects. Outputs must agree within 1e-4. Where
there is a GPU, half precision and the compiled network follow. The file is a list of records; the table printed holds the same numbers.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import prepare
from cardiosynth.measuring.inference import fast
from cardiosynth.measuring.sfera_training import Hearts, apply, batch_of
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.sections import Grid, SferaSettings

SIZES = ((64, 8), (150, 32))  # pixels and base channels: of studies/acdc.yaml, of the paper
ALLOWED, SEED = 1e-4, 1
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the records go")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8, help="subjects at once, ours")
    options = parser.parse_args()
    records = [row for size, base in SIZES for row in compared(size, base, options)]
    options.json.write_text(json.dumps(records, indent=1) + "\n")
    print(pd.DataFrame(records).set_index("name").T.to_string(float_format="{:.4g}".format, na_rep=""))


def hearts_of(size_px: int, count: int) -> Hearts:
    """Phantom subjects on a grid of that size."""
    subjects = [prepare(one, Grid(size_px=size_px)) for one in phantom.subjects("a", "test", count, SEED)]
    return Hearts([torch.from_numpy(one.images) for one in subjects], np.ones((count, 2)))


def drawn(size_px: int, base: int, hearts: Hearts) -> Sfera:
    """A network with random weights and the statistics of these hearts, in evaluation mode."""
    torch.manual_seed(SEED)
    network = Sfera(SferaSettings(base_channels=base), size_px).to(DEVICE)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(*batch_of(hearts, range(len(hearts)), DEVICE))
    return network.eval()


def plain(network: Sfera, hearts: Hearts) -> np.ndarray:
    """The network's parts in PyTorch's default layout, a subject at a time: features (n, 2 hidden)."""
    found = []
    with torch.inference_mode():
        for index in range(len(hearts)):
            images, slices = batch_of(hearts, [index], DEVICE)
            each = torch.relu(network.reduce(network.blocks(images).flatten(1)))
            found.append(network.read(each, slices).float().cpu().numpy())
    return np.concatenate(found)


def compared(size_px: int, base: int, options) -> list[dict]:
    """A record for each way at one size."""
    hearts = hearts_of(size_px, options.subjects)
    network = drawn(size_px, base, hearts)
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    ours = fast(network)
    ways = {
        "plain": lambda: plain(network, hearts),
        "channels last": lambda: apply(last, hearts, DEVICE, "features", batch=1),
        "ours": lambda: apply(ours, hearts, DEVICE, "features", batch=options.batch),
    }
    if DEVICE == "cuda":
        compiled = fast(network)
        compiled.blocks = torch.compile(compiled.blocks, dynamic=True)
        ways |= {"ours, half": half(ours, hearts, options.batch), "ours, half, compiled": half(compiled, hearts, options.batch)}
    outputs, best = {name: way() for name, way in ways.items()}, dict.fromkeys(ways, float("inf"))
    for number in range(options.rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            ways[name]()
            best[name] = min(best[name], time.perf_counter() - start)
    difference = {name: float(np.abs(output - outputs["plain"]).max()) for name, output in outputs.items()}
    assert difference["ours"] < ALLOWED, f"ours is off by {difference['ours']}"
    shared = {
        "size_px": size_px,
        "base_channels": base,
        "subjects": len(hearts),
        "slices": sum(map(len, hearts.images)),
        "largest_feature": float(np.abs(outputs["plain"]).max()),
        "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
    }
    return [
        {
            "name": f"{size_px} px, {base} channels: {name}",
            "subjects_per_s": len(hearts) / best[name],
            "ratio": best["plain"] / best[name],
            "max_difference": difference[name],
        }
        | shared
        for name in ways
    ]


def half(network: Sfera, hearts: Hearts, batch: int):
    """The way of ``ours`` in mixed precision."""

    def way():
        with torch.autocast("cuda", torch.half):
            return apply(network, hearts, DEVICE, "features", batch=batch)

    return way


if __name__ == "__main__":
    main()
