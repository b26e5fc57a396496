"""One scan on one page: its volumes with intervals, what is odd about it, its slices, and where the networks looked."""

import io
import textwrap

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import QUANTITIES, QUANTITY
from cardiosynth.figures.style import BLUE, DPI, GREY, INK, ORANGE, apply_style, bare
from cardiosynth.judging.card import NOT_A_DEVICE
from cardiosynth.measuring.measure import Measurement

PAGE_IN, MARGIN_IN, GAP_IN = (8.27, 11.69), 0.55, 0.05  # A4
COLUMNS = 6  # slices beside each other at most
LABEL_IN, TOP_IN, FOOT_IN = 0.45, 0.22, 1.1
COLOURS = "PuOr_r"  # orange: contributes; purple: hiding it makes the volume larger


def page(measurement: Measurement, card: dict) -> bytes:
    """The page as PNG, A4 upright. card: the model's; the intervals stand beside the range of its training subjects."""
    with matplotlib.rc_context():
        apply_style()
        figure = Figure(figsize=PAGE_IN, layout="none")  # all is placed by inches
        top = _heading(figure, measurement, card)
        top = _numbers(figure, measurement, card, top)
        top = _remarks(figure, measurement, top)
        _montage(figure, measurement, top)
        _foot(figure)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return content.getvalue()


def _axes(figure: Figure, left: float, top: float, width: float, height: float):
    """An axis by inches from the page's upper left corner."""
    return figure.add_axes((left / PAGE_IN[0], 1 - (top + height) / PAGE_IN[1], width / PAGE_IN[0], height / PAGE_IN[1]))


def _text(figure: Figure, left: float, top: float, words: str, **options) -> None:
    figure.text(left / PAGE_IN[0], 1 - top / PAGE_IN[1], words, **{"va": "top", "color": INK} | options)


def _heading(figure: Figure, measurement: Measurement, card: dict) -> float:
    """Returns where the next part begins, in inches from the top, as its neighbours do."""
    pair, notes = measurement.pair, measurement.notes
    frames = f", frames {notes['ed_frame']} (ED) and {notes['es_frame']} (ES), found, counted from 0" if "ed_frame" in notes else ""
    facts = f"{len(pair.images)} slices between base and apex (found), {pair.slice_gap_mm:.1f} mm apart{frames}"
    _text(figure, MARGIN_IN, 0.45, textwrap.shorten(measurement.name, 36, placeholder=" ..."), fontsize=15, weight="bold")
    lines = textwrap.wrap("; ".join([facts, *notes["mended"]]), 125)
    _text(figure, MARGIN_IN, 0.88, "\n".join(lines), fontsize=8, color=GREY, linespacing=1.3)
    seeds = f"{len(card['seeds'])} networks" if len(card["seeds"]) > 1 else "one network"
    words = card["data"] if card["patients"] else card["data"][0].lower() + card["data"][1:]
    _text(figure, PAGE_IN[0] - MARGIN_IN, 0.47, f"{card['title']}\n{seeds}, trained on {words}", fontsize=8, color=GREY, ha="right")
    return 1.1 + 0.15 * len(lines)


def _numbers(figure: Figure, measurement: Measurement, card: dict, top: float) -> float:
    width = (PAGE_IN[0] - 2 * MARGIN_IN) / 3
    for index, quantity in enumerate(QUANTITIES):
        left = MARGIN_IN + index * width
        name, unit = QUANTITY[quantity]
        value, low, high = measurement.values(quantity)
        _text(figure, left, top, name, fontsize=9, color=GREY)
        _text(figure, left, top + 0.16, f"{value:.0f} {unit}", fontsize=20, weight="bold")
        _text(figure, left, top + 0.53, f"{100 * measurement.level:g} % interval {low:.0f} to {high:.0f} {unit}", fontsize=8.5)
        _interval(_axes(figure, left, top + 0.75, width - 0.35, 0.2), value, low, high, card["seen"][quantity])
    return top + 1.35


