"""In how many slices the LV area is not monotone in alpha, on real and phantom hearts.

    python evidence/monotony.py --acdc /path/to/ACDC [--out data/results/masks/monotony.csv]

ACDC: all 150 patients at the grids of the study of patients and of the paper. Phantom: 40 training subjects of each site.

Where the LV at ES lies inside that at ED, the distance to ES is nowhere the larger one, so no pixel leaves the LV
as alpha rises. Elsewhere nothing holds the area to one direction, so it is counted.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import place, sample_nearest
from cardiosynth.data.readers import acdc
from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LV
from cardiosynth.masks.distances import interpolate, shrink_into_absent, signed_distances
from cardiosynth.study.sections import Grid

SIZES_PX = 64, 150
PHANTOM_SUBJECTS, PHANTOM_SEED = 40, 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", required=True, help="the folder of ACDC in its official layout")
    parser.add_argument("--out", type=Path, default=Path("data/results/masks/monotony.csv"))
    options = parser.parse_args()
    rows = [row for cohort, subject in subjects(options.acdc) for row in counts(cohort, subject)]
    table = pd.DataFrame(rows).groupby(["cohort", "size_px"]).sum().reset_index()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False)
    print(table.to_string(index=False))


def subjects(acdc_folder):
    """(cohort, subject) of all."""
    yield from (("acdc", acdc.read(scan)) for scan in acdc.find(acdc_folder))
    for site in "ab":
        yield from ((f"phantom-{site}", one) for one in phantom.subjects(site, "train", PHANTOM_SUBJECTS, PHANTOM_SEED))


def counts(cohort, subject):
    """One row per size of grid."""
    for size in SIZES_PX:
        grid = Grid(size_px=size)
        placement = place(subject, grid)
        masks = sample_nearest(subject.masks[placement.slices], subject.spacing_mm, grid, placement.centre_px)
        yield {"cohort": cohort, "size_px": size, "subjects": 1, **count_not_monotone(masks)}


def lv_areas(masks: np.ndarray, steps: int = 12) -> np.ndarray:
    """Pixels of LV (steps + 1, slices) at alpha = 0 (ES) to steps (ED), from masks (slices, 2, H, W)."""
    distances = signed_distances(masks == LV)
    ed, es = shrink_into_absent(distances[:, ED], distances[:, ES])
    return np.stack([(interpolate(ed, es, alpha, steps) > 0).sum(axis=(1, 2)) for alpha in range(steps + 1)])


def count_not_monotone(masks: np.ndarray, steps: int = 12) -> dict[str, int]:
    """Slices of one subject that hold LV, those where ES lies inside ED, and those whose LV area is not monotone in alpha.

    masks: integer (slices, 2, H, W). Inside ED the area must never fall; elsewhere it must not both rise and fall.
    A slice without LV at ES counts as inside.
    """
    lv = masks == LV
    held = lv.any(axis=(1, 2, 3))
    inside = held & ~(lv[:, ES] & ~lv[:, ED]).any(axis=(1, 2))
    changes = np.diff(lv_areas(masks, steps), axis=0)
    falls, rises = (changes < 0).any(axis=0), (changes > 0).any(axis=0)
    counts = {
        "slices": held,
        "es_inside_ed_slices": inside,
        "not_monotone_inside": inside & falls,
        "not_monotone_elsewhere": held & ~inside & falls & rises,
    }
    return {name: int(where.sum()) for name, where in counts.items()}


if __name__ == "__main__":
    main()
