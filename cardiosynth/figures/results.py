"""A study's folder of results, opened for reading: the only thing a notebook needs to know."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from cardiosynth import ROOT
from cardiosynth.data.cohort import Cohort
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.measuring.predictions import read_predictions
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import COHORTS, datasets
from cardiosynth.study.study_file import Study, load_study

STUDIES = ROOT / "studies"


@dataclass(frozen=True)
class Results:
    """Where a study's results lie, and the study that made them.

    kept_in: folder of results whose figures/ takes the figures, where it is not this one; prefix: of their names.
    """

    folder: Path
    study: Study
    kept_in: Path | None = None
    prefix: str = ""

    def table(self, name: str) -> pd.DataFrame:
        """``<name>.csv`` of the folder. Raises InputError where the stage that writes it has not run."""
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise InputError(f"{path}: no such table; run 'make study STUDY={self.study.name}' first")
        return pd.read_csv(path, dtype={"subject": str})

    def predictions(self) -> pd.DataFrame:
        """The table of all predictions of held-out subjects."""
        return read_predictions(self.folder / "predictions.csv")

    @property
    def datasets(self) -> dict[int, str]:
        """The names of the study's datasets by their number in the paper: 1, and 2 where there is one."""
        return dict(enumerate(datasets(self.study), start=1))

    def describe(self, number: int) -> str:
        """What a dataset is, in words: its number in the paper and where its subjects come from."""
        return f"Dataset {number} ({COHORTS[self.datasets[number]]})"

    def origin(self, *numbers: int) -> str:
        """The sentence that every caption ends with: the study and the datasets shown, all where none is named."""
        return f"Study {self.study.name}; {'; '.join(self.describe(number) for number in numbers or self.datasets)}."

    def cohort(self, number: int) -> Cohort:
        """The prepared cohort of Dataset 1 or 2."""
        return Cohort.open(self.folder / "cohorts" / self.datasets[number])

    def painted(self) -> Cohort:
        """The chosen synthetic subjects with their painted images."""
        return Cohort.open(self.folder / "synthetic" / "images")

    def candidates(self) -> pd.DataFrame:
        """Every recipe with its volumes, and whether it was kept and chosen."""
        return read_candidates(self.folder / "synthetic" / "candidates.csv")


def recorded(folder, name: str) -> pd.DataFrame:
    """A table, CSV or a JSON list of records, of the folders below data/results. Raises InputError where it is absent."""
    path = Path(folder) / name
    if not path.is_file():
        raise InputError(f"{path}: no such recorded table; 'make evidence' names the script that makes it")
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))) if path.suffix == ".json" else pd.read_csv(path)


def open_recorded(folder, results) -> Results:
    """Open recorded results for a page of the study in ``results``, whose figures/ takes the figures as recorded-<name>."""
    return replace(open_results(folder), kept_in=Path(results), prefix="recorded-")


def open_results(folder) -> Results:
    """Open results/<study>, whose study file is its own copy or the one of that name in studies/.

    Raises InputError where there are no results or no study of that name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of results; run 'make study' first, or set `results` to another")
    own = folder / "study.yaml"
    return Results(folder, load_study(own if own.is_file() else STUDIES / f"{folder.resolve().name}.yaml"))
