"""ACDC, official layout (Bernard et al., IEEE TMI 2018): 150 patients as NIfTI with ED and ES masks.

``training/patientNNN/`` and ``testing/patientNNN/`` hold ``Info.cfg`` (1-based ED and ES frames),
``patientNNN_frameFF.nii.gz`` and ``patientNNN_frameFF_gt.nii.gz``. The affine claims 1 mm; the true
spacing stands in the header's pixdim. Labels are already 0 background, 1 RV, 2 myocardium, 3 LV.
"""

import re
from pathlib import Path

import pandas as pd

from cardiosynth.data.readers import nifti
from cardiosynth.data.readers.layout import Scan, find_root, folders_in
from cardiosynth.data.splits import imbalanced
from cardiosynth.data.spreadsheet import text_of
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError

REDUCED_TRAIN, OTHER_VALIDATION = 3, 15
ENTRY = re.compile(r"\s*(\w+)\s*[:=]\s*(.*?)\s*")
PATIENT = re.compile(r"patient[0-9]{3}")
PARTS = {"training": "train", "testing": "test"}
LABELS = {1: 1, 2: 2, 3: 3}


def find(data) -> list[Scan]:
    """The patients of the official layout, training first. Raises InputError where there is none."""
    root = find_root(data, "acdc")
    root = root / "database" if (root / "database").is_dir() else root  # as the archive unpacks
    scans = [Scan(folder.name, folder, part) for name, part in PARTS.items() for folder in folders_in(root / name) if PATIENT.fullmatch(folder.name)]
    if not scans:
        raise InputError(f"{root}: no training/patientNNN or testing/patientNNN folders; expected ACDC's official layout")
    return scans


def read(scan: Scan) -> Subject:
    """One patient on the scan's own grid, slices from base to apex. extra: ``group``, the diagnosis."""
    frames = nifti.pair(keyframe_files(scan.path), keyframe_files(scan.path, "_gt"), LABELS)
    info = _info(scan.path)
    if info["ED"] == info["ES"]:
        frames.notes.doubts.append(f"Info.cfg names frame {info['ED']} as ED and as ES")
    return nifti.subject(scan.id, "acdc", frames, {"group": info.get("GROUP", "")}, scan.path)


def keyframe_files(folder: Path, suffix: str = "") -> list[Path]:
    """The images of ED and ES, or with the suffix ``_gt`` their masks, in a patient's folder. Raises InputError without Info.cfg."""
    info = _info(folder)
    return [folder / f"{folder.name}_frame{int(info[phase]):02d}{suffix}.nii.gz" for phase in ("ED", "ES")]


def split_rule(table: pd.DataFrame) -> pd.DataFrame:
    """The rule behind the committed split, as columns id, split, reason.

    table: id, part (train or test), ef (percent), content (a hash of the pixels). The official test
    patients are ``test``. A training patient whose pixels also stand under another name goes (the later
    name, or the twin of a test patient). The rest is split as ``splits.imbalanced`` says.
    """
    table = table.sort_values("id")
    rows = {name: ("test", "official test patient") for name in table.loc[table.part == "test", "id"]}
    owner = {content: name for content, name in table.loc[table.part == "test", ["content", "id"]].itertuples(index=False)}
    for content, name in table.loc[table.part == "train", ["content", "id"]].itertuples(index=False):
        if owner.setdefault(content, name) != name:
            rows[name] = ("excluded", f"same images as {owner[content]}")
    rows |= imbalanced(table[~table.id.isin(rows)], REDUCED_TRAIN, OTHER_VALIDATION)
    return pd.DataFrame([(name, *rows[name]) for name in sorted(rows)], columns=["id", "split", "reason"])


def _info(folder: Path) -> dict[str, str]:
    path = folder / "Info.cfg"
    if not path.is_file():
        raise InputError(f"{path}: missing; ACDC keeps the ED and ES frame numbers there")
    info = {match[1].upper(): match[2] for match in map(ENTRY.fullmatch, text_of(path).splitlines()) if match}
    for key in ("ED", "ES"):
        if not re.fullmatch("0*[1-9][0-9]*", info.get(key, "")):
            raise InputError(f"{path}: {key} is {info.get(key)!r}; expected a frame number, counted from 1")
    return info
