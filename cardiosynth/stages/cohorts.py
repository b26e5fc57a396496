"""Stages that make cohorts of real or phantom subjects."""

from pathlib import Path

import pandas as pd

from cardiosynth.cohort import write_cohort
from cardiosynth.preprocessing import exclude
from cardiosynth.provenance import stage
from cardiosynth.sources import all_jobs, jobs, prepared
from cardiosynth.study import Grid, Study


def prepare_dataset(study: Study, results: Path, dataset: str, data, workers: int = 1) -> None:
    """cohorts/<dataset>/: the dataset on the study's grid with its splits; excluded.csv counts who was left out."""
    with stage(results / "cohorts" / dataset, f"prepare {dataset}", study.subset("grid", "phantom", "seed")) as folder:
        excluded: list[dict] = []
        subjects = prepared(jobs(dataset, data, study), study.grid, workers, f"prepare {dataset}")
        write_cohort(folder, exclude(subjects, study.grid, excluded))
        pd.DataFrame(excluded, columns=["id", "split", "reason"]).to_csv(folder / "excluded.csv", index=False)


def ingest(dataset: str, root: str, out: Path, grid: Grid, workers: int) -> None:
    """A cohort of every subject of a dataset, with no study around it. For a phantom, root is a study file."""
    pending = all_jobs(dataset, root)
    with stage(out, f"ingest {dataset}", {"grid": grid.model_dump()}) as folder:
        cohort = write_cohort(folder, prepared(pending, grid, workers, f"ingest {dataset}"))
    print(f"{out}: {len(cohort)} subjects of {dataset}, EF {cohort.table['ef'].min():.0f} to {cohort.table['ef'].max():.0f} %")
