"""A cohort in the layout of M&Ms, each file with two frames, ED and ES (``cardiosynth.data.readers.mnms`` reads it)."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cardiosynth.data.readers.mnms import LABELS
from cardiosynth.data.subject import Subject
from cardiosynth.data.writers import to_nifti
from cardiosynth.data.writers.export_folder import checked, new_folder, row

PARTS = {"train": "Training/Labeled", "validation": "Validation", "test": "Testing", "extra_test": "Testing"}
TABLE = "export_M&Ms_Dataset_information_diagnosis_opendataset.csv"
UNKNOWN = {"Age": "", "Sex": "", "Height": "", "Weight": ""}


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write P00001, P00002 ... as they come, and the table of all. Frame 0 is ED, frame 1 ES.

    Returns a row a subject: id, exported_as, edv_ml, esv_ml. Raises InputError for a folder that is not empty and
    for a subject without masks.
    """
    root, rows, table = new_folder(root, "M&Ms"), [], []
    for number, subject in enumerate(subjects, start=1):
        code = f"P{number:05d}"
        folder = root / PARTS[subject.extra.get("split", "train")] / code
        masks = to_nifti.translate(checked(subject, "M&Ms").masks, LABELS)
        to_nifti.save(folder / f"{code}_sa.nii.gz", subject.images, to_nifti.distances(subject))
        to_nifti.save(folder / f"{code}_sa_gt.nii.gz", masks, to_nifti.distances(subject))
        table.append(_table_row(code, subject))
        rows.append(row(subject, code))
    pd.DataFrame(table).to_csv(root / TABLE)  # with a first column of numbers, as the publishers' has
    return rows


def _table_row(code: str, subject: Subject) -> dict:
    vendor, centre, pathology = (subject.extra.get(key, "") for key in ("vendor", "centre", "pathology"))
    return {"External code": code, "VendorName": vendor, "Vendor": "", "Centre": centre, "ED": 0, "ES": 1, "Pathology": pathology} | UNKNOWN
