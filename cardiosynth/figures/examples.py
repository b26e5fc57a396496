"""Painted subjects beside those that they imitate (paper, Fig. 3)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.subject import ED, ES
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import Picture, bare, contours, house_style, keep, new_figure
from cardiosynth.masks.recipes import recipes
from cardiosynth.masks.source import apply

PHASE = {ED: "ED", ES: "ES"}
TILE_IN = 0.74


def masks_of(results: Results, subject: str) -> np.ndarray:
    """The masks (slices, 2, H, W) that a synthetic subject was painted from, made again from its recipe."""
    table = results.candidates().set_index("id", drop=False)
    (recipe,) = recipes(table.loc[[subject]])
    real = results.cohort(1)
    return apply(recipe, np.asarray(real.masks()[real.rows(recipe.source_id)]))


def pixels_of(cohort: Cohort, subject: str) -> np.ndarray:
    """Images of one subject, (slices, 2, H, W) of uint8."""
    return np.asarray(cohort.images()[cohort.rows(subject)])


def at_quantiles(table: pd.DataFrame, quantiles) -> list[str]:
    """Subjects whose EF stands nearest to these quantiles of the table, each once, by rising EF."""
    ordered = table.sort_values("ef", kind="stable").index
    places = np.rint(np.asarray(quantiles) * (len(ordered) - 1)).astype(int)
    return [str(ordered[place]) for place in dict.fromkeys(places)]


def nearest(table: pd.DataFrame, wanted: pd.Series) -> str:
    """The subject whose EDV and ESV are nearest to those of ``wanted``."""
    distance = (table[["edv_ml", "esv_ml"]] - wanted[["edv_ml", "esv_ml"]].astype(float)).pow(2).sum(axis=1)
    return str(distance.idxmin())


@house_style
def synthetic_examples(results: Results, quantiles=(0.05, 0.5, 0.95), slices: int = 4) -> Picture:
    """Painted stacks of low, middle and high EF, their masks, and the real training subject nearest in volume.

    quantiles: of the EF of the painted training subjects. slices: shown per stack, from base to apex.
    """
    painted, real = results.painted(), results.cohort(1).split("train")
    subjects = at_quantiles(painted.split("train").table, quantiles)
    figure = Figure(figsize=(TILE_IN * (3 * slices + 0.6), TILE_IN * (2 * len(subjects) + 1.2)))
    rows = []
    for block, subject in zip(figure.subfigures(len(subjects), 3, squeeze=False), subjects):
        own, images = painted.table.loc[subject], pixels_of(painted, subject)
        neighbour = nearest(real.table, own)
        _block(block[0], images, None, slices, f"Painted: {_volumes(own)}")
        _block(block[1], images, masks_of(results, subject), slices, "The same with its masks")
        _block(block[2], pixels_of(real, neighbour), None, slices, f"Nearest for training: {_volumes(real.table.loc[neighbour])}")
        rows.append({"painted": subject, "nearest_real": neighbour} | dict(own[["edv_ml", "esv_ml", "ef"]]))
    caption = (
        "**Figure 3.** Painted subjects of low, middle and high ejection fraction, from base (left) to apex, "
        "at ED and ES; the same with the "
        "contours they were painted from; and the subject of the training split that is nearest in EDV and ESV."
    )
    alt = f"Painted stacks of {len(subjects)} synthetic subjects beside the nearest stacks of the training split."
    return keep(figure, pd.DataFrame(rows), results, "03-synthetic-examples", caption, alt, 1)


@house_style
def rising_ef(results: Results, columns: int = 8) -> Picture:
    """One source subject painted at rising EF: its middle slice at ED and ES."""
    painted = results.painted()
    candidates = results.candidates().set_index("id")
    table = painted.table.assign(source_id=candidates["source_id"].reindex(painted.table.index))
    source = table.groupby("source_id")["ef"].agg(["size", np.ptp]).sort_values(["size", "ptp"], kind="stable").index[-1]
    table = table[table["source_id"] == source]
    subjects = at_quantiles(table, np.linspace(0, 1, columns))
    figure, axes = new_figure(2, len(subjects), (1.1 * len(subjects) + 0.4, 2.6))
    for column, subject in enumerate(subjects):
        images, masks = pixels_of(painted, subject), masks_of(results, subject)
        middle = len(images) // 2
        for phase in (ED, ES):
            stack([axes[phase, column]], images[[middle], phase], masks[[middle], phase], structures=("lv",))
        axes[ED, column].set_title(f"EF {table.at[subject, 'ef']:.0f} %", fontsize=8)
    for phase in (ED, ES):
        axes[phase, 0].set_ylabel(PHASE[phase])
    caption = f"**Figure 3b.** Middle slice of the synthetic subjects made from {source}, by rising EF, with the LV contour."
    alt = f"Painted middle slices of one source subject at {len(subjects)} ejection fractions."
    data = table.loc[subjects, ["source_id", "edv_ml", "esv_ml", "ef"]].reset_index(names="id")
    return keep(figure, data, results, "03-rising-ef", caption, alt, 1)


def _block(figure, images, masks, slices: int, title: str) -> None:
    """ED above ES, slices from base to apex, under a title."""
    figure.suptitle(title, x=0.04, ha="left", fontsize=8)
    for phase, row in zip((ED, ES), figure.subplots(2, slices, squeeze=False)):
        stack(row, images[:, phase], None if masks is None else masks[:, phase])
        row[0].set_ylabel(PHASE[phase], fontsize=8)


def _volumes(row: pd.Series) -> str:
    return f"EF {row['ef']:.0f} %, EDV {row['edv_ml']:.0f} ml"


def stack(axes, images, masks=None, **outline) -> None:
    """Slices of one frame (slices, H, W) spread evenly over the axes, base first; outlines of the masks on top.

    images may be None, to draw further outlines over what is there.
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
