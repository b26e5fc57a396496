"""What more pixels give SFERA: the same networks on grids of other sizes, judged on validation data.

    python evidence/sizes.py STUDY.yaml --results results/STUDY --data DATA --csv data/results/choices/COHORT.csv
                               [--sizes 32 48 64 96] [--seeds 1 2 3] [--folds 3] [--epochs 90]

The scans are brought to each grid anew, of the study's width in mm; all else stays the study's. Networks that learn from real hearts
alone (choice ``pixels``) are cross-validated as in ``choices.py``, whose record this is. After synthetic hearts (``pixels-after-synthetic``)
the validation subjects are held out, and the study's painted hearts are averaged down to the smaller grids: there are none above
the study's size. No test subject is read. Cohorts are kept below results/STUDY/sizes and made once.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from choices import Record, folds, painted_hearts, predictions, pretrained, shortened

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.preprocessing import sample_linear
from cardiosynth.measuring.sfera_training import Hearts
from cardiosynth.study.provenance import MANIFEST
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages.prepare import prepare_dataset

CHOICES = {False: "pixels", True: "pixels-after-synthetic"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=[32, 48, 64, 96])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=90, help="over real subjects; the others in proportion")
    options = parser.parse_args()
    study = load_study(options.study)
    settings, name = shortened(study.sfera, options.epochs), study.datasets.a
    kind = "none" if settings.ridge == "none" else "own"
    painted = painted_hearts(options.results)
    record = Record(options.csv, [])
    for seed in options.seeds:
        for size_px in options.sizes:
            grid = study.grid.model_copy(update={"size_px": size_px})
            at_size, folder = study.model_copy(update={"grid": grid}), options.results / "sizes" / str(size_px)
            if not (folder / "cohorts" / name / MANIFEST).is_file():
                prepare_dataset(at_size, folder, name, options.data)
            cohort = Cohort.open(folder / "cohorts" / name).split("train", "validation")
            for after, choice in CHOICES.items():
                if record.has(choice, size_px, seed) or (after and size_px > study.grid.size_px):
                    continue
                started = time.monotonic()
                start = pretrained(settings, size_px, [averaged(hearts, study.grid, grid) for hearts in painted], seed) if after else None
                found = predictions(settings, size_px, folds(cohort, options.folds, seed, after), seed, [kind], start)[kind]
                row = {"cohort": name, "choice": choice, "value": size_px, "in_study": size_px == study.grid.size_px, "seed": seed}
                notes = {"folds": options.folds, "epochs": settings.real_epochs, "seconds": round(time.monotonic() - started)}
                record.add(row, found, notes)


def averaged(hearts: Hearts, before: Grid, after: Grid) -> Hearts:
    """Hearts on another grid of the same width in mm."""
    if before == after:
        return hearts
    images = [sample_linear(stack.numpy(), (before.spacing_mm,) * 2, after) for stack in hearts.images]
    return Hearts([torch.from_numpy(np.rint(stack).astype(np.uint8)) for stack in images], hearts.volumes)


if __name__ == "__main__":
    main()
