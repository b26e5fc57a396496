"""Sunnybrook Cardiac Data (Radau et al., MIDAS Journal 2009): cines as DICOM with hand-drawn LV contours at ED and ES.

A patient is a folder of DICOM files (``SCD0000101``, the files in it or in its ``CINESAX`` folder) and a folder of
contours (``SC-HF-I-1`` or ``SC-HF-I-01``) with ``IM-0001-NNNN-icontour-manual.txt`` (endocardium) and ``-ocontour-``
(epicardium), one point ``x y`` a line. NNNN is the number of the DICOM file. A CSV beside them says which folders
belong together. The endocardial contour goes around the papillary muscles, which so count as cavity.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.cohort import Subject
from cardiosynth.contours import coverage
from cardiosynth.datasets.dicom import read_placed
from cardiosynth.datasets.layout import Scan, find_root
from cardiosynth.errors import InputError
from cardiosynth.volumes import LABELS, ML_PER_MM3

PATIENT = re.compile(r"SCD\d+$")
CONTOURS = re.compile(r"SC-(HF-I|HF-NI|HYP|N)-0*(\d+)$")
DRAWN = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt$")
PATHS = {"training": "train", "validation": "validation", "online": "test"}  # the challenge's three downloads
VALIDATION = {"HF-I": (5, 6, 7, 8), "HF-NI": (7, 11, 31, 33), "HYP": (6, 7, 8, 37), "N": (5, 6, 7)}
ONLINE = {"HF-I": (9, 10, 11, 12), "HF-NI": (12, 13, 14, 15), "HYP": (9, 10, 11, 12), "N": (9, 10, 11)}


def find(data) -> list[Scan]:
    """The patients found, by id: that of the DICOM folder. facts: ``original``, ``contours`` and ``dicom`` (paths or None).

    part: the challenge's training, validation or online (test) set. A folder without its counterpart is found too and
    refused when read. Raises InputError where there are no patients or nothing says which folders belong together.
    """
    root = find_root(data, "sunnybrook")
    scans, drawn = _folders(root, "*.dcm", (PATIENT, CONTOURS)), _folders(root, "*contour-manual.txt", (CONTOURS,))
    drawn = {_plain(name): folder for name, folder in drawn.items()}
    if not scans or not drawn:
        missing = "DICOM folders SCDnnnnnnn with .dcm files" if not scans else "contour folders SC-... with IM-*-icontour-manual.txt"
        packed = ", ".join(sorted(path.name for path in root.glob("*.zip")))
        raise InputError(f"{root}: no {missing}; expected Sunnybrook's layout{f' (unpack {packed} first)' if packed else ''}")
    original = _pairs(root, scans, drawn)
    found = [Scan(name, folder, _part(root, original.get(name, ""), drawn.get(original.get(name))),
                  {"original": original.get(name, ""), "contours": drawn.get(original.get(name)), "dicom": folder})
             for name, folder in scans.items()]
    orphans = sorted(set(drawn) - set(original.values()))
    found += [Scan(name, drawn[name], _part(root, name, drawn[name]), {"original": name, "contours": drawn[name], "dicom": None})
              for name in orphans]
    return sorted(found, key=lambda scan: scan.id)


def read(scan: Scan) -> Subject:
    """One patient: ED and ES of all slices, base to apex; masks with 2 myocardium and 3 LV where there are contours.

    A pixel is LV, or myocardium, where at least half of it is. The volumes come from the contours' own areas, not
    from those pixels. extra: ``group``, ``original_id``, ``ed_frame``, ``es_frame`` (counted from 0), ``phases``, ``mended``.
    """
    for key, what in (("dicom", "DICOM folder"), ("contours", "contour folder")):
        if scan.facts[key] is None:
            raise InputError(f"{scan.path}: no {what} for this patient; expected one, matched by scd_patientdata.csv")
    files = _series(scan.facts["dicom"])
    cine, places = read_placed(list(files.values()), str(scan.facts["dicom"]))
    areas = _areas(scan.facts["contours"], files, places, cine.frames.shape)
    ed, es = _phases(areas, scan.facts["contours"], cine.frames.shape[1])
    other = {phase for _, phase, _ in areas} - {ed, es}
    left_out = [f"contours at {len(other)} other phase{'s' * (len(other) > 1)} left out"] if other else []
    shares = {kind: np.stack([_stack(areas, phase, kind, cine.frames) for phase in (ed, es)], axis=1) for kind in "io"}
    masks = np.where(shares["i"] >= 0.5, LABELS["lv"], np.where(shares["o"] >= 0.5, LABELS["myocardium"], 0)).astype(np.uint8)
    voxel_ml = cine.spacing_mm[0] * cine.spacing_mm[1] * cine.slice_gap_mm * ML_PER_MM3
    edv_ml, esv_ml = (float(volume) for volume in shares["i"].sum(axis=(0, 2, 3)) * voxel_ml)
    extra = {"group": _group(scan.facts["original"]), "original_id": scan.facts["original"], "ed_frame": ed, "es_frame": es,
             "phases": cine.frames.shape[1], "mended": "; ".join([*cine.mended, *left_out])}
    images = np.ascontiguousarray(cine.frames[:, [ed, es]])
    return Subject(scan.id, "sunnybrook", images, masks, cine.spacing_mm, cine.slice_gap_mm, edv_ml, esv_ml, extra)


def points(path: Path) -> np.ndarray:
    """A contour (points, 2) as x, y in pixels. Raises InputError naming the file and the line that is not two numbers."""
    result = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        try:
            x, y = (float(part) for part in line.split())
        except ValueError:
            if not line.strip():
                continue
            raise InputError(f"{path}: line {number} is {line.strip()!r}; expected two numbers, x and y in pixels") from None
        result.append((x, y))
    if len(result) < 3 or not np.isfinite(result).all():
        raise InputError(f"{path}: {len(result)} points; expected at least 3, with finite x and y in pixels")
    return np.array(result)


def _folders(root: Path, files: str, names: tuple) -> dict[str, Path]:
    """The outermost folders with such a name that hold such files, by name."""
    found: dict[str, Path] = {}
    for folder in {path.parent for path in root.rglob(files)}:
        for place in reversed((folder, *folder.parents)):
            if place.is_relative_to(root) and any(name.match(place.name) for name in names):
                found.setdefault(place.name, place)
                break
    return found


def _plain(original: str) -> str:
    """``SC-HF-I-01`` as ``SC-HF-I-1``, or unchanged."""
    match = CONTOURS.match(original)
    return f"SC-{match[1]}-{match[2]}" if match else original


def _group(original: str) -> str:
    match = CONTOURS.match(original)
    return match[1] if match else ""


def _part(root: Path, original: str, contours: Path | None) -> str:
    for step in contours.relative_to(root).parts if contours else ():
        for word, part in PATHS.items():
            if step.lower().startswith(word):
                return part
    match = CONTOURS.match(original)
    group, number = (match[1], int(match[2])) if match else ("", 0)
    return "validation" if number in VALIDATION.get(group, ()) else "test" if number in ONLINE.get(group, ()) else "train"


def _pairs(root: Path, scans: dict, drawn: dict) -> dict[str, str]:
    """DICOM folder's name -> contour folder's name: from a CSV, from equal names, or because there is only one of each."""
    tables = [table for path in sorted([*root.glob("*.csv"), *root.glob("*/*.csv")]) if (table := _table(path))]
    pairs = {name: original for table in tables for name, original in table.items() if name in scans}
    pairs |= {name: _plain(name) for name in scans if _plain(name) in drawn and name not in pairs}
    if not pairs and len(scans) == len(drawn) == 1:
        pairs = dict(zip(scans, drawn))
    if not pairs:
        raise InputError(f"{root}: {len(scans)} DICOM and {len(drawn)} contour folders, and nothing that says which belong together; "
                         "expected scd_patientdata.csv with the columns PatientID and OriginalID")
    return pairs


def _table(path: Path) -> dict[str, str]:
    """PatientID -> OriginalID of a CSV with these columns (``patient_id`` and ``original_id`` will do); else nothing."""
    try:
        rows = pd.read_csv(path, dtype=str)
    except (ValueError, OSError):
        return {}
    rows.columns = [str(name).lower().replace("_", "").strip() for name in rows.columns]
    if not {"patientid", "originalid"} <= set(rows.columns):
        return {}
    return {name.strip(): _plain(original.strip()) for name, original in rows[["patientid", "originalid"]].dropna().itertuples(index=False)}


def _series(folder: Path) -> dict[int, Path]:
    """The short-axis files by the number that ends their name: those in the patient's folder or in its one CINESAX folder."""
    stacks = sorted({path.parent for path in folder.rglob("*.dcm")})
    short_axis = [stack for stack in stacks if stack.name.upper().startswith("CINESAX")] or stacks
    if len(short_axis) != 1:
        raise InputError(f"{folder}: DICOM files in {len(short_axis)} folders ({', '.join(stack.name for stack in short_axis[:4])}); "
                         "expected one CINESAX folder")
    files: dict[int, Path] = {}
    for path in sorted(short_axis[0].glob("*.dcm")):
        number = re.search(r"(\d+)$", path.stem)
        if not number or int(number[1]) in files:
            raise InputError(f"{path}: the name ends in no number of its own; expected names like IM-0003-0048.dcm of one series")
        files[int(number[1])] = path
    return dict(sorted(files.items()))


