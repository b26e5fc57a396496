"""SFERA drawn from the network itself (paper, Fig. 7): shapes and parameters are read off a forward pass."""

import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import nn

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, Picture, bare, house_style, keep
from cardiosynth.networks.sfera import Sfera

FILL = {"Input": "white", "Residual": SKY, "Linear to": ORANGE, "Bidirectional": GREEN, "Readout": "white", "Bayesian": PURPLE}


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


@house_style
def sfera_architecture(results: Results, slices: int = 10) -> Picture:
    """The network of the study as boxes, with the shapes of a subject of ``slices`` slices."""
    grid, settings = results.study.grid, results.study.sfera
    table = describe(Sfera(settings, grid.size_px), grid.size_px, slices)
    figure = Figure(figsize=(8.0, 0.62 * len(table) + 0.3))
    ax = figure.subplots()
    bare(ax)
    ax.set(xlim=(0, 10), ylim=(-len(table) + 0.7, 0.3))
    for words, x, align in (("part", 0.65, "left"), ("what comes out", 6.4, "center"), ("parameters", 9.4, "right")):
        ax.text(x, 0.05, words, ha=align, color=GREY)
    for place, row in enumerate(table.iloc[:-2].itertuples()):
        _box(ax, place, row)
        _arrow(ax, 5, place + 1) if place < len(table) - 3 else None
    for row, (left, right) in zip(table.iloc[-2:].itertuples(), ((0.4, 4.8), (5.2, 9.6))):
        _box(ax, len(table) - 2, row, left, right)
        _arrow(ax, (left + right) / 2, len(table) - 2)
    total = table.loc[~table["part"].str.contains("ridge"), "parameters"].sum()
    caption = (
        f"**Figure 7.** SFERA with the widths of this study, for a subject of {slices} slices of {grid.size_px} "
        f"× {grid.size_px} pixels. Each box "
        f"gives what comes out of a part and its trained parameters, {total:,} in all; shapes are read off a "
        f"forward pass."
    )
    if settings.ridge == "none":
        caption += " In this study no ridge is fitted: the linear head stays."
    alt = "SFERA from top to bottom: " + "; ".join(f"{row.part} gives {row.output}" for row in table.itertuples()) + "."
    return keep(figure, table, results, "07-sfera-architecture", caption, alt, 1)


def _box(ax, place: int, row, left: float = 0.4, right: float = 9.6) -> None:
    """One part; a narrow box has its output on a second line."""
    colour = next((c for name, c in FILL.items() if row.part.startswith(name)), "#DDDDDD")
    shape = {"xy": (left, -place - 0.86), "width": right - left, "height": 0.7, "boxstyle": "round,pad=0.02,rounding_size=0.12"}
    ax.add_patch(FancyBboxPatch(**shape, facecolor=colour, alpha=0.35))
    ax.add_patch(FancyBboxPatch(**shape, fill=False, edgecolor=BLUE, linestyle="--" if "while" in row.part else "-"))
    wide = right - left > 5
    ax.text(left + 0.25, -place - (0.51 if wide else 0.36), row.part, va="center", fontsize=9.5)
    ax.text(6.4 if wide else left + 0.25, -place - (0.51 if wide else 0.66), row.output, va="center", ha="center" if wide else "left")
    if row.parameters:
        ax.text(right - 0.2, -place - 0.51, f"{row.parameters:,}", va="center", ha="right")


def _arrow(ax, x: float, place: int) -> None:
    ax.add_patch(FancyArrowPatch((x, -place + 0.14), (x, -place - 0.12), arrowstyle="-|>", mutation_scale=9, color=INK))


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
