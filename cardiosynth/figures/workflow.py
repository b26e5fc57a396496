"""From one slice to many: the mask synthesis, step by step (paper, Fig. 2 and Eq. 1)."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LV
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import INK, SKY, VERMILION, Picture, bare, contours, house_style, keep
from cardiosynth.judging.paper import published_value
from cardiosynth.masks.distances import interpolate, interpolate_as_printed, signed_distance
from cardiosynth.masks.recipes import recipes
from cardiosynth.masks.source import Source

LAYOUT = [
    ["ed", "es", "ed distance", "es distance"],
    ["printed", "intended", "es scaled", "ed scaled"],
    ["pair 0", "pair 1", "pair 2", "pair 3"],
    ["pair 4", "pair 5", "pair 6", "pair 7"],
]
PAIRS = 8
ORDER = colormaps["viridis"]  # light to dark in print too


def typical_subject(cohort: Cohort) -> str:
    """The training subject whose EF is the median."""
    ef = cohort.split("train").table["ef"].sort_values(kind="stable")
    return str(ef.index[len(ef) // 2])


def counts_beside_paper(results: Results) -> pd.DataFrame:
    """Synthetic subjects of this study and of the paper: source subjects, candidates kept, chosen, and kept "
    "per source."""
    table, rows = results.candidates(), []
    for split in ("train", "validation"):
        own = table[table["split"] == split]
        sources, kept = own["source_id"].nunique(), int(own["kept"].sum())
        printed, real = (published_value("count", quantity=split, dataset=1, experiment=who) for who in ("synthetic", ""))
        rows.append({
            "split": split, "sources": sources, "candidates": len(own), "kept": kept,
            "chosen": int(own["chosen"].sum()),
            "kept per source": kept / sources if sources else float("nan"),
            "paper: sources": int(real), "paper: synthetic": int(printed), "paper: per source": printed / real,
        })  # fmt: skip
    return pd.DataFrame(rows)


@house_style
def mask_workflow(results: Results, subject: str = "") -> Picture:
    """One mid-ventricular slice through the synthesis: frames, distances, interpolation, scaling, pairs.

    subject: id in Dataset 1; empty for the training subject of median EF.
    """
    cohort = results.cohort(1)
    subject = subject or typical_subject(cohort)
    rows, middle = cohort.rows(subject), int(cohort.table.at[subject, "slices"]) // 2
    image, masks = np.asarray(cohort.images()[rows])[middle], np.asarray(cohort.masks()[rows])
    table = results.candidates()
    table = table[(table["source_id"] == subject) & (table["variant"] == "plain")].sort_values("ef", kind="stable")
    source = Source(masks)
    frames = np.stack([source.apply(recipe)[middle] for recipe in recipes(table)])  # (candidates, 2, H, W)
    figure = Figure(figsize=(9.0, 9.6))
    axes = figure.subplot_mosaic(LAYOUT)
    for ax in axes.values():
        bare(ax)
    _draw_frames(axes, image, masks[middle], cohort.table.at[subject, "ef"])
    _draw_equation(axes, masks[middle], results.study.masks.interpolations + 1)
    _draw_scaled(axes, image, masks[middle], table, frames)
    _draw_pairs(axes, table, frames)
    caption = (
        f"**Figure 2.** Mask synthesis in the middle slice of subject {subject}. First row: both frames with "
        f"their contours and the signed "
        "distances of the LV (in pixels; the black line is zero). Second row: LV contours for every α by Eq. "
        "(1) as printed, "
        "which coincide, and as intended; for every γ at ES and ED. Below: pairs of frames, ED as the filled "
        "region and ES as the line, "
        "with the EF of the whole stack."
    )
    alt = "Steps of the mask synthesis: frames, distance maps, interpolated and scaled contours, and pairs of rising EF."
    return keep(figure, table, results, "02-workflow", caption, alt, 1)


def _draw_frames(axes, image, masks, ef: float) -> None:
    for phase, name in ((ED, "ed"), (ES, "es")):
        axes[name].imshow(image[phase], vmin=0, vmax=255)
        contours(axes[name], masks[phase])
        axes[name].set_title(f"{name.upper()} frame, EF {ef:.0f} %")
        distance = signed_distance(masks[phase] == LV)
        reach = 3 * max(distance.max(), 1)  # px; what lies further out is not of interest
        axes[f"{name} distance"].imshow(distance, cmap="RdBu", vmin=-reach, vmax=reach)
        axes[f"{name} distance"].contour(distance, [0], colors=INK, linewidths=1)
        axes[f"{name} distance"].set_title(f"SDT{phase + 1}: distance to the LV at {name.upper()}")


def _draw_equation(axes, masks, steps: int) -> None:
    ed_distance, es_distance = (signed_distance(masks[phase] == LV) for phase in (ED, ES))
    for name, equation in (("printed", interpolate_as_printed), ("intended", interpolate)):
        for alpha in range(1, steps):
            distance = equation(ed_distance, es_distance, alpha, steps)
            axes[name].contour(distance, [0], colors=[ORDER(alpha / steps)], linewidths=0.9)
        _close_up(axes[name], masks)
        axes[name].set_title(f"Eq. (1) as {name}, {steps - 1} α")


def _draw_scaled(axes, image, masks, table, frames) -> None:
    scaled = (table["operation"] == "scaled").to_numpy()
    for phase, name in ((ES, "es"), (ED, "ed")):
        gammas = table.loc[scaled, f"{name}_gamma"].to_numpy()
        for gamma, frame in zip(gammas, frames[scaled][:, phase]):
            place = (gamma - gammas.min()) / (np.ptp(gammas) or 1)
            axes[f"{name} scaled"].contour(frame == LV, [0.5], colors=[ORDER(place)], linewidths=0.9)
        _close_up(axes[f"{name} scaled"], masks)
        axes[f"{name} scaled"].set_title(
            f"{name.upper()} scaled, γ {gammas.min():.2f} to {gammas.max():.2f}" if len(gammas) else f"{name.upper()}: no γ"
        )


def _draw_pairs(axes, table, frames) -> None:
    chosen = np.linspace(0, len(table) - 1, min(PAIRS, len(table))).round().astype(int)
    for index, row in enumerate(chosen):
        ax, recipe = axes[f"pair {index}"], table.iloc[row]
        ed, es = frames[row]
        ax.contourf(ed == LV, [0.5, 1.5], colors=[SKY])
        if (es == LV).any():
            ax.contour(es == LV, [0.5], colors=VERMILION, linewidths=1.4)
        _close_up(ax, frames[:, ED])
        ax.set_title(f"EF {recipe['ef']:.0f} %: {recipe['operation']}" + ("" if recipe["kept"] else "\n(left out: " + recipe["reason"] + ")"))


def _close_up(ax, masks) -> None:
    """Show the box that holds the LV of every given frame (..., H, W), rows downwards."""
    inside = (np.asarray(masks) == LV).reshape(-1, *np.shape(masks)[-2:]).any(axis=0)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    half = max(np.ptp(rows), np.ptp(columns)) / 2 + 2
    ax.set_aspect("equal")
    ax.set_xlim(columns.mean() - half, columns.mean() + half)
    ax.set_ylim(rows.mean() + half, rows.mean() - half)
