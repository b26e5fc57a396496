"""A made-up table of tests that holds the comparisons of the protocol."""

import pandas as pd

from cardiosynth.judging.paper import NUMBERS
from cardiosynth.judging.protocol import COMPARED, protocol


def compared_as(intervals: dict) -> pd.DataFrame:
    """Rows of the table of tests with the given interval for each stated comparison."""
    rows = [
        {name: stated[name] for name in COMPARED}
        | dict.fromkeys(NUMBERS, 0.0)
        | {"n": 50, "seeds_first": 5, "seeds_second": 5, "rmse_difference_low": low, "rmse_difference_high": high}
        for stated, (low, high) in ((s, intervals[s["id"]]) for s in protocol()["primary"] + protocol()["secondary"] if s["id"] in intervals)
    ]
    return pd.DataFrame(rows, columns=[*COMPARED, *NUMBERS])
