"""A folder of DICOM files read as the readers do."""

from cardiosynth.data.readers.dicom import read_series


def read(folder):
    return read_series(sorted(folder.rglob("*.dcm")), "cone")
