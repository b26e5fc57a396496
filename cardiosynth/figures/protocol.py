"""What the protocol stated and what a study decides of it."""

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import QUANTITY
from cardiosynth.figures.tables import DASH, Table, error_cell, interval
from cardiosynth.protocol import decisions, replicated

RUN_TWICE = ("RSO", "SSO", "RSP")


def decisions_table(results: Results) -> Table:
    """Every comparison that was stated beforehand, its difference and its verdict; the caption says what they come to."""
    found = decisions(results.table("tests"))
    lines = [
        {
            "rank": row.rank, "compared": f"{row.first} - {row.second}", "verdict": row.verdict,
            "on": f"{QUANTITY[row.quantity][0]}, {row.group}, {row.dataset}, {row.split}", "expected": row.expected,
            "RMSE difference": interval(row.rmse_difference, row.rmse_difference_low, row.rmse_difference_high),
            "n": DASH if pd.isna(row.n) else int(row.n), "limited by": row.reason or DASH,
        }
        for row in found.itertuples()
    ]  # fmt: skip
    caption = (f"Stated comparisons, judged by paired differences of RMSE [interval over subjects and trainings]. "
               f"The paper's main claim: {replicated(found)}. {results.origin()}")
    return Table(pd.DataFrame(lines), caption)


def runs_table(first: Results, second: Results, split: str = "validation") -> Table:
    """Errors of the paper's experiments in two runs of one protocol, both datasets."""
    runs = []
    for results, run in ((first, "first run"), (second, "second run")):
        table = results.table("table1")
        own = table[(table["split"] == split) & (table["group"] == "all") & table["experiment"].isin(RUN_TWICE)]
        names = [f"{' in '.join(QUANTITY[quantity])}, {run}" for quantity in own["quantity"]]
        runs.append(own.assign(cell=[error_cell(row) for row in own.itertuples()], column=names))
    rows = pd.concat(runs)
    wide = rows.pivot(index=["dataset", "experiment"], columns="column", values="cell")
    wide = wide.loc[:, [column for quantity in runs for column in quantity["column"].unique()]]
    caption = (f"RMSE ± SD over trainings [interval over subjects], split {split}. First: {first.study.sfera.synthetic_epochs} epochs over "
               f"synthetic hearts; second: {second.study.sfera.synthetic_epochs}. {second.origin()}")
    return Table(wide.rename_axis(columns=None).reset_index(), caption)
