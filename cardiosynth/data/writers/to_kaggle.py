"""Subjects in the layout of Kaggle's Second Annual Data Science Bowl: DICOM by slice, volumes in three tables."""

from collections.abc import Iterable
from pathlib import Path

from cardiosynth.data.subject import Subject
from cardiosynth.data.writers.export_folder import new_folder
from cardiosynth.data.writers.to_dicom import write_frames
from cardiosynth.study.errors import InputError

FOLDERS = {"train": "train", "validation": "validate", "test": "test", "extra_test": "test"}
TABLES = {"train": "train.csv", "validate": "validate.csv", "test": "solution.csv"}


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write the subjects, numbered from 1, with ED and ES as the two frames of each slice; masks are not part of it.

    Returns a row a subject: id, exported_as, edv_ml and esv_ml, rounded to 0.1 ml as the tables are. Raises
    InputError for a folder that is not empty and a split that is not known.
    """
    root, rows = new_folder(root, "Kaggle"), []
    lines: dict[str, list[str]] = {"train": [], "validate": [], "test": []}
    for number, subject in enumerate(subjects, 1):
        split = subject.extra.get("split", "train")
        if split not in FOLDERS:
            raise InputError(f"{subject.id}: split is {split!r}; expected one of {', '.join(FOLDERS)}")
        folder, name = FOLDERS[split], f"kaggle-{number:04d}"
        study = root / folder / folder / str(number) / "study"
        write_frames(subject, name, lambda row, phase: study / f"sax_{row + 1}" / f"IM-{row + 1:04d}-{phase + 1:04d}.dcm", lambda row: row + 1)
        edv_ml, esv_ml = round(subject.edv_ml, 1), round(subject.esv_ml, 1)
        lines[folder].append(f"{number},{esv_ml:.1f},{edv_ml:.1f}")
        rows.append({"id": subject.id, "exported_as": name, "edv_ml": edv_ml, "esv_ml": esv_ml})
    for folder, table in TABLES.items():
        if lines[folder]:
            (root / table).write_text("\n".join(["Id,Systole,Diastole", *lines[folder]]) + "\n", encoding="utf-8")
    return rows
