"""In how many slices the LV area is not monotone in alpha, on real and phantom hearts.

    python benchmarks/monotony.py --acdc /path/to/ACDC [--out data/results/masks/monotony.csv]

ACDC: all 150 patients at the grids of the study of patients and of the paper. Phantom: 40 training subjects of each site.
"""

import argparse
from pathlib import Path

import pandas as pd

from cardiosynth import phantom
from cardiosynth.datasets import acdc
from cardiosynth.monotony import count_not_monotone
from cardiosynth.preprocessing import place, sample_nearest
from cardiosynth.sections import Grid

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


if __name__ == "__main__":
    main()
