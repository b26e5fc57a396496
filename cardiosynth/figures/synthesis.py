"""Mask synthesis beyond the paper: variants of one heart, and what was recorded of anatomy, conservation and speed."""

import numpy as np
import pandas as pd

from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LABELS, LV, ejection_fraction, volume_ml
from cardiosynth.figures.results import Results, recorded
from cardiosynth.figures.style import OUTLINE, Picture, bare, heart_box, house_style, keep, new_figure
from cardiosynth.figures.tables import Table
from cardiosynth.masks.recipes import DEFAULTS, Recipe, enumerate_recipes
from cardiosynth.masks.source import Source
from cardiosynth.measuring.examples import typical_subject
from cardiosynth.study.sections import Masks

PLACES = (0.25, 0.5, 0.85)  # of the slices shown, from base to apex
STAGES = {"source": "sources", "before": "candidates", "after": "kept"}
ALL = "The phantoms are computed, no patients."


@house_style
def variants_of_one_heart(results: Results, subject: str = "") -> Picture:
    """Every variant of one subject's own pair of frames, three slices of it; empty for the training subject of median EF."""
    cohort = results.cohort(1)
    subject = subject or typical_subject(cohort)
    row, real = cohort.table.loc[subject], np.asarray(cohort.masks()[cohort.rows(subject)])
    source, box = Source(real), heart_box(real)
    shown = [int(place * (row["slices"] - 1) + 0.5) for place in PLACES]
    settings = Masks(variants=list(DEFAULTS), include_original=True)
    originals = [recipe for recipe in enumerate_recipes(subject, settings) if recipe.operation == "original"]
    figure, axes = new_figure(2 * len(shown), len(originals), (1.5 * len(originals), 3.0 * len(shown)))
    data = []
    for column, recipe in enumerate(originals):
        masks = source.apply(recipe)
        data.append(_measured(recipe, masks, row))
        for place, number in enumerate(shown):
            for phase in (ED, ES):
                _draw(axes[2 * place + phase, column], masks[number, phase], box)
        axes[0, column].set_title(f"{recipe.variant}\nEF {data[-1]['ef']:.0f} %")
    for place, where in enumerate(("near the base", "in the middle", "near the apex")):
        for phase, name in ((ED, "ED"), (ES, "ES")):
            axes[2 * place + phase, 0].set_ylabel(f"{name} {where}", fontsize=8)
    caption = f"Variants of the masks of subject {subject}: LV, myocardium and RV at ED and ES in three slices, with the EF of the whole stack."
    alt = "Masks of one heart, plain and in each variant, at end-diastole and end-systole; volumes are in the CSV beside the figure."
    return keep(figure, pd.DataFrame(data), results, "13-variants", caption, alt, 1)


def _draw(ax, mask: np.ndarray, box: tuple[slice, slice]) -> None:
    bare(ax)
    for name in ("rv", "myocardium", "lv"):
        if (mask == LABELS[name]).any():
            ax.contourf(mask == LABELS[name], [0.5, 1.5], colors=[OUTLINE[name]])
    ax.set_aspect("equal")
    rows, columns = box
    ax.set(xlim=(columns.start, columns.stop), ylim=(rows.stop, rows.start))


def _measured(recipe: Recipe, masks: np.ndarray, row: pd.Series) -> dict:
    area_mm2, gap_mm = row["spacing_mm"] ** 2, row["slice_gap_mm"]
    edv_ml, esv_ml = volume_ml(masks, area_mm2, gap_mm, LV)
    muscle = volume_ml(masks, area_mm2, gap_mm, LABELS["myocardium"])
    return {
        "variant": recipe.variant,
        "amount": recipe.amount,
        "edv_ml": edv_ml,
        "esv_ml": esv_ml,
        "ef": float(ejection_fraction(edv_ml, esv_ml)),
        "myocardium_ed_ml": muscle[ED],
        "myocardium_es_ml": muscle[ES],
    }


def faults_counted(results: Results) -> Table:
    """Why candidates of this study were left out: every cause of each counted, so one candidate may count twice."""
    table = results.candidates()
    causes = table.assign(faults=table["faults"].str.split("; ")).explode("faults")
    counts = pd.crosstab(causes["variant"] + ", " + causes["operation"], causes["faults"].replace("", "kept"))
    counts = counts.reindex(columns=["kept", *(name for name in counts if name != "kept")])
    return Table(counts.reset_index(names="candidates"), f"Candidates kept, and the rest by every cause that holds. {results.origin(1)}")


def violations(folder) -> Table:
    """Broken rules of anatomy by cause, recorded. folder: data/results/masks."""
    rows = recorded(folder, "violations.csv")
    rows = rows[rows["operation"].isin(["source", "all"])].drop(columns="operation").replace({"stage": STAGES})
    return Table(rows, f"Masks that break a rule, by cause, on a grid of 64 pixels. {ALL}")


def not_monotone(folder) -> Table:
    """Slices in which the LV area is not monotone in α, recorded. folder: data/results/masks."""
    rows = recorded(folder, "monotony.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "pixels": rows["size_px"],
            "subjects": rows["subjects"],
            "slices": rows["slices"],
            "ES inside ED": rows["es_inside_ed_slices"],
            "of these not monotone": rows["not_monotone_inside"],
            "not monotone elsewhere": rows["not_monotone_elsewhere"],
        }
    )
    return Table(frame, f"Slices in which the LV area does not grow with α. {ALL}")


def muscle_kept(folder) -> Table:
    """Myocardial volume at ES over that at ED, recorded. folder: data/results/masks."""
    rows = recorded(folder, "variants_muscle.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "masks": rows["operation"],
            "variant": rows["variant"],
            "stacks": rows["stacks"],
            "mean": rows["mean"],
            "SD": rows["sd"],
            "5th percentile": rows["p5"],
            "95th percentile": rows["p95"],
            "off by more than a tenth, %": rows["off_by_more_than_10_percent"],
        }
    )
    return Table(frame, f"Volume of the myocardium at ES in percent of that at ED. {ALL}")


def variants_measured(folder) -> Table:
    """Candidates of every variant, recorded. folder: data/results/masks."""
    rows = recorded(folder, "variants.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "variant": rows["variant"],
            "candidates": rows["candidates"],
            "kept by EF": rows["kept"],
            "mean EF": rows["mean_ef"],
            "SD": rows["sd_ef"],
            "median EDV, ml": rows["edv_median_ml"],
            "95th percentile": rows["edv_p95_ml"],
            "shortening, %": rows["shortening_percent"],
            "wall, %": rows["wall_percent"],
            "broken, %": rows["broken_percent"],
        }
    )
    return Table(frame, f"Each variant of the same candidates: EF, EDV, shortening of the LV, wall against plain, share that breaks a rule. {ALL}")


def synthesis_speed(folder) -> Table:
    """Speed against the straightforward implementation, recorded. folder: data/results/masks."""
    rows = recorded(folder, "speed.json")
    frame = pd.DataFrame(
        {
            "what": rows["name"],
            "baseline": rows["baseline"],
            "times as fast": rows["ratio"],
            "ours, s": rows["ours_s"],
            "baseline, s": rows["baseline_s"],
        }
    )
    return Table(frame, "Mask synthesis against distance transforms and affine transforms anew for every recipe; phantom masks.", 2)
