"""Split files: which subject belongs to which split."""

from pathlib import Path

import pandas as pd

from cardiosynth.cohort import SPLITS
from cardiosynth.errors import InputError


def load_split(path, dataset: str | None = None) -> dict[str, str]:
    """A split file: id -> train, validation, test or extra_test; patients marked ``excluded`` are left away.

    path: a CSV with the columns id and split; lines that start with # are remarks. It may hold several datasets,
    told apart by a column ``dataset``: then only the rows of ``dataset`` count, or all where none is named.
    Raises InputError naming the file where it is missing, lacks a column, names a patient twice, holds another
    word or nothing of the dataset.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such split file; expected a CSV with the columns id and split")
    try:
        table = pd.read_csv(path, comment="#", dtype=str, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as CSV ({reason}); expected the columns id and split") from error
    if not {"id", "split"} <= set(table):
        raise InputError(f"{path}: columns {', '.join(table)}; expected id and split")
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
