"""The table of candidates on disk; reading it does not import the code that makes it."""

from pathlib import Path

import pandas as pd

from cardiosynth.study.errors import InputError


def read_candidates(path) -> pd.DataFrame:
    """Read a CSV of ``candidates`` (with any added columns): numbers and empty reasons come back as they were."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such table of candidates; run the synthesis stage first")
    table = pd.read_csv(path, dtype={"id": str, "source_id": str}, float_precision="round_trip")
    return table.fillna({"reason": "", "faults": ""})
