"""One scan to be measured, of which nothing is known but its images: ED and ES from NIfTI or DICOM files, without masks.

A scan is named by ``ed.nii.gz,es.nii.gz`` (two files joined by a comma), by a NIfTI cine of four dimensions, by a patient's
folder of ACDC (``Info.cfg`` says which frames are ED and ES), or by a folder of DICOM files. Of a cine ED and ES are found.
"""

from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.cine import Cine
from cardiosynth.cohort import Pair
from cardiosynth.datasets import acdc, nifti
from cardiosynth.datasets.dicom import APEX_DIRECTION, read_series
from cardiosynth.errors import InputError
from cardiosynth.finders.keyframes import at_keyframes, keyframes
from cardiosynth.finders.order import apex_first

NIFTI = (".nii", ".nii.gz")
EXPECTED = "expected a NIfTI cine, ED and ES joined by a comma (ed.nii.gz,es.nii.gz), a patient's folder of ACDC or a folder of DICOM files"
LEAST_SLICES = 3
TURNED = "slices turned to run from base to apex"
DICOM_MARK, DICOM_MARK_AT = b"DICM", 128


def read_scan(scan: str) -> tuple[Pair, dict]:
    """The pair of a scan, base to apex, its id the scan as it was named, and notes: ``ed_frame`` and ``es_frame`` (counted from
    0) of a cine, ``mended`` (what was put right) and ``doubts``, both lists of phrases. Raises InputError naming the file."""
    path = Path(scan)
    if "," in scan and not path.exists():
        files = [Path(part) for part in scan.split(",")]
        if len(files) != 2:
            raise InputError(f"{scan}: {len(files)} files joined by commas; expected two, ED and ES")
        return _two_files(scan, files)
    if not path.exists():
        raise InputError(f"{scan}: no such file or folder; {EXPECTED}")
    if path.is_dir():
        return _two_files(scan, acdc.keyframe_files(path)) if (path / "Info.cfg").is_file() else _dicom(scan, path)
    if not path.name.endswith(NIFTI):
        raise InputError(f"{scan}: neither NIfTI nor a folder; {EXPECTED}")
    return _nifti_cine(scan, path)


def scan_names(scans: list[str]) -> list[str]:
    """A short name of each scan, for tables and files: that of its (ED) file or folder, with its parent's where two would agree.

    Raises InputError where a scan is named twice.
    """
    paths = [Path(scan.split(",")[0]).resolve() for scan in scans]
    stems = [_stem(path) for path in paths]
    shared = {stem for stem, count in Counter(stems).items() if count > 1}
    names = [f"{path.parent.name}-{stem}" if stem in shared else stem for path, stem in zip(paths, stems)]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(f"{scans[index]}: a second scan that would be called {name}; name each scan once, or rename its folder")
    return names


def _stem(path: Path) -> str:
    return next((path.name.removesuffix(end) for end in reversed(NIFTI) if path.name.endswith(end)), path.name)


def _two_files(scan: str, files: list[Path]) -> tuple[Pair, dict]:
    frames, _, (*spacing_mm, gap_mm) = nifti.pair(files, [], {})
    pair = Pair(scan, "scan", np.stack(frames, axis=1), None, tuple(spacing_mm), gap_mm)
    doubts = []
    if _named(scan, keyframes, pair.images, pair.spacing_mm) == (1, 0):
        doubts.append("the image given as ED looks emptier than the one given as ES")
    return _base_first(pair, files[0], {"mended": [], "doubts": doubts})


def _nifti_cine(scan: str, path: Path) -> tuple[Pair, dict]:
    frames, (*spacing_mm, gap_mm) = nifti.load(path, dimensions=4)
    cine = Cine(scan, frames, tuple(spacing_mm), gap_mm, gap_mm * np.arange(len(frames)))
    pair, notes = _of_cine(cine)
    return _base_first(pair, path, notes)


def _dicom(scan: str, folder: Path) -> tuple[Pair, dict]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if path.suffix.lower() == ".dcm"] or [path for path in files if _is_dicom(path)]
    if not found:
        hint = "; NIfTI files are given by name" if any(path.name.endswith(NIFTI) for path in files) else ""
        raise InputError(f"{scan}: no DICOM files in this folder{hint}; {EXPECTED}")
    return _of_cine(read_series(found, scan))


def _is_dicom(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(DICOM_MARK_AT + len(DICOM_MARK))[DICOM_MARK_AT:] == DICOM_MARK


def _of_cine(cine: Cine) -> tuple[Pair, dict]:
    images, found = at_keyframes(cine)
    notes = {"ed_frame": found["ed_frame"], "es_frame": found["es_frame"], "mended": list(cine.mended), "doubts": []}
    return _checked(Pair(cine.id, "scan", images, None, cine.spacing_mm, cine.slice_gap_mm)), notes


def _checked(pair: Pair) -> Pair:
    if len(pair.images) < LEAST_SLICES:
        raise InputError(f"{pair.id}: {len(pair.images)} slices; expected a short-axis stack of at least {LEAST_SLICES}")
    return pair


def _base_first(pair: Pair, file: Path, notes: dict) -> tuple[Pair, dict]:
    """The pair with its slices from base to apex, by the file's geometry or, where that says nothing, by the images."""
    _checked(pair)
    known = _affine_apex_first(file)
    if known if known is not None else _named(pair.id, apex_first, pair.images, pair.spacing_mm):
        pair = Pair(pair.id, pair.source, pair.images[::-1], None, pair.spacing_mm, pair.slice_gap_mm)
        notes["mended"].append(TURNED)
    return pair, notes


def _named(scan: str, finder, *arguments):
    """What a finder says; its complaint names the scan."""
    try:
        return finder(*arguments)
    except InputError as error:
        raise InputError(f"{scan}: {error}") from error


def _affine_apex_first(path: Path) -> bool | None:
    """Whether the affine puts the first slice at the apex; None where it was made up.

    A real short axis is oblique, and its affine has the header's spacing; ACDC's, for one, claims 1 mm along the patient's axes.
    """
    image = nib.load(path)
    sizes, zooms = np.linalg.norm(image.affine[:3, :3], axis=0), image.header.get_zooms()[:3]
    if not (np.isfinite(sizes).all() and np.allclose(sizes, zooms, rtol=0.01)):
        return None
    step = image.affine[:3, 2] / sizes[2] * (-1, -1, 1)  # NIfTI's x and y run against DICOM's
    along = float(step @ APEX_DIRECTION)
    return None if np.abs(step).max() > 0.999 or abs(along) < 0.3 else along < 0
