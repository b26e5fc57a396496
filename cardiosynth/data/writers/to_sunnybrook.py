"""Subjects in the layout of the Sunnybrook Cardiac Data: a DICOM cine, contours as text, and the table between them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cardiosynth.data.contours import outline, polygon_area
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LABELS, LV, ML_PER_MM3
from cardiosynth.data.writers.export_folder import checked, new_folder
from cardiosynth.data.writers.to_dicom import write_frames
from cardiosynth.study.errors import InputError

PARTS = {"train": "TrainingDataContours", "validation": "ValidationDataContours", "test": "OnlineDataContours", "extra_test": "OnlineDataContours"}
FIRST = 9001  # beyond the numbers of the real patients


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write subjects with masks: two phases a slice, LV contours at both, epicardial ones at ED only, as published.

    A contour follows the pixel edges of the largest LV component of its slice, holes filled. The RV is lost.
    Returns a row a subject: id, exported_as, and the volumes of the contours as written. Raises InputError for a
    folder that is not empty, a subject without masks and a split that is not known.
    """
    root, rows, table = new_folder(root, "Sunnybrook"), [], ["PatientID,OriginalID,Pathology"]
    for number, subject in enumerate(subjects, FIRST):
        checked(subject, "Sunnybrook")
        split = subject.extra.get("split", "train")
        if split not in PARTS:
            raise InputError(f"{subject.id}: split is {split!r}; expected one of {', '.join(PARTS)}")
        name, original = f"SCD{number * 100 + 1:07d}", f"SC-N-{number}"
        write_frames(subject, name, lambda row, phase: root / name / "CINESAX_1" / f"IM-0001-{2 * row + phase + 1:04d}.dcm")
        folder = root / "SCD_ManualContours" / PARTS[split] / original / "contours-manual" / "IRCCI-expert"
        edv_ml, esv_ml = _contours(folder, subject)
        table.append(f"{name},{original},Normal")
        rows.append({"id": subject.id, "exported_as": name, "edv_ml": edv_ml, "esv_ml": esv_ml})
    (root / "scd_patientdata.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    return rows


def _contours(folder: Path, subject: Subject) -> tuple[float, float]:
    """Write the contours and return the volumes inside those of the LV, at ED and ES, in ml."""
    folder.mkdir(parents=True, exist_ok=True)
    areas_px = [0.0, 0.0]
    for row, masks in enumerate(subject.masks):
        for phase, mask in enumerate(masks):
            if not (mask == LV).any():
                continue
            inner, number = outline(mask == LV), 2 * row + phase + 1
            areas_px[phase] += polygon_area(inner)
            _points(folder / f"IM-0001-{number:04d}-icontour-manual.txt", inner)
            if phase == 0:
                _points(folder / f"IM-0001-{number:04d}-ocontour-manual.txt", outline(np.isin(mask, (LV, LABELS["myocardium"]))))
    voxel_ml = subject.spacing_mm[0] * subject.spacing_mm[1] * subject.slice_gap_mm * ML_PER_MM3
    return areas_px[0] * voxel_ml, areas_px[1] * voxel_ml


def _points(path: Path, polygon: np.ndarray) -> None:
    np.savetxt(path, polygon, fmt="%.2f")
