"""What the protocol stated and what a study decides of it."""

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import QUANTITY
from cardiosynth.figures.tables import DASH, Table, error_cell, interval
from cardiosynth.judging.protocol import decisions, replicated

FROM_SYNTHETIC = ("RSO", "SSO", "RSP")  # and what they are compared with


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
    caption = (
        f"Stated comparisons, judged by paired differences of RMSE [interval over subjects and trainings]. "
        f"The paper's main claim: {replicated(found)}. {results.origin()}"
    )
    return Table(pd.DataFrame(lines), caption)


def runs_table(runs: dict[str, Results], experiments=FROM_SYNTHETIC, split: str = "validation") -> Table:
    """Errors of the same experiments in several runs of one protocol, on every dataset. runs: by what they are called."""
    shown, described = [], []
    for run, results in runs.items():
        table = results.table("table1")
        own = table[(table["split"] == split) & (table["group"] == "all") & table["experiment"].isin(experiments)]
        names = [f"{' in '.join(QUANTITY[quantity])}, {run}" for quantity in own["quantity"]]
        shown.append(own.assign(cell=[error_cell(row) for row in own.itertuples()], column=names))
        sfera = results.study.sfera
        described.append(
            f"{run}: {results.study.grid.size_px} pixels, SFERA from {sfera.base_channels} channels, {sfera.synthetic_epochs} epochs "
            f"over synthetic hearts, trainings: {_trainings(own)}"
        )
    wide = pd.concat(shown).pivot(index=["dataset", "experiment"], columns="column", values="cell").fillna(DASH)
    wide = wide.loc[:, [column for run in shown for column in run["column"].unique()]]
    caption = f"RMSE ± SD over trainings [interval over subjects], split {split}. {'; '.join(described)}. {results.origin()}"
    return Table(wide.rename_axis(columns=None).reset_index(), caption)


def _trainings(rows: pd.DataFrame) -> str:
    """How many trainings of each experiment and dataset a table rests on, one number where all have as many."""
    counts = rows.groupby(["experiment", "dataset"], sort=False)["seeds"].max().astype(int)
    return str(counts.iloc[0]) if counts.nunique() == 1 else ", ".join(f"{count} of {' '.join(whose)}" for whose, count in counts.items())
