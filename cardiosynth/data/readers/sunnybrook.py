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

from cardiosynth.data.finders.keyframes import keyframes
from cardiosynth.data.readers import contents
from cardiosynth.data.readers.layout import Scan, files_below, find_root
from cardiosynth.data.readers.sunnybrook_contours import areas, crossings, drawn, holes
from cardiosynth.data.readers.sunnybrook_series import scan_file, short_axis
from cardiosynth.data.subject import Cine, Subject
from cardiosynth.data.volumes import LABELS, ML_PER_MM3
from cardiosynth.study.errors import InputError

FRAMES_OFF = 0.17  # of the cycle: finders are right to a frame or two
PATIENT = re.compile(r"SCD\d+$")
CONTOURS = re.compile(r"SC-(HF-I|HF-NI|HYP|N)-0*(\d+)$")
PATHS = {"training": "train", "validation": "validation", "online": "test"}  # the challenge's three downloads
VALIDATION = {"HF-I": (5, 6, 7, 8), "HF-NI": (7, 11, 31, 33), "HYP": (6, 7, 8, 37), "N": (5, 6, 7)}
ONLINE = {"HF-I": (9, 10, 11, 12), "HF-NI": (12, 13, 14, 15), "HYP": (9, 10, 11, 12), "N": (9, 10, 11)}


def find(data) -> list[Scan]:
    """The patients found, by id: that of the DICOM folder. facts: ``original``, ``contours`` and ``dicom`` (paths or None).

    part: the challenge's training, validation or online (test) set. A folder without its counterpart is found too and
    refused when read. Raises InputError where there are no patients or nothing says which folders belong together.
    """
    root = find_root(data, "sunnybrook")
    files = files_below(root)
    scans = _folders(root, [path for path in files if scan_file(path)], (PATIENT, CONTOURS))
    drawings: dict[str, list[Path]] = {}
    for name, places in _folders(root, [path for path in files if path.name.lower().endswith("contour-manual.txt")], (CONTOURS,)).items():
        drawings.setdefault(_plain(name), []).extend(places)
    if not scans or not drawings:
        missing = "DICOM folders SCDnnnnnnn with .dcm files" if not scans else "contour folders SC-... with IM-*-icontour-manual.txt"
        packed = ", ".join(sorted(path.name for path in root.glob("*.zip")))
        raise InputError(f"{root}: no {missing}; expected Sunnybrook's layout{f' (unpack {packed} first)' if packed else ''}")
    original = _pairs(root, files, scans, drawings)
    patients = [_scan(root, name, original.get(name, ""), folders, drawings.get(original.get(name), [])) for name, folders in scans.items()]
    patients += [_scan(root, name, name, [], drawings[name]) for name in sorted(set(drawings) - set(original.values()))]
    return sorted(patients, key=lambda scan: scan.id)


def _scan(root: Path, name: str, original: str, scans: list[Path], drawings: list[Path]) -> Scan:
    dicom, contours = (next(iter(places), None) for places in (scans, drawings))
    facts = {"original": original, "contours": contours, "dicom": dicom, "places": {"DICOM folder": scans, "contour folder": drawings}}
    return Scan(name, dicom or contours, _part(root, original, contours), facts)


def read(scan: Scan) -> Subject:
    """One patient: ED and ES of all slices, base to apex; masks with 2 myocardium and 3 LV where there are contours.

    A pixel is LV, or myocardium, where at least half of it is. The volumes come from the contours' own areas, not
    from those pixels. extra: ``group``, ``original_id``, ``ed_frame``, ``es_frame`` (counted from 0), ``phases``, ``mended``,
    ``doubts``.
    """
    for what, places in scan.facts["places"].items():
        if not places:
            raise InputError(f"{scan.path}: no {what} for this patient; expected one, matched by scd_patientdata.csv")
        _refuse_differing(places, what)
    contours = drawn(scan.facts["contours"])
    cine, files, places, left_out = short_axis(scan.facts["dicom"], {number for number, _ in contours})
    inside, slices = areas(contours, files, places, cine.frames.shape), len(cine.frames)
    ed, es = _phases(inside, scan.facts["contours"], cine.frames.shape[1])
    doubts = [*cine.doubts, *crossings(inside, scan.facts["contours"], slices), *holes(inside, slices, ed, es)]
    other = {phase for _, phase, _ in inside} - {ed, es}
    left_out += [f"contours at {len(other)} other phase{'s' * (len(other) > 1)} left out"] if other else []
    shares = {kind: np.stack([_stack(inside, phase, kind, cine.frames) for phase in (ed, es)], axis=1) for kind in "io"}
    masks = np.where(shares["i"] >= 0.5, LABELS["lv"], np.where(shares["o"] >= 0.5, LABELS["myocardium"], 0)).astype(np.uint8)
    voxel_ml = cine.spacing_mm[0] * cine.spacing_mm[1] * cine.slice_gap_mm * ML_PER_MM3
    edv_ml, esv_ml = (float(volume) for volume in shares["i"].sum(axis=(0, 2, 3)) * voxel_ml)
    extra = {
        "group": _group(scan.facts["original"]),
        "original_id": scan.facts["original"],
        "ed_frame": ed,
        "es_frame": es,
        "phases": cine.frames.shape[1],
        "mended": "; ".join([*cine.mended, *left_out]),
    }
    images = np.ascontiguousarray(cine.frames[:, [ed, es]])
    doubts = [*doubts, *_other_frames(cine, ed, es), *contents.beside(images, masks)]
    extra["doubts"] = "; ".join(doubts)
    return Subject(scan.id, "sunnybrook", images, masks, cine.spacing_mm, cine.slice_gap_mm, edv_ml, esv_ml, extra)


