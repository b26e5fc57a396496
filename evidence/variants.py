"""How far the paper's synthesis changes the volume of the muscle, and what each variant does instead.

    python evidence/variants.py --acdc /path/to/ACDC [--size 64] [--out data/results/masks]

Every recipe of every variant is made, on the training patients of ACDC and 40 phantoms of each site, at 64 pixels
over 150 mm. Writes ``variants_muscle.csv``: myocardial volume at ES over that at ED, in percent, of the masks as
outlined (``source``) and by operation, as the paper makes them (``plain``) and ``conserved``; and ``variants.csv``: a
line per variant, of the candidates within the study's EF limits the EF, the EDV, how much shorter the LV is at ES
(slices with LV, percent), the wall's mean thickness at ED over that of the plain candidate (percent), and over all
candidates the faults of ``anatomy``. The heart is centred, so that few hearts leave the frame.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import prepare
from cardiosynth.data.readers import acdc
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LABELS, LV, ejection_fraction, volume_ml
from cardiosynth.masks.anatomy import CAUSES, Anatomy
from cardiosynth.masks.recipes import DEFAULTS, enumerate_recipes
from cardiosynth.masks.source import Source, touches_border
from cardiosynth.study.sections import Grid, Masks

PHANTOM_SUBJECTS, PHANTOM_SEED = 40, 1
SETTINGS = Masks(variants=list(DEFAULTS), include_original=False)
OPERATIONS = {"ed-interpolated": "interpolated", "interpolated-es": "interpolated", "scaled": "scaled"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", required=True, help="the folder of ACDC in its official layout")
    parser.add_argument("--size", type=int, default=64, help="pixels over 150 mm")
    parser.add_argument("--out", type=Path, default=Path("data/results/masks"))
    options = parser.parse_args()
    grid = Grid(size_px=options.size, centre="heart")
    rows = [{"cohort": cohort, **row} for cohort, one in subjects(options.acdc) for row in measure(prepare(one, grid))]
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    shown = table[table.variant.isin(["plain", "conserved"])]
    write(shown, ["cohort", "operation", "variant"], muscle_summary, options.out / "variants_muscle.csv")
    made = table[table.operation != "source"]
    write(made, ["cohort", "variant"], variant_summary, options.out / "variants.csv")


def subjects(acdc_folder) -> Iterator[tuple[str, Subject]]:
    """(cohort, subject) of everything that is measured."""
    yield from (("acdc", acdc.read(scan)) for scan in acdc.find(acdc_folder) if scan.part == "train")
    for site in "ab":
        yield from ((f"phantom-{site}", one) for one in phantom.subjects(site, "train", PHANTOM_SUBJECTS, PHANTOM_SEED))


def measure(subject: Subject) -> Iterator[dict]:
    """One row for the masks as they are and one for each candidate."""
    source, anatomy = Source(subject.masks), Anatomy(subject.masks)
    pixel_mm2 = subject.spacing_mm[0] ** 2
    yield {"operation": "source", "variant": "plain", **measures(subject.masks, pixel_mm2, subject.slice_gap_mm)}
    walls = {}  # of the plain candidates, which come first
    for recipe in enumerate_recipes("", SETTINGS):
        masks = source.apply(recipe)
        row = measures(masks, pixel_mm2, subject.slice_gap_mm)
        wall = walls.setdefault(recipe.id.removesuffix(f"-{recipe.variant}"), row["wall"])
        outside = source.touches_border or source.leaves_frame(recipe) or touches_border(masks)
        kept = not outside and SETTINGS.minimum_ef <= row["ef"] <= SETTINGS.maximum_ef
        faults = anatomy.faults(masks, recipe.variant == "shortened")
        yield {
            **row, "operation": OPERATIONS[recipe.operation], "variant": recipe.variant, "kept": kept,
            "wall_percent": 100 * row["wall"] / wall, "broken": bool(faults), **{cause: cause in faults for cause in CAUSES},
        }  # fmt: skip


def measures(masks: np.ndarray, pixel_mm2: float, slice_gap_mm: float) -> dict:
    """EDV (ml), EF (percent), muscle at ES over ED, shortening (percent), and the wall at ED (pixels)."""
    volumes = volume_ml(masks, pixel_mm2, slice_gap_mm)
    muscle = volume_ml(masks, pixel_mm2, slice_gap_mm, LABELS["myocardium"])
    length = (masks == LV).any(axis=(2, 3)).sum(axis=0)
    area = (masks[:, 0] == LV).sum(axis=(1, 2))
    outer = area + (masks[:, 0] == LABELS["myocardium"]).sum(axis=(1, 2))
    walls = (np.sqrt(outer / np.pi) - np.sqrt(area / np.pi))[area > 0]  # of discs of these areas
    with np.errstate(divide="ignore", invalid="ignore"):
        ef, ratio = ejection_fraction(*volumes), 100 * muscle[1] / muscle[0]
        shorter = 100 * (1 - length[1] / length[0])
    wall = walls.mean() if len(walls) else np.nan
    return {"edv_ml": volumes[0], "ef": ef, "muscle_percent": ratio, "shortening_percent": shorter, "wall": wall}


def muscle_summary(rows: pd.DataFrame) -> pd.Series:
    """One line of ``variants_muscle.csv``."""
    ratio = rows.muscle_percent.replace(np.inf, np.nan).dropna()
    return pd.Series({
        "stacks": len(ratio), "mean": ratio.mean(), "sd": ratio.std(), "p5": ratio.quantile(0.05), "p95": ratio.quantile(0.95),
        "off_by_more_than_10_percent": 100 * (abs(ratio - 100) > 10).mean(),
    })  # fmt: skip


def variant_summary(rows: pd.DataFrame) -> pd.Series:
    """One line of ``variants.csv``; shares of faults in percent of all candidates."""
    kept = rows[rows.kept.astype(bool)]
    line = {"candidates": len(rows), "kept": len(kept), "mean_ef": kept.ef.mean(), "sd_ef": kept.ef.std()}
    line |= {f"edv_{name}_ml": kept.edv_ml.quantile(at) for name, at in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))}
    line |= {name: kept[name].mean() for name in ("shortening_percent", "wall_percent", "muscle_percent")}
    return pd.Series(line | {f"{cause.replace(' ', '_')}_percent": 100 * rows[cause].mean() for cause in ("broken", *CAUSES)})


def write(table: pd.DataFrame, by: list[str], summary, path: Path) -> None:
    """CSV with the groups as columns, in the order in which they appear; counts stay whole numbers."""
    lines = table.groupby(by, sort=False).apply(summary, include_groups=False).reset_index().round(2)
    counts = [name for name in ("stacks", "candidates", "kept") if name in lines]
    lines = lines.astype(dict.fromkeys(counts, int))
    lines.to_csv(path, index=False)
    print(lines.to_string(index=False))


if __name__ == "__main__":
    main()
