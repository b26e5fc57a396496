"""What finding base and apex, instead of taking the annotators', does to the volumes that trained networks read.

    python evidence/found_slices.py studies/acdc.yaml --data /path/to/ACDC

Needs the study's trained models in results/<study>. Each held-out subject of Dataset 1 is read twice, with
``slices: annotated`` and ``slices: found``; nothing is trained again. Rewrites data/results/finders/found_slices.csv.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from cardiosynth.data import quality
from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.sources import jobs, read
from cardiosynth.data.splits import HELD_OUT
from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.study.experiments import Training
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages.train_sfera import load_sfera, predict

OUT = Path(__file__).parent.parent / "data" / "results" / "finders" / "found_slices.csv"


def main(study_file: Path, data: Annotated[str | None, typer.Option()] = None, experiment: str = "RSP", workers: int = 2) -> None:
    """Errors with annotated and with found slices, and how far the two readings of one subject lie apart."""
    study = load_study(study_file)
    results, dataset = Path("results") / study.name, study.datasets.a
    pending = [job for job in jobs(dataset, data, study) if job.split in HELD_OUT]
    tables = {}
    for slices in ("annotated", "found"):
        with tempfile.TemporaryDirectory() as folder:
            grid = study.grid.model_copy(update={"slices": slices})
            cohort = write_cohort(folder, quality.Log().passing(read(pending, grid, workers, slices)))
            trainings = [Training(experiment, dataset, seed) for seed in study.seeds]
            tables[slices] = pd.concat([predict(cohort, dataset, one, *load_sfera(study, results, one)[:2]) for one in trainings])
    rows = [
        _row(study.name, split, name, *(table[table["split"] == split] for table in tables.values()))
        for split in HELD_OUT
        if split in set(tables["found"]["split"])
        for name in QUANTITIES
    ]
    table = pd.DataFrame(rows).round(3)
    known = pd.read_csv(OUT) if OUT.is_file() else table.iloc[:0]
    pd.concat([known[known["study"] != study.name], table]).to_csv(OUT, index=False)
    print(table.to_string(index=False))


def _row(study: str, split: str, name: str, annotated: pd.DataFrame, found: pd.DataFrame) -> dict:
    def rmse(values):
        return float(np.sqrt((values**2).mean()))

    change = found[name].to_numpy() - annotated[name].to_numpy()
    return {
        "study": study,
        "split": split,
        "quantity": name,
        "subjects": annotated["subject"].nunique(),
        "rmse_annotated": rmse(annotated[name] - annotated[f"true_{name}"]),
        "rmse_found": rmse(found[name] - found[f"true_{name}"]),
        "mean_change": float(change.mean()),
        "rms_change": rmse(change),
    }


if __name__ == "__main__":
    typer.run(main)
