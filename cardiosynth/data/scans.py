"""One scan to be measured, of which nothing is known but its images: ED and ES from NIfTI or DICOM files, without masks.

A scan is named by ``ed.nii.gz,es.nii.gz`` (two files joined by a comma), by a NIfTI cine of four dimensions, by a patient's
folder of ACDC (``Info.cfg`` says which frames are ED and ES), by a folder of DICOM files, or by an enhanced
DICOM file. Of a cine ED and ES are found.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from cardiosynth.data.finders.keyframes import at_keyframes, keyframes
from cardiosynth.data.finders.order import apex_first
from cardiosynth.data.readers import acdc, contents, nifti
from cardiosynth.data.readers.dicom import read_series
from cardiosynth.data.readers.dicom_files import dicom_files, is_dicom
from cardiosynth.data.readers.layout import APEX_DIRECTION, files_below
from cardiosynth.data.readers.nifti_file import ENDINGS
from cardiosynth.data.subject import Cine, Pair
from cardiosynth.study.errors import InputError

EXPECTED = (
    "expected a NIfTI cine, ED and ES joined by a comma (ed.nii.gz,es.nii.gz), a patient's folder of ACDC, "
    "a folder of DICOM files or an enhanced DICOM file"
)
LEAST_SLICES = 3
ALONG_PATIENT, UNLIKE = 0.999, 0.3  # cosines: no short axis lies along the patient; too far from one to tell its ends


def read_scan(scan: str) -> tuple[Pair, dict]:
    """The pair of a scan, base to apex, its id the scan as it was named, and notes: ``ed_frame`` and ``es_frame`` (counted from
    0) of a cine, ``mended`` (what was put right) and ``doubts``, both lists of phrases. Raises InputError naming the file."""
    path = Path(scan)
    if "," in scan and not path.exists():
        files = [Path(part.strip()) for part in scan.split(",")]
        if len(files) != 2:
            raise InputError(f"{scan}: {len(files)} files joined by commas; expected two, ED and ES")
        return _two_files(scan, files)
    if not path.exists():
        raise InputError(f"{scan}: no such file or folder; {EXPECTED}")
    if path.is_dir():
        return _two_files(scan, acdc.keyframe_files(path)) if (path / "Info.cfg").is_file() else _dicom(scan, path)
    if is_dicom(path):  # an enhanced file holds a whole stack
        return _of_cine(read_series([path], scan))
    if not path.name.lower().endswith(ENDINGS):
        raise InputError(f"{scan}: neither NIfTI nor a folder; {EXPECTED}")
    return _nifti_cine(scan, path)


def scan_names(scans: list[str]) -> list[str]:
    """A short name of each scan, for tables and files: that of its (ED) file or folder, with its parent's where two would agree.

    Raises InputError where a scan is named twice.
    """
    paths = [Path(scan.split(",")[0]).resolve() for scan in scans]
    stems = [_stem(path) for path in paths]
    shared = {stem for stem, count in Counter(map(str.casefold, stems)).items() if count > 1}  # some file systems know no letter case
    names = [f"{path.parent.name}-{stem}" if stem.casefold() in shared else stem for path, stem in zip(paths, stems)]
    for index, name in enumerate(names):
        if name.casefold() in map(str.casefold, names[:index]):
            raise InputError(f"{scans[index]}: a second scan that would be called {name}; name each scan once, or rename its folder")
    return names


def _stem(path: Path) -> str:
    return next((path.name[: -len(end)] for end in ENDINGS if path.name.lower().endswith(end)), path.name)


def _two_files(scan: str, files: list[Path]) -> tuple[Pair, dict]:
    frames = nifti.pair(files, [], {})
    *spacing_mm, gap_mm = frames.distances_mm
    pair = Pair(scan, "scan", frames.images, None, tuple(spacing_mm), gap_mm)
    if _named(scan, keyframes, pair.images, pair.spacing_mm) == (1, 0):
        frames.notes.doubts.append("the image given as ED looks emptier than the one given as ES")
    frames.notes.doubts.extend(contents.odd_images(pair.images))
    return _base_first(pair, frames, {})


def _nifti_cine(scan: str, path: Path) -> tuple[Pair, dict]:
    frames = nifti.cine(path)
    *spacing_mm, gap_mm = frames.distances_mm
    cine = Cine(scan, frames.images, tuple(spacing_mm), gap_mm, gap_mm * np.arange(len(frames.images)))
    pair, notes = _of_cine(cine)
    return _base_first(pair, frames, notes)


def _dicom(scan: str, folder: Path) -> tuple[Pair, dict]:
    files = dicom_files(folder)
    if not files:
        hint = "; NIfTI files are given by name" if any(path.name.lower().endswith(ENDINGS) for path in files_below(folder)) else ""
        raise InputError(f"{scan}: no DICOM files in this folder{hint}; {EXPECTED}")
    return _of_cine(read_series(files, scan))


def _of_cine(cine: Cine) -> tuple[Pair, dict]:
    images, facts = at_keyframes(cine)
    notes = {"ed_frame": facts["ed_frame"], "es_frame": facts["es_frame"], "mended": list(cine.mended), "doubts": list(cine.doubts)}
    return _checked(Pair(cine.id, "scan", images, None, cine.spacing_mm, cine.slice_gap_mm)), notes


def _checked(pair: Pair) -> Pair:
    if len(pair.images) < LEAST_SLICES:
        raise InputError(f"{pair.id}: {len(pair.images)} slices; expected a short-axis stack of at least {LEAST_SLICES}")
    return pair


def _base_first(pair: Pair, frames: nifti.Frames, notes: dict) -> tuple[Pair, dict]:
    """The pair with its slices from base to apex, by the file's geometry or, where that says nothing, by the images."""
    _checked(pair)
    mended, doubts = frames.notes.mended, frames.notes.doubts
    known, seen = _apex_first(frames.towards), _named(pair.id, apex_first, pair.images, pair.spacing_mm)
    if known not in (None, seen):
        doubts.append("the affine and the images disagree about which end is the apex; the affine was believed")
    if seen if known is None else known:
        pair = Pair(pair.id, pair.source, pair.images[::-1], None, pair.spacing_mm, pair.slice_gap_mm)
        mended.append(nifti.TURNED)
    return pair, notes | {"mended": list(dict.fromkeys(mended)), "doubts": list(dict.fromkeys(doubts))}


def _named(scan: str, finder, *arguments):
    """What a finder says; its complaint names the scan."""
    try:
        return finder(*arguments)
    except InputError as error:
        raise InputError(f"{scan}: {error}") from error


def _apex_first(towards: np.ndarray | None) -> bool | None:
    """Whether the file puts the first slice at the apex; None where it does not tell. towards: of the slices (left, back, head)."""
    if towards is None or np.abs(towards).max() > ALONG_PATIENT:
        return None
    along = float(towards @ APEX_DIRECTION)
    return None if abs(along) < UNLIKE else along < 0
