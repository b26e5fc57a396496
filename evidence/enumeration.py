"""How well the model behind the enumeration of the paper's counts agrees with candidates counted on masks.

    python evidence/enumeration.py --acdc /path/to/ACDC [--out data/results/masks/model_check.csv]

Masks of 40 phantom training subjects and of ACDC's training patients at 64 pixels, every fourth of these at 150.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.data.quality import Log
from cardiosynth.data.sources import all_jobs, jobs, read
from cardiosynth.data.volumes import ejection_fraction, volume_ml
from cardiosynth.judging.enumeration import check
from cardiosynth.masks.candidates import candidates
from cardiosynth.study.sections import Grid, Masks, Phantom
from cardiosynth.study.study_file import Study

READINGS = [("paired", "area"), ("paired", "length"), ("separate", "area"), ("separate", "length")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", required=True, help="the folder of ACDC in its official layout")
    parser.add_argument("--out", type=Path, default=Path("data/results/masks/model_check.csv"))
    options = parser.parse_args()
    study = Study(name="check", title="check", datasets={"a": "phantom-a"}, phantom=Phantom(train=40, validation=1, test=1))
    phantoms = [job for job in jobs("phantom-a", None, study) if job.split == "train"]
    patients = [job for job in all_jobs("acdc", options.acdc) if job.split == "train"]
    tables = [
        checked("phantom-a, 40 training subjects, 64 pixels", phantoms, 64, READINGS),
        checked("ACDC, 100 training patients, 64 pixels", patients, 64, READINGS),
        checked("ACDC, every fourth of 100 training patients, 150 pixels", patients[::4], 150, READINGS[:1]),
    ]
    table = pd.concat(tables).round(3)
    table.to_csv(options.out, index=False)
    print(table.to_string(index=False))


def checked(name: str, pending: list, size_px: int, readings: list[tuple[str, str]]) -> pd.DataFrame:
    """Rows of the table for one cohort: all operations of the default reading, and the scaled ones of the others."""
    with tempfile.TemporaryDirectory() as folder:
        cohort = write_cohort(folder, Log().passing(read(pending, Grid(size_px=size_px), 2, name)))
        rows = []
        for scaling, acts_on in readings:
            settings = Masks(scaling=scaling, gamma_acts_on=acts_on, include_original=True)
            found = check(candidates(cohort, settings), source_ef(cohort), settings)
            found["operation"] = found["operation"].replace({"scaled": f"scaled, {scaling}, on {acts_on}", "total": "total, with the original"})
            default = (scaling, acts_on) == READINGS[0]
            rows.append(found[found["operation"] != "original"] if default else found[found["operation"].str.startswith("scaled")])
    return pd.concat(rows).assign(masks=name)[["masks", *found.columns]]


def source_ef(cohort: Cohort) -> pd.Series:
    """EF (percent) of every subject's masks on the cohort's grid."""
    masks = cohort.masks()
    return pd.Series({name: float(ejection_fraction(*volume_ml(masks[cohort.rows(name)], 1.0, 1.0))) for name in cohort.table.index})


if __name__ == "__main__":
    main()
