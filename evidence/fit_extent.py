"""Fit the regression behind ``cardiosynth/data/finders/extent.py`` and write ``extent.json`` beside it.

    python evidence/fit_extent.py --acdc /path/to/ACDC

Fitted on ACDC's official training patients, less those that ``data/splits/acdc.csv`` excludes as twins, and on the phantom's
training subjects (sites a and b, 40 each, seed 1). No test patient is read. Prints how it does on held-out fifths of the patients.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cardiosynth.data import phantom
from cardiosynth.data.finders import extent
from cardiosynth.data.readers import acdc
from cardiosynth.data.volumes import LV

SPLIT = Path(__file__).parent.parent / "data" / "splits" / "acdc.csv"
PHANTOM_SUBJECTS, PHANTOM_SEED = 40, 1
FOLDS = 5
PENALTY = 0.3  # scikit-learn's C


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", required=True, help="the folder of ACDC in its official layout")
    patients = [measure(subject) for subject in subjects(parser.parse_args().acdc)]
    for cohort in sorted({patient["cohort"] for patient in patients}):
        print(cohort, held_out(patients, cohort))
    fitted = fit(patients)
    counts = pd.Series([patient["cohort"] for patient in patients]).value_counts().to_dict()
    fitted = {"features": extent.FEATURES, "fitted_on": counts} | fitted
    extent.MODEL.write_text(json.dumps(fitted, indent=1) + "\n")


def subjects(data):
    """ACDC training patients without twins, then the phantom's training subjects."""
    table = pd.read_csv(SPLIT, comment="#")
    excluded = set(table.id[table.split == "excluded"])
    yield from (acdc.read(scan) for scan in acdc.find(data) if scan.part == "train" and scan.id not in excluded)
    for site in "ab":
        yield from phantom.subjects(site, "train", PHANTOM_SUBJECTS, PHANTOM_SEED)


def measure(subject) -> dict:
    """What the fit needs of a subject: the features of its slices and which of them hold LV."""
    inside = (subject.masks == LV).any(axis=(1, 2, 3))
    measured = extent.features(subject.images, subject.spacing_mm)
    return {"cohort": subject.source, "gap_mm": subject.slice_gap_mm, "features": measured, "inside": inside}


def fit(patients: list[dict]) -> dict:
    """Intercept and coefficients for the columns of ``extent.design``, in the features' own units."""
    columns = np.concatenate([extent.design(patient["features"]) for patient in patients])
    scaler = StandardScaler().fit(columns)
    regression = LogisticRegression(C=PENALTY, max_iter=5000).fit(
        scaler.transform(columns), np.concatenate([patient["inside"] for patient in patients])
    )
    coefficients = regression.coef_[0] / scaler.scale_
    intercept = regression.intercept_[0] - coefficients @ scaler.mean_
    return {"intercept": round(float(intercept), 5), "coefficients": np.round(coefficients, 5).tolist()}


def held_out(patients: list[dict], cohort: str) -> str:
    """Share of held-out patients of a cohort whose base and apex are found exactly, and within a slice."""
    errors = []
    for fold in range(FOLDS):
        fitted = fit([patient for index, patient in enumerate(patients) if index % FOLDS != fold])
        errors += [error(patient, fitted) for patient in patients[fold::FOLDS] if patient["cohort"] == cohort]
    off = np.abs(errors)
    return f"exact (base, apex) {(off == 0).mean(axis=0).round(3)}, within 1 {(off <= 1).mean(axis=0).round(3)}"


def error(patient: dict, fitted: dict) -> tuple[int, int]:
    """Slices cut too many (positive) or too few at base and apex."""
    least = max(extent.LEAST_SLICES, round(extent.LEAST_MM / patient["gap_mm"]))
    found = extent.best_run(extent.log_odds(patient["features"], fitted) + np.log(extent.CUT_COST), least)
    true = np.flatnonzero(patient["inside"])
    return found.start - true[0], true[-1] + 1 - found.stop


if __name__ == "__main__":
    main()
