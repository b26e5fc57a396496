"""Folders of DICOM files in which series are mixed."""

import shutil

import numpy as np
import pydicom

from dicom_files import shift, write_series

SLICES, PHASES, STEP_MS = 5, 6, 50


def write(folder, slices=SLICES, phases=PHASES, series=300, by=0.0, brighter=0, **tags):
    """A cine with frames of rising brightness; its files (slices, phases). by: mm along the stack."""
    files = np.array([[folder / f"IM-0001-{phases * row + phase + 1:04d}.dcm" for phase in range(phases)] for row in range(slices)])
    for row, made in enumerate(write_series(folder / "made", slices, series)[::2]):
        image = pydicom.dcmread(made)
        image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        uid, level = image.SOPInstanceUID, float(image.RescaleIntercept) + brighter
        for phase, path in enumerate(files[row]):
            image.TriggerTime, image.InstanceNumber = str(phase * STEP_MS), phases * row + phase + 1
            image.RescaleIntercept, image.SOPInstanceUID = f"{level + 2 * phase:.6f}", f"{uid}.{phase + 1}"[-60:].lstrip(".")
            for key, value in tags.items():
                setattr(image, key, value)
            image.save_as(path)
            shift(path, by) if by else None
    shutil.rmtree(folder / "made")
    return files
