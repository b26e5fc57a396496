"""A cohort written in the layout of a public dataset."""

from pathlib import Path

import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.writers import to_acdc, to_kaggle, to_kaggle_png, to_mnms, to_sunnybrook, to_ukbb
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole
from cardiosynth.study.provenance import refuse_changed

WRITERS = {"acdc": to_acdc, "mnms": to_mnms, "ukbb": to_ukbb, "kaggle": to_kaggle, "kaggle-png": to_kaggle_png, "sunnybrook": to_sunnybrook}


def export(cohort_folder: Path, layout: str, out: Path) -> None:
    """A cohort in a public layout below ``out``, with ``exported.csv``: its ids there and the volumes of that grid."""
    cohort = Cohort.open(cohort_folder)
    if layout not in WRITERS:
        raise InputError(f"{layout}: no such layout; expected {', '.join(WRITERS)}")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: not empty; name a new folder for the {layout} files")
    refuse_changed(cohort_folder)
    with whole(out) as partial:
        rows = WRITERS[layout].write(partial, (cohort.subject(name) for name in cohort.table.index))
        pd.DataFrame(rows).to_csv(partial / "exported.csv", index=False)
        if out.exists():
            out.rmdir()
    print(f"{out}: {len(rows)} subjects in the layout of {layout}")
