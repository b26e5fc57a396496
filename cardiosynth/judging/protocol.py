"""What was decided before the full study on patients was run (data/protocol.yaml), and what came of it."""

import pandas as pd
import yaml

from cardiosynth import ROOT
from cardiosynth.judging.paper import compared, verdict

FILE = ROOT / "data" / "protocol.yaml"
RANKS = ("primary", "secondary")
COMPARED = ["dataset", "split", "group", "quantity", "first", "second"]


def protocol() -> dict:
    """The protocol as plain data; ``primary`` and ``secondary`` are lists of comparisons."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def decisions(tests: pd.DataFrame) -> pd.DataFrame:
    """Every stated comparison with its numbers, its verdict and what limits it.

    tests: the table of ``tables.tests``. Columns: rank, id, those of COMPARED, expected, margin, ``paper.NUMBERS``, verdict, reason.
    """
    records = []
    for rank in RANKS:
        for stated in protocol()[rank]:
            numbers = compared(tests, {name: stated[name] for name in COMPARED})
            records.append({"rank": rank} | stated | numbers | verdict(stated, numbers, stated["dataset"]))
    return pd.DataFrame(records).reindex(columns=["rank", "id", *COMPARED, "expected", "margin", *numbers, "verdict", "reason"])


def replicated(table: pd.DataFrame) -> str:
    """What the primary comparisons say together of the paper's main claim, from ``decisions``.

    ``replicated`` where all agree, ``contradicted`` where one contradicts, ``not tested`` where one was not, else ``undecided``.
    """
    verdicts = set(table.loc[table["rank"] == "primary", "verdict"])
    for outcome, word in (("not tested", "not tested"), ("contradicts", "contradicted"), ("undecided", "undecided")):
        if outcome in verdicts:
            return word
    return "replicated"
