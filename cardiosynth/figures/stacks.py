"""Stacks of slices with the outlines of structures on them."""

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from cardiosynth.figures.style import OUTLINE, bare, contours

PHASES = ("ED", "ES")


def stack(axes, images, masks=None, **outline) -> None:
    """Slices of one frame (slices, H, W) spread evenly over the axes, base first; outlines of the masks on top.

    images may be None, to draw further outlines over what is there. outline: as ``style.contours`` takes it.
    """
    count = len(masks if images is None else images)
    places = np.linspace(0, count - 1, min(len(axes), count)).round().astype(int)
    for ax in axes:
        bare(ax)
    for ax, place in zip(axes, places):
        if images is not None:
            ax.imshow(images[place], vmin=0, vmax=255)
        if masks is not None:
            contours(ax, masks[place], **outline)


def both_frames(figure: FigureBase, images, masks=None, slices: int = 4, title: str = "", **outline) -> np.ndarray:
    """A subject in a figure or a part of one: ED above ES, ``slices`` from base to apex, under a title.

    images, masks: (slices, 2, H, W). Returns the axes (2, slices), for more to be drawn on them.
    """
    figure.suptitle(title, x=0.02, ha="left", fontsize=8.5)
    axes = figure.subplots(len(PHASES), slices, squeeze=False)
    for phase, name in enumerate(PHASES):
        stack(axes[phase], images[:, phase], None if masks is None else masks[:, phase], **outline)
        axes[phase, 0].set_ylabel(name, fontsize=8)
    return axes


def outline_legend(figure: FigureBase) -> None:
    """What the colours of outlines mean, below the figure."""
    names = {"lv": "LV", "myocardium": "epicardium", "rv": "RV"}
    handles = [Line2D([], [], color=colour, label=names[structure]) for structure, colour in OUTLINE.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), facecolor="#DDDDDD", frameon=True)  # yellow shows on grey
