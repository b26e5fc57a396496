"""Kaggle's Second Annual Data Science Bowl (2015): 1,140 cines as DICOM, with EDV and ESV but no masks.

``train/train/N/study/sax_M/IM-*.dcm`` (or ``train/N/study/...``), the same under ``validate`` and ``test``, and the
volumes in ``train.csv``, ``validate.csv`` and ``solution.csv``. The number of a sax folder says nothing of where its
slice lies, and a slice that was taken again has a folder of its own. ED and ES are found in the images.
"""

import re
from dataclasses import replace
from pathlib import Path

from cardiosynth.data.finders.keyframes import at_keyframes
from cardiosynth.data.readers.dicom import read_series
from cardiosynth.data.readers.dicom_files import dicom_files
from cardiosynth.data.readers.layout import Scan, find_root, folders_in
from cardiosynth.data.subject import Subject
from cardiosynth.data.volume_table import volumes
from cardiosynth.study.errors import InputError

PARTS = {"train": ("train", "train.csv"), "validate": ("validation", "validate.csv"), "test": ("test", "solution.csv")}
SHORT_AXIS = re.compile(r"sax[_ -]?\d", re.IGNORECASE)


def find(data) -> list[Scan]:
    """The patients found, training first. facts: ``table``, ``edv_ml`` and ``esv_ml`` where the table has them, and ``fault`` where
    what was found contradicts itself: a patient twice, or two volumes for one.

    Raises InputError where there is no patient folder and where a table cannot be read.
    """
    root = find_root(data, "kaggle")
    scans = []
    for name, (part, table) in PARTS.items():
        folders = _patients(root / name, root / name / name)
        references = volumes([root / table, root / name / table]) if folders else {}
        for number, (folder, *more) in sorted(folders.items()):
            facts = {"table": table, **references.get(number, {})}
            if more:
                facts["fault"] = f"a second folder of this patient, {more[0]}; keep one of them"
            scans.append(Scan(f"kaggle-{number:04d}", folder, part, facts))
    if not scans:
        packed = ", ".join(sorted(path.name for path in root.glob("*.zip")))
        hint = f" (unpack {packed} first)" if packed else ""
        raise InputError(f"{root}: no train/N/study, validate/N/study or test/N/study folders; expected Kaggle's layout{hint}")
    return scans


def read(scan: Scan) -> Subject:
    """One patient on the scan's own grid, base to apex, without masks; volumes from the organisers' table.

    extra: ``ed_frame`` and ``es_frame`` (by trigger time, counted from 0), ``phases``, ``mended`` and ``doubts``.
    """
    if "fault" in scan.facts:
        raise InputError(f"{scan.path}: {scan.facts['fault']}")
    if not {"edv_ml", "esv_ml"} <= scan.facts.keys():
        raise InputError(
            f"{scan.path}: no EDV and ESV for patient {int(scan.path.name)} in {scan.facts['table']}; "
            "expected a row with both, so put the table beside the folders"
        )
    folders = sorted(_views(scan.path), key=lambda folder: (_number(folder.name), folder.name))
    files = {folder: dicom_files(folder) for folder in folders}
    cine = read_series([path for paths in files.values() for path in paths], str(scan.path))
    if empty := [folder.name for folder, paths in files.items() if not paths]:
        cine = replace(cine, doubts=(*cine.doubts, f"no DICOM files in {', '.join(empty)}, so the stack may be too short"))
    images, extra = at_keyframes(cine)
    return Subject(scan.id, "kaggle", images, None, cine.spacing_mm, cine.slice_gap_mm, scan.facts["edv_ml"], scan.facts["esv_ml"], extra)


def _patients(*places: Path) -> dict[int, list[Path]]:
    """The folders of each patient, by number."""
    folders: dict[int, list[Path]] = {}
    for path in [path for place in places for path in folders_in(place)]:
        if path.name.isascii() and path.name.isdigit() and _study(path):
            folders.setdefault(int(path.name), []).append(path)
    return folders


def _study(patient: Path) -> list[Path]:
    return [folder for folder in folders_in(patient) if folder.name.lower() == "study"]


def _views(patient: Path) -> list[Path]:
    """The folders of short-axis slices."""
    return [folder for study in _study(patient) for folder in folders_in(study) if SHORT_AXIS.match(folder.name)]


def _number(name: str) -> int:
    digits = re.sub(r".*?(\d*)$", r"\1", name)
    return int(digits) if digits.isascii() and digits.isdigit() else -1
