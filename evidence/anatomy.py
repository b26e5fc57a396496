"""How many synthetic masks are broken, by cause, operation and cohort, before and after the checks.

    python evidence/anatomy.py --acdc /path/to/ACDC

Cohorts at 64 pixels: ACDC's training and validation subjects (data/splits/acdc.csv) and 40 training phantoms of each
site. Stages: ``source`` judges the real masks by themselves (``anatomy.own_faults``), ``before`` all candidates as
made, ``after`` those kept, made again from their recipes and checked again. A candidate counts under every cause
that holds. Rewrites data/results/masks/violations.csv.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.data.preprocessing import exclude
from cardiosynth.data.sources import ROOT, jobs, read
from cardiosynth.data.subject import Subject
from cardiosynth.masks.anatomy import CAUSES, Anatomy, own_faults
from cardiosynth.masks.candidates import candidates
from cardiosynth.masks.recipes import recipes
from cardiosynth.masks.source import synthesise, touches_border
from cardiosynth.study.study_file import Study, load_study

OUT = ROOT / "data" / "results" / "masks" / "violations.csv"
LIMITS = ("no lv", "touches border", "ef below", "ef above")
PHANTOMS = 40


def main(acdc: Annotated[str, typer.Option()], workers: int = 2) -> None:
    """Count violations in the three cohorts."""
    rows = []
    for dataset, study_name, data in (("acdc", "acdc", acdc), ("phantom-a", "laptop", None), ("phantom-b", "laptop", None)):
        study = load_study(ROOT / "studies" / f"{study_name}.yaml")
        with tempfile.TemporaryDirectory() as folder:
            cohort = write_cohort(Path(folder), _subjects(dataset, study, data, workers))
            table = candidates(cohort, study.masks)
            rows += _rows(dataset, "source", *_of_sources(cohort))
            rows += _rows(dataset, "before", table["operation"], table["faults"], table["kept"])
            kept = table[table["kept"]]
            again = _checked_again(cohort, kept)
            rows += _rows(dataset, "after", kept["operation"], again, again == "")
    result = pd.DataFrame(rows)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    result.to_csv(OUT, index=False)
    print(result.to_string(index=False))


def _subjects(dataset: str, study: Study, data: str | None, workers: int) -> Iterator[Subject]:
    """The subjects that a study makes masks from, on its grid."""
    pending = [job for job in jobs(dataset, data, study) if job.split in ("train", "validation")]
    if data is None:
        pending = pending[:PHANTOMS]  # the training split comes first
    readings = read(pending, study.grid, workers, dataset)
    return exclude((reading.subject for reading in readings if reading.subject), study.grid, [])


def _of_sources(cohort: Cohort) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Operation, causes and soundness of the real masks themselves."""
    masks, found = cohort.masks(), []
    for name in cohort.table.index:
        own = np.asarray(masks[cohort.rows(name)])
        found.append("; ".join(["touches border"] * touches_border(own) + own_faults(own)))
    faults = pd.Series(found)
    return pd.Series("source", faults.index), faults, faults == ""


def _checked_again(cohort: Cohort, kept: pd.DataFrame) -> pd.Series:
    """The causes that hold for candidates made from nothing but the table."""
    masks, found = cohort.masks(), pd.Series("", kept.index)
    for source_id, chosen in kept.groupby("source_id", sort=False):
        source = np.asarray(masks[cohort.rows(source_id)])
        anatomy = Anatomy(source)
        for row, made in zip(chosen.index, synthesise(source, recipes(chosen)), strict=True):
            found[row] = "; ".join(["touches border"] * touches_border(made) + anatomy.faults(made))
    return found


def _rows(cohort: str, stage: str, operations: pd.Series, faults: pd.Series, kept: pd.Series) -> list[dict]:
    """A row for every operation and, if there are several, one for all."""
    groups = [(name, operations == name) for name in operations.unique()]
    if len(groups) > 1:
        groups.append(("all", operations == operations))
    rows = []
    for name, chosen in groups:
        causes = Counter(re.sub(r" [\d.]+$", "", cause) for text in faults[chosen] for cause in text.split("; "))
        counts = {cause: causes[cause] for cause in (*LIMITS, *CAUSES)}
        head = {"cohort": cohort, "stage": stage, "operation": name, "candidates": int(chosen.sum())}
        rows.append(head | counts | {"kept": int(kept[chosen].sum())})
    return rows


if __name__ == "__main__":
    typer.run(main)
