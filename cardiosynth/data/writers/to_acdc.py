"""A cohort in ACDC's official layout, wrong affine included (``cardiosynth.data.readers.acdc`` reads it)."""

from collections.abc import Iterable
from pathlib import Path

from cardiosynth.data.subject import Subject
from cardiosynth.data.writers import to_nifti
from cardiosynth.data.writers.export_folder import checked, new_folder, row
from cardiosynth.study.errors import InputError

MOST_PATIENTS = 999
FRAMES = (1, 2)


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write patient001, patient002 ... as they come; train and validation go to training/, the others to testing/.

    Frame 1 is ED, frame 2 ES. Returns a row a subject: id, exported_as, edv_ml, esv_ml.
    Raises InputError for a folder that is not empty, a subject without masks and a thousandth patient.
    """
    root, rows = new_folder(root, "ACDC"), []
    for number, subject in enumerate(subjects, start=1):
        if number > MOST_PATIENTS:
            raise InputError(f"{subject.id}: the {number}th patient, and ACDC's names have three digits; export {MOST_PATIENTS} at most")
        rows.append(_write_patient(root, f"patient{number:03d}", checked(subject, "ACDC")))
    return rows


def _write_patient(root: Path, name: str, subject: Subject) -> dict:
    part = "training" if subject.extra.get("split", "train") in ("train", "validation") else "testing"
    folder = root / part / name
    for phase, frame in enumerate(FRAMES):
        for data, suffix in ((subject.images, ""), (subject.masks, "_gt")):
            to_nifti.save(folder / f"{name}_frame{frame:02d}{suffix}.nii.gz", data[:, phase], to_nifti.distances(subject), affine_mm=False)
    group = subject.extra.get("group", "")
    (folder / "Info.cfg").write_text(f"ED: {FRAMES[0]}\nES: {FRAMES[1]}\nGroup: {group}\nNbFrame: {len(FRAMES)}\n", encoding="utf-8")
    return row(subject, name)
