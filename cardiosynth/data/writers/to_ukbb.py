"""A cohort in the layout of ukbb_cardiac, under made-up participant ids (``cardiosynth.data.readers.ukbb`` reads it)."""

from collections.abc import Iterable
from pathlib import Path

from cardiosynth.data.readers.ukbb import IMAGES, LABELS, MASKS, hashed_id
from cardiosynth.data.subject import Subject
from cardiosynth.data.writers import to_nifti
from cardiosynth.data.writers.export_folder import checked, new_folder, row

FIRST_EID = 9_000_001


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write participants 9000001, 9000002 ... as they come; the layout knows no splits.

    Returns a row a subject: id, exported_as (the hashed id, by the salt that is set), edv_ml, esv_ml.
    Raises InputError for a folder that is not empty, a subject without masks and where no salt is set.
    """
    root, rows = new_folder(root, "UK Biobank"), []
    for eid, subject in enumerate(subjects, start=FIRST_EID):
        name, masks = hashed_id(str(eid)), to_nifti.translate(checked(subject, "UK Biobank").masks, LABELS)
        for phase in range(2):
            to_nifti.save(root / str(eid) / IMAGES[phase], subject.images[:, phase], to_nifti.distances(subject))
            to_nifti.save(root / str(eid) / MASKS[phase], masks[:, phase], to_nifti.distances(subject))
        rows.append(row(subject, name))
    return rows
