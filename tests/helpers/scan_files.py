"""One heart in each of the forms that a scan comes in."""

import numpy as np

from cardiosynth.data.writers import to_nifti
from cardiosynth.data.writers.to_dicom import write_frames
from model_files import GAP_MM, SPACING_MM, cone

HEART = cone("cone", 1)


def pair_files(folder, images=HEART.images, distances=(*SPACING_MM, GAP_MM)):
    """ED and ES as two files; returns the scan as it is named."""
    for phase, name in enumerate(("ed", "es")):
        to_nifti.save(folder / f"{name}.nii.gz", images[:, phase], distances)
    return f"{folder / 'ed.nii.gz'},{folder / 'es.nii.gz'}"


def cine_file(path, first=0, slices=slice(None)):
    """A cine of 12 phases that goes from ED (phase ``first``) to ES five phases later and back."""
    share = 0.5 - 0.5 * np.cos(np.pi * np.array([0, 0.2, 0.4, 0.6, 0.8, 1, 0.85, 0.7, 0.5, 0.3, 0.15, 0.05]))
    ed, es = HEART.images[slices, :1], HEART.images[slices, 1:]
    frames = np.concatenate([(1 - s) * ed + s * es for s in np.roll(share, first)], axis=1)
    to_nifti.save(path, frames, (*SPACING_MM, GAP_MM))
    return str(path)


def dicom_folder(folder, ending=".dcm"):
    write_frames(HEART, "cone", lambda row, phase: folder / f"IM{2 * row + phase:03d}{ending}")
    return str(folder)
