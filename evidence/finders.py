"""How well the heart's centre, the base, the apex and which end is which are found, against the masks.

    python evidence/finders.py --acdc /path/to/ACDC [--kaggle-png /path/to/kaggle_png] [--out data/results/finders]

Writes ``centre.csv`` (LV pixels outside a 150 mm square, distance to the centroid of all LV pixels; ``image`` is the middle of
the image) and ``extent.csv`` (slices cut too many, positive, or left too many, negative; Simpson's volumes of the true
masks in the slices found less those in all) and ``order.csv`` (stacks whose base was told from their apex). Split ``train`` is what
the finders were made on. Of the Kaggle PNG, on which nothing was fitted, ``choosing`` are the first 60 patients, which helped
to choose the features, and ``unseen`` the others.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data import phantom
from cardiosynth.data.finders.centre import heart_centre
from cardiosynth.data.finders.extent import extent
from cardiosynth.data.finders.order import apex_first
from cardiosynth.data.readers import acdc, kaggle_png
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LV, ejection_fraction, volume_ml
from cardiosynth.study.errors import InputError

CROP_MM = 150.0
PHANTOM_SUBJECTS, PHANTOM_SEED = 40, 1
KAGGLE_CHOOSING = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", required=True, help="the folder of ACDC in its official layout")
    parser.add_argument("--kaggle-png", help="the folder of the Kaggle PNG pairs")
    parser.add_argument("--out", type=Path, default=Path("data/results/finders"))
    options = parser.parse_args()
    measured = [(cohort, split, *measure(subject)) for cohort, split, subject in subjects(options.acdc, options.kaggle_png)]
    centres = pd.DataFrame([{"cohort": cohort, "split": split, **row} for cohort, split, rows, *_ in measured for row in rows])
    extents = pd.DataFrame([{"cohort": cohort, "split": split, **row} for cohort, split, _, row, _ in measured])
    orders = pd.DataFrame([{"cohort": cohort, "split": split, "right": right} for cohort, split, *_, right in measured])
    options.out.mkdir(parents=True, exist_ok=True)
    write(centres.groupby(["cohort", "split", "method"]).apply(centre_summary, include_groups=False), options.out / "centre.csv")
    write(extents.groupby(["cohort", "split"]).apply(extent_summary, include_groups=False), options.out / "extent.csv")
    write(orders.groupby(["cohort", "split"]).apply(order_summary, include_groups=False), options.out / "order.csv")


def subjects(acdc_folder, kaggle_folder) -> Iterator[tuple[str, str, Subject]]:
    """(cohort, split, subject) of everything that is measured."""
    yield from (("acdc", scan.part, acdc.read(scan)) for scan in acdc.find(acdc_folder))
    for site in "ab":
        for split in ("train", "test"):
            yield from ((f"phantom-{site}", split, one) for one in phantom.subjects(site, split, PHANTOM_SUBJECTS, PHANTOM_SEED))
    for number, scan in enumerate(kaggle_png.find(kaggle_folder) if kaggle_folder else ()):
        try:
            yield "kaggle-png", "choosing" if number < KAGGLE_CHOOSING else "unseen", kaggle_png.read(scan)
        except InputError as error:
            print(f"left out: {error}")


def measure(subject: Subject) -> tuple[list[dict], dict, bool]:
    """Rows for ``centre.csv``, a method each, the row for ``extent.csv``, and whether the base is seen at its end."""
    middle = tuple((size - 1) / 2 for size in subject.images.shape[2:])
    places = {"image": middle, "heart": heart_centre(subject.images, subject.spacing_mm)}
    centres = [{"method": method, **centre_errors(subject, place)} for method, place in places.items()]
    return centres, extent_errors(subject), not apex_first(subject.images, subject.spacing_mm)


def centre_errors(subject: Subject, place: tuple[float, float]) -> dict:
    """LV pixels, those outside the square about a place (pixels), and its distance in mm to the LV's centroid."""
    pixels = np.argwhere(subject.masks == LV)[:, 2:]
    away_mm = np.abs(pixels - np.array(place)) * subject.spacing_mm
    distance_mm = np.hypot(*((pixels.mean(axis=0) - place) * subject.spacing_mm))
    return {"pixels": len(pixels), "lost": int((away_mm > CROP_MM / 2).any(axis=1).sum()), "distance_mm": distance_mm}


def extent_errors(subject: Subject) -> dict:
    """Slices cut too many at either end and what is left less what there was: ml, ml, EF points."""
    found = extent(subject.images, subject.spacing_mm, subject.slice_gap_mm)
    true = np.flatnonzero((subject.masks == LV).any(axis=(1, 2, 3)))
    area_mm2 = float(np.prod(subject.spacing_mm))
    whole, kept = (volume_ml(masks, area_mm2, subject.slice_gap_mm) for masks in (subject.masks, subject.masks[found]))
    change = {"edv": kept[0] - whole[0], "esv": kept[1] - whole[1], "ef": ejection_fraction(*kept) - ejection_fraction(*whole)}
    beyond = {"base_beyond": true[0], "apex_beyond": len(subject.masks) - 1 - true[-1]}
    return {"base": found.start - true[0], "apex": true[-1] + 1 - found.stop, **beyond, **change}


def centre_summary(rows: pd.DataFrame) -> pd.Series:
    """One line of ``centre.csv``."""
    distance_mm = rows.distance_mm
    return pd.Series({
        "subjects": len(rows), "lv_lost_percent": 100 * rows.lost.sum() / rows.pixels.sum(),
        "median_mm": distance_mm.median(), "p95_mm": distance_mm.quantile(0.95), "max_mm": distance_mm.max(),
        "within_20mm_percent": 100 * (distance_mm <= 20).mean(),
    })  # fmt: skip


def extent_summary(rows: pd.DataFrame) -> pd.Series:
    """One line of ``extent.csv``."""
    line = {"subjects": len(rows)}
    for end in ("base", "apex"):
        off = rows[end]
        line |= {f"{end}_mean_slices": off.mean(), f"{end}_mean_absolute_slices": off.abs().mean()}
        shares = {"exact": off == 0, "within_1": off.abs() <= 1, "cut": off > 0, "exact_if_all_kept": rows[f"{end}_beyond"] == 0}
        line |= {f"{end}_{name}_percent": 100 * share.mean() for name, share in shares.items()}
    for name, unit in (("edv", "_ml"), ("esv", "_ml"), ("ef", "")):
        line |= {f"{name}_bias{unit}": rows[name].mean(), f"{name}_rmse{unit}": np.sqrt((rows[name] ** 2).mean())}
    return pd.Series(line)


def order_summary(rows: pd.DataFrame) -> pd.Series:
    """One line of ``order.csv``."""
    return pd.Series({"subjects": len(rows), "right_percent": 100 * rows.right.mean()})


def write(table: pd.DataFrame, path: Path) -> None:
    """CSV with the groups as columns; counts stay whole numbers."""
    table = table.reset_index().astype({"subjects": int}).round(3)
    table.to_csv(path, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