def _other_frames(cine: Cine, ed: int, es: int) -> list[str]:
    """A doubt where the heart is fullest and emptiest at other phases than those with contours: numbers may be off."""
    seen, phases = keyframes(cine.frames, cine.spacing_mm), cine.frames.shape[1]
    away = [min((one - other) % phases, (other - one) % phases) for one, other in zip(seen, (ed, es))]
    if phases == 2 or max(away) <= FRAMES_OFF * phases:
        return []
    return [f"contours at phases {ed + 1} and {es + 1}, but the images are fullest and emptiest at {seen[0] + 1} and {seen[1] + 1}"]


def _folders(root: Path, files: list[Path], names: tuple) -> dict[str, list[Path]]:
    """The outermost folders with such a name that hold such files, by name; several where a patient's folder is there twice."""
    folders: dict[str, list[Path]] = {}
    for folder in sorted({path.parent for path in files}):
        for place in reversed((folder, *folder.parents)):
            if place.is_relative_to(root) and any(name.match(place.name) for name in names):
                if place not in folders.setdefault(place.name, []):
                    folders[place.name].append(place)
                break
    return folders


def _refuse_differing(places: list[Path], what: str) -> None:
    """A patient's folder that is there twice must hold the same files."""
    held = [{path.relative_to(place): path for path in files_below(place)} for place in places]
    for place, files in zip(places[1:], held[1:]):
        if files.keys() != held[0].keys() or any(files[name].read_bytes() != held[0][name].read_bytes() for name in files):
            raise InputError(f"{places[0]}: {place} is another {what} of this patient, with other files; keep one of them")


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


def _pairs(root: Path, files: list[Path], scans: dict, drawings: dict) -> dict[str, str]:
    """DICOM folder's name -> contour folder's name: from a CSV, from equal names, or because there is only one of each."""
    pairs: dict[str, str] = {}
    for path in files:
        for name, original in _table(path).items() if path.suffix.lower() == ".csv" else ():
            if name in scans and pairs.setdefault(name, original) != original:
                raise InputError(f"{path}: {name} is {original}, and {pairs[name]} in another table; keep one of the tables")
    pairs |= {name: _plain(name) for name in scans if _plain(name) in drawings and name not in pairs}
    if not pairs and len(scans) == len(drawings) == 1:
        pairs = dict(zip(scans, drawings))
    if not pairs:
        raise InputError(
            f"{root}: {len(scans)} DICOM and {len(drawings)} contour folders, and nothing that says which belong together; "
            "expected scd_patientdata.csv with the columns PatientID and OriginalID"
        )
    if shared := [name for name, original in pairs.items() if list(pairs.values()).count(original) > 1]:
        raise InputError(
            f"{root}: {' and '.join(sorted(shared)[:2])} are both called {pairs[min(shared)]}; expected one patient for each contour folder"
        )
    return pairs


def _table(path: Path) -> dict[str, str]:
    """PatientID -> OriginalID of a CSV with these columns (``patient_id`` and ``original_id`` will do); else nothing."""
    try:
        first = path.read_text(encoding="utf-8-sig").partition("\n")[0]
        rows = pd.read_csv(path, dtype=str, encoding="utf-8-sig", sep=";" if ";" in first else ",")
    except (ValueError, OSError):
        return {}
    rows.columns = [str(name).lower().replace("_", "").strip() for name in rows.columns]
    if not {"patientid", "originalid"} <= set(rows.columns):
        return {}
    return {name.strip(): _plain(original.strip()) for name, original in rows[["patientid", "originalid"]].dropna().itertuples(index=False)}


def _phases(inside: dict, folder: Path, phases: int) -> tuple[int, int]:
    """ED: the phase with inner and outer contours and the largest inner area; ES: the other with most inner contours."""
    inner: dict[int, list[float]] = {}
    for (_, phase, kind), area in inside.items():
        if kind == "i":
            inner.setdefault(phase, []).append(area.sum())
    outer = {phase for _, phase, kind in inside if kind == "o"}
    if len(inner) < 2:
        raise InputError(f"{folder}: inner contours at {len(inner)} of {phases} phases; expected them at ED and at ES")
    ed = max(sorted(inner), key=lambda phase: (phase in outer, sum(inner[phase])))
    return ed, max(sorted(set(inner) - {ed}), key=lambda phase: (len(inner[phase]), -sum(inner[phase])))


def _stack(inside: dict, phase: int, kind: str, frames: np.ndarray) -> np.ndarray:
    nothing = np.zeros(frames.shape[-2:])
    return np.stack([inside.get((row, phase, kind), nothing) for row in range(len(frames))])
