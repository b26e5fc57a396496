"""Split files: which subject belongs to which split, and the rule of the committed ones."""

from pathlib import Path

import pandas as pd

from cardiosynth.data.cohort import SPLITS
from cardiosynth.data.spreadsheet import rows_of
from cardiosynth.study.errors import InputError

REDUCED_EF = 40.0
HELD_OUT = ("validation", "test", "extra_test")


def load_split(path, dataset: str | None = None) -> dict[str, str]:
    """A split file: id -> train, validation, test or extra_test; patients marked ``excluded`` are left away.

    path: a CSV with the columns id and split; lines that start with # are remarks. It may hold several datasets,
    told apart by a column ``dataset``: then only the rows of ``dataset`` count, or all where none is named. Or a folder,
    in which the file is <dataset>.csv.
    Raises InputError naming the file where it is missing, lacks a column, names a patient twice, holds another
    word or nothing of the dataset.
    """
    path = Path(path) / f"{dataset}.csv" if Path(path).is_dir() else Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such split file; expected a CSV with the columns id and split")
    table = pd.DataFrame(rows_of(path, [{"id", "split"}], "id and split"), dtype=str)
    if dataset is not None and "dataset" in table:
        named = ", ".join(sorted(set(table["dataset"])))
        table = table[table["dataset"] == dataset]
        if table.empty:
            raise InputError(f"{path}: no row of dataset {dataset}, only of {named}; add its patients")
    unknown = sorted(set(table["split"]) - {*SPLITS, "excluded"})
    if unknown:
        raise InputError(f"{path}: unknown split {unknown[0]!r}; expected {', '.join(SPLITS)} or excluded")
    twice = table.loc[table["id"].duplicated(), "id"].tolist()
    if twice:
        raise InputError(f"{path}: {twice[0]} stands twice; expected one row a patient")
    return dict(table.loc[table["split"] != "excluded", ["id", "split"]].itertuples(index=False))


def imbalanced(table: pd.DataFrame, reduced_train: int, other_validation: int) -> dict[str, tuple[str, str]]:
    """Patients as lopsided as the paper's training set (6 % of EF below 40 %): id -> (split, reason).

    table: id and ef (percent). Sorted by EF, an even pick of ``other_validation`` patients with EF of 40 % or more is
    ``validation``, the others ``train``; of those below 40 %, an even pick gives ``reduced_train`` to ``train`` and
    the second of it to ``validation``, and the remainder is ``extra_test``.
    """
    table = table.sort_values(["ef", "id"])
    low, other = table[table.ef < REDUCED_EF].id.tolist(), table[table.ef >= REDUCED_EF].id.tolist()
    picked = evenly(low, reduced_train + 1)
    rows = {name: ("extra_test", "reduced EF beyond the imbalance") for name in low}
    rows |= {name: ("train", "reduced EF, even pick") for name in picked}
    rows[picked[1]] = ("validation", "reduced EF, even pick")
    rows |= {name: ("train", "EF of 40 % or more") for name in other}
    return rows | {name: ("validation", "EF of 40 % or more, even pick") for name in evenly(other, other_validation)}


def evenly(names: list[str], count: int) -> list[str]:
    """Names at even distances, ``count`` of them, in their order."""
    return [names[int((i + 0.5) * len(names) / count)] for i in range(count)]
