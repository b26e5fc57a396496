"""What the protocol stated and what a study decides of it."""

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import QUANTITY
from cardiosynth.figures.tables import DASH, Table, interval
from cardiosynth.protocol import decisions, replicated


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
