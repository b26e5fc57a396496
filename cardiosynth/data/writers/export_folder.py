"""What every export shares: an empty folder to write to, subjects that the layout can hold, the row that names each."""

from pathlib import Path

import numpy as np

from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import volume_ml
from cardiosynth.study.errors import InputError


def new_folder(root: Path, layout: str) -> Path:
    """An export's folder. Raises InputError where it already holds files, which would mix with the new ones."""
    root = Path(root)
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise InputError(f"{root}: not an empty folder; name a new one for the {layout} export")
    root.mkdir(parents=True, exist_ok=True)
    return root


def checked(subject: Subject, layout: str) -> Subject:
    """The subject, if the layout can hold it. Raises InputError where it has no masks."""
    if subject.masks is None:
        raise InputError(f"{subject.id}: no masks, and the {layout} layout has a mask for each image; export a cohort with masks")
    return subject


def row(subject: Subject, exported_as: str) -> dict:
    """What stands in the export: the subject's id, the name it was given, and the volumes of its voxels as written."""
    edv_ml, esv_ml = volume_ml(subject.masks, float(np.prod(subject.spacing_mm)), subject.slice_gap_mm)
    return {"id": subject.id, "exported_as": exported_as, "edv_ml": float(edv_ml), "esv_ml": float(esv_ml)}