def _areas(folder: Path, files: dict, places: dict, shape: tuple) -> dict[tuple, np.ndarray]:
    """(slice, phase, i or o) -> share of each pixel inside the contour (H, W)."""
    areas = {}
    for path in sorted(folder.rglob("IM-*contour-manual.txt")):
        match = DRAWN.match(path.name)
        if not match:
            continue  # papillary muscles
        place = places.get(files.get(int(match[1])))
        if place is None:
            raise InputError(f"{path}: belongs to image {int(match[1])}, which the cine of {len(places)} images does not have; "
                             "do the contours belong to this patient?")
        areas[(*place, match[2])] = coverage(points(path), shape[-2:])
    return areas


def _phases(areas: dict, folder: Path, phases: int) -> tuple[int, int]:
    """ED: the phase with inner and outer contours and the largest inner area; ES: the other with most inner contours."""
    inner = {phase: [area.sum() for (_, at, kind), area in areas.items() if kind == "i" and at == phase] for phase in range(phases)}
    inner = {phase: found for phase, found in inner.items() if found}
    outer = {phase for _, phase, kind in areas if kind == "o"}
    if len(inner) < 2:
        raise InputError(f"{folder}: inner contours at {len(inner)} of {phases} phases; expected them at ED and at ES")
    ed = max(inner, key=lambda phase: (phase in outer, sum(inner[phase])))
    return ed, max(set(inner) - {ed}, key=lambda phase: (len(inner[phase]), -sum(inner[phase])))


def _stack(areas: dict, phase: int, kind: str, frames: np.ndarray) -> np.ndarray:
    nothing = np.zeros(frames.shape[-2:])
    return np.stack([areas.get((row, phase, kind), nothing) for row in range(len(frames))])
