"""How figures look and how they are kept: one palette, one way to save, one way to show.

The colours are those of Okabe and Ito, told apart by readers with any colour vision; every series also
has its own marker or hatch, so that a print in grey can be read.
"""

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot
from matplotlib.figure import Figure

from cardiosynth.data.volumes import LABELS
from cardiosynth.figures.results import Results
from cardiosynth.study.files import whole

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY, INK = "#8A8A8A", "#222222"
COLOUR = {1: BLUE, 2: VERMILION}  # by the number of the dataset
MARKER = {1: "o", 2: "^"}
OUTLINE = {"lv": VERMILION, "myocardium": SKY, "rv": "#F0E442"}
EXPERIMENT_COLOUR = {
    "RSO": INK, "RSA": PURPLE, "RSP": BLUE, "RSP-half-random": GREEN, "RSP-half-matched": VERMILION, "SSO": ORANGE, "segmentation": SKY,
}  # fmt: skip
EXPERIMENT_MARKER = {"RSO": "s", "RSA": "P", "RSP": "o", "RSP-half-random": "^", "RSP-half-matched": "v", "SSO": "D", "segmentation": "X"}
DPI = 160

RC = {
    "figure.dpi": DPI, "savefig.dpi": DPI, "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9.5,
    "axes.labelsize": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK,
    "axes.titlelocation": "left", "axes.linewidth": 0.8, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "image.cmap": "gray", "figure.constrained_layout.use": True,
}  # fmt: skip


def apply_style() -> None:
    """Draw all that follows under the house's settings, whatever those of the session are: a page calls it once, at its top."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(RC)


def reach(table: pd.DataFrame, name: str) -> np.ndarray:
    """Lengths (2, rows) of error bars about the column name, from name_low to name_high; none where there is no interval."""
    middle, low, high = (table[column].to_numpy(float) for column in (name, f"{name}_low", f"{name}_high"))
    return np.nan_to_num([middle - low, high - middle]).clip(0)


def bare(ax) -> None:
    """An axis for an image: no ticks, no frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def contours(ax, mask, colour: str | None = None, style: str = "-", structures=tuple(OUTLINE)) -> None:
    """Outlines of structures in one mask (H, W) of labels; that of the myocardium is the epicardial contour."""
    for name in structures:
        region = (mask == LABELS[name]) | ((mask == LABELS["lv"]) & (name == "myocardium"))
        if region.any() and not region.all():
            ax.contour(region, [0.5], colors=colour or OUTLINE[name], linewidths=1.0, linestyles=style)


def heart_box(masks) -> tuple[slice, slice]:
    """Rows and columns that hold every heart of masks (slices, 2, H, W), with room to grow by a fifth."""
    found = []
    for others in ((0, 1, 3), (0, 1, 2)):
        where = np.flatnonzero((np.asarray(masks) > 0).any(axis=others))
        margin = int(0.1 * (where[-1] - where[0])) + 3
        found.append(slice(max(int(where[0]) - margin, 0), int(where[-1]) + margin + 1))
    return found[0], found[1]


@dataclass(frozen=True)
class Picture:
    """A saved figure as notebooks show it: with its origin below it, a text for those who cannot see it, and its data."""

    path: Path
    caption: str
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/markdown": self._for_the_book(), "text/html": self._for_a_notebook()}

    def _for_the_book(self) -> str:
        """A MyST figure. In the book's sources figures/ lies beside notebooks/."""
        target = f"../figures/{self.path.name}"
        data = f"{{download}}`data behind the figure (CSV) <{self._data_target()}>`"
        lines = [f"```{{figure}} {target}", f":name: fig-{self.path.stem}", f":alt: {self.alt}", "", f"{self.caption} {data}", "```"]
        return "\n".join(lines)

    def _data_target(self) -> str:
        return f"../figures/{self.path.stem}.csv"

    def _for_a_notebook(self) -> str:
        pixels = base64.b64encode(self.path.read_bytes()).decode()
        image = f'<img alt="{escape(self.alt)}" style="max-width:100%" src="data:image/png;base64,{pixels}">'
        return f"<figure>{image}<figcaption>{escape(self.caption)}</figcaption></figure>"


def show(figure: Figure, data: pd.DataFrame, results: Results, name: str, alt: str, *datasets: int) -> Picture:
    """Save a figure and the data behind it as figures/<name>.png and .csv, and return it ready to show.

    alt: the figure in words, for those who cannot see it. datasets: the numbers of those shown (all where none is named).
    What the figure shows is said in the text beside it; the study and the datasets stand below it.
    """
    pyplot.close(figure)  # else a notebook shows it twice
    folder, name, origin = (results.kept_in or results.folder) / "figures", results.prefix + name, results.origin(*datasets)
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / f"{name}.png") as partial:
        figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
    with whole(folder / f"{name}.csv") as partial:
        data.to_csv(partial, index=False)
    return Picture(folder / f"{name}.png", origin, f"{alt} {origin}")
