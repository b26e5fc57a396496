"""Kaggle's Second Annual Data Science Bowl (2015): 1,140 cines as DICOM, with EDV and ESV but no masks.

``train/train/N/study/sax_M/IM-*.dcm`` (or ``train/N/study/...``), the same under ``validate`` and ``test``, and the
volumes in ``train.csv``, ``validate.csv`` and ``solution.csv``. The number of a sax folder says nothing of where its
slice lies, and a slice that was taken again has a folder of its own. ED and ES are found in the images.
"""

from pathlib import Path

import pandas as pd

from cardiosynth.cohort import Subject
from cardiosynth.datasets.dicom import read_series
from cardiosynth.datasets.layout import Scan, find_root
from cardiosynth.errors import InputError
from cardiosynth.finders.keyframes import at_keyframes

PARTS = {"train": ("train", "train.csv"), "validate": ("validation", "validate.csv"), "test": ("test", "solution.csv")}


def find(data) -> list[Scan]:
    """The patients found, training first. facts: ``table``, and ``edv_ml`` and ``esv_ml`` where the table has them.

    Raises InputError where there is no patient folder and where a table cannot be read.
    """
    root = find_root(data, "kaggle")
    found = []
    for name, (part, table) in PARTS.items():
        folders = _patients(root / name / name) or _patients(root / name)
        volumes = _volumes(root, name, table) if folders else {}
        found += [Scan(f"kaggle-{number:04d}", folder, part, {"table": table, **volumes.get(number, {})})
                  for number, folder in sorted(folders.items())]
    if not found:
        packed = ", ".join(sorted(path.name for path in root.glob("*.zip")))
        hint = f" (unpack {packed} first)" if packed else ""
        raise InputError(f"{root}: no train/N/study, validate/N/study or test/N/study folders; expected Kaggle's layout{hint}")
    return found


def read(scan: Scan) -> Subject:
    """One patient on the scan's own grid, base to apex, without masks; volumes from the organisers' table.

    extra: ``ed_frame`` and ``es_frame`` (by trigger time, counted from 0), ``phases`` and ``mended``.
    """
    if not {"edv_ml", "esv_ml"} <= scan.facts.keys():
        raise InputError(f"{scan.path}: no EDV and ESV for patient {int(scan.path.name)} in {scan.facts['table']}; "
                         "expected a row with both, so put the table beside the folders")
    folders = sorted((scan.path / "study").glob("sax_*"), key=lambda folder: _number(folder.name))
    cine = read_series([path for folder in folders for path in sorted(folder.glob("*.dcm"))], str(scan.path))
    images, extra = at_keyframes(cine)
    return Subject(scan.id, "kaggle", images, None, cine.spacing_mm, cine.slice_gap_mm,
                   scan.facts["edv_ml"], scan.facts["esv_ml"], extra)


def _patients(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    return {int(path.name): path for path in folder.iterdir() if path.name.isdigit() and (path / "study").is_dir()}


def _number(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else -1


def _volumes(root: Path, folder: str, table: str) -> dict[int, dict]:
    """EDV and ESV by patient. Rows are ``Id,Systole,Diastole``, or two a patient as ``701_Diastole,Volume``."""
    path = next((place for place in (root / table, root / folder / table) if place.is_file()), None)
    if path is None:
        return {}
    try:
        rows = pd.read_csv(path).rename(columns=str.strip)
        if {"Id", "Systole", "Diastole"} <= set(rows.columns):
            rows = rows.melt("Id", ["Systole", "Diastole"], "when", "Volume")
        else:
            rows[["Id", "when"]] = rows["Id"].str.strip().str.split("_", n=1, expand=True)
        rows = rows[["Id", "when", "Volume"]].astype({"Id": int, "Volume": float}).dropna()
    except (KeyError, ValueError, TypeError, AttributeError) as error:  # pandas' own parsing errors are ValueErrors
        raise InputError(f"{path}: cannot be read as a table of volumes; expected Id,Systole,Diastole with numbers in ml, "
                         "or rows like 701_Diastole,142.3 under Id,Volume") from error
    result: dict[int, dict] = {}
    for number, when, volume in rows.itertuples(index=False):
        result.setdefault(number, {})["edv_ml" if when == "Diastole" else "esv_ml"] = volume
    return result