def _interval(ax, value: float, low: float, high: float, seen: tuple[float, float]) -> None:
    ax.axvspan(*seen, color=GREY, alpha=0.25, linewidth=0)
    ax.plot([low, high], [0, 0], color=BLUE, linewidth=2.5, solid_capstyle="butt")
    ax.plot([value], [0], "o", color=BLUE, markersize=6)
    reach = max(high, seen[1]) - min(low, seen[0])
    ax.set(xlim=(min(low, seen[0]) - 0.05 * reach, max(high, seen[1]) + 0.05 * reach), ylim=(-1, 1), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.tick_params(labelsize=7)
    ax.locator_params(axis="x", nbins=5)


def _remarks(figure: Figure, measurement: Measurement, top: float) -> float:
    if not measurement.remarks:
        _text(figure, MARGIN_IN, top, "Nothing about this scan was found to be unlike the training data.", fontsize=8.5)
        return top + 0.3
    lines = [line for remark in measurement.remarks for line in textwrap.wrap(f"- {remark}", 112, subsequent_indent="  ")]
    height = 0.155 * (len(lines) + 1) + 0.16
    box = ((MARGIN_IN - 0.05) / PAGE_IN[0], 1 - (top + height) / PAGE_IN[1])
    size = ((PAGE_IN[0] - 2 * MARGIN_IN + 0.1) / PAGE_IN[0], height / PAGE_IN[1])
    figure.add_artist(FancyBboxPatch(box, *size, boxstyle="square,pad=0", transform=figure.transFigure, facecolor=ORANGE, alpha=0.25, linewidth=0))
    _text(figure, MARGIN_IN + 0.03, top + 0.08, "Warning: unlike the training data, so the intervals may not hold.", fontsize=8.5, weight="bold")
    _text(figure, MARGIN_IN + 0.03, top + 0.24, "\n".join(lines), fontsize=8, linespacing=1.35)
    return top + height + 0.2


def _montage(figure: Figure, measurement: Measurement, top: float) -> None:
    """Blocks of slices, each with a row for ED, for ES and, where there is one, for the map; base first."""
    images, contribution = measurement.pair.images, measurement.contribution
    rows = 2 if contribution is None else 3
    blocks = -(-len(images) // COLUMNS)
    columns = -(-len(images) // blocks)
    room = PAGE_IN[1] - FOOT_IN - top
    cell = min((PAGE_IN[0] - 2 * MARGIN_IN - LABEL_IN) / columns, (room / blocks - TOP_IN) / rows)
    scale = None if contribution is None else Normalize(-np.abs(contribution).max() - 1e-9, np.abs(contribution).max() + 1e-9)
    for index, pair in enumerate(images):
        block, column = divmod(index, columns)
        left, upper = MARGIN_IN + LABEL_IN + column * cell, top + block * (rows * cell + TOP_IN) + TOP_IN
        where = " (base)" if index == 0 else " (apex)" if index == len(images) - 1 else ""
        _text(figure, left + cell / 2, upper - 0.04, f"{index + 1}{where}", fontsize=8, ha="center", va="bottom", color=GREY)
        for row in range(rows):
            ax = _axes(figure, left, upper + row * cell, cell - GAP_IN, cell - GAP_IN)
            bare(ax)
            background = ES if row == 1 or (row == 2 and measurement.volume == "esv_ml") else ED
            ax.imshow(pair[background], vmin=0, vmax=255)
            if row == 2:
                strength = np.abs(contribution[index]) / scale.vmax
                ax.imshow(contribution[index], cmap=COLOURS, norm=scale, alpha=0.85 * np.sqrt(strength))
        if column == 0:
            for row, words in enumerate(("ED", "ES", "map")[:rows]):
                _text(figure, MARGIN_IN, upper + (row + 0.5) * cell, words, fontsize=9, va="center")
    if scale:
        _key(figure, measurement, scale)


def _key(figure: Figure, measurement: Measurement, scale: Normalize) -> None:
    ax = _axes(figure, MARGIN_IN + LABEL_IN, PAGE_IN[1] - FOOT_IN + 0.12, 2.2, 0.12)
    figure.colorbar(ScalarMappable(scale, COLOURS), cax=ax, orientation="horizontal")
    ax.tick_params(labelsize=7)
    name = QUANTITY[measurement.volume][0]
    _text(
        figure,
        MARGIN_IN + LABEL_IN + 2.4,
        PAGE_IN[1] - FOOT_IN + 0.1,
        f"Map: ml of {name} that a spot contributes, by hiding a square of 25 mm "
        "about it\nin one slice (at ED and ES) and predicting again; mean over the networks.",
        fontsize=7.5,
        linespacing=1.3,
    )


def _foot(figure: Figure) -> None:
    _text(
        figure,
        MARGIN_IN,
        PAGE_IN[1] - 0.5,
        "Grey bands: range of the training subjects. Intervals: from the networks' spread and their errors on validation subjects.",
        fontsize=7.5,
        color=GREY,
    )
    _text(figure, MARGIN_IN, PAGE_IN[1] - 0.34, NOT_A_DEVICE, fontsize=8, weight="bold")
