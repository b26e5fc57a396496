"""A subject's ED and ES frames as MR image files in DICOM, the same bytes each time and nobody's identity in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from cardiosynth.data.subject import Subject

NORMAL = np.array([0.6, -0.6, -0.5]) / np.linalg.norm([0.6, -0.6, -0.5])  # base to apex: left, front and foot of the patient
ROW = np.cross(NORMAL, (0.0, 0.0, 1.0)) / np.linalg.norm(np.cross(NORMAL, (0.0, 0.0, 1.0)))
COLUMN = np.cross(NORMAL, ROW)
TRIGGER_MS = (0.0, 300.0)  # ED, ES
LEVELS = 4095  # 12 bits, as scanners store


def write_frames(subject: Subject, name: str, path_of: Callable[[int, int], Path], series_of: Callable[[int], int] = lambda row: 1) -> None:
    """Write every slice at ED and ES as one file each.

    name: PatientID and what all UIDs derive from. path_of(slice, phase): the file. series_of(slice): SeriesNumber.
    Slices lie ``slice_gap_mm`` apart along a short-axis normal, base first. Images that are not 16-bit integers are
    stored in 12 bits with a slope and an intercept that give them back to 1/8190 of their range.
    """
    stored, slope, intercept = _integers(subject.images)
    for row in range(len(stored)):
        for phase in range(2):
            path = path_of(row, phase)
            path.parent.mkdir(parents=True, exist_ok=True)
            image = _image(subject, stored[row, phase], name, row, phase, series_of(row))
            if (slope, intercept) != (1.0, 0.0):
                image.RescaleSlope, image.RescaleIntercept, image.RescaleType = _decimal(slope), _decimal(intercept), "US"
            image.save_as(path, enforce_file_format=True)


def _integers(images: np.ndarray) -> tuple[np.ndarray, float, float]:
    """uint16 or int16 images with the slope and the intercept that turn them back."""
    if images.dtype in (np.uint16, np.int16):
        return images, 1.0, 0.0
    if images.dtype == np.uint8:
        return images.astype(np.uint16), 1.0, 0.0
    images = images.astype(np.float64)
    low, high = images.min(), images.max()
    slope = float(DSfloat((high - low) / LEVELS or 1.0, auto_format=True))
    intercept = float(DSfloat(low, auto_format=True))
    return np.clip(np.rint((images - intercept) / slope), 0, LEVELS).astype(np.uint16), slope, intercept


def _image(subject: Subject, pixels: np.ndarray, name: str, row: int, phase: int, series: int) -> FileDataset:
    number = 2 * row + phase + 1
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = _uid(name, "image", number)
    image = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID, image.Modality = MRImageStorage, meta.MediaStorageSOPInstanceUID, "MR"
    image.ImageType = ["DERIVED", "SECONDARY", "M", "SE"]
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "", name, "", ""
    image.StudyDate = image.StudyTime = image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = image.Manufacturer = ""
    image.StudyInstanceUID, image.SeriesInstanceUID = _uid(name, "study"), _uid(name, "series", series)
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = _uid(name, "frame"), ""
    image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = series, number, 1
    image.ScanningSequence, image.SequenceVariant, image.ScanOptions, image.MRAcquisitionType = "GR", "SS", "", "2D"
    image.EchoTime = image.EchoTrainLength = image.RepetitionTime = ""
    image.CardiacNumberOfImages, image.TriggerTime = 2, _decimal(TRIGGER_MS[phase])
    image.SliceThickness = image.SpacingBetweenSlices = _decimal(subject.slice_gap_mm)
    image.PixelSpacing = [_decimal(size) for size in subject.spacing_mm]
    image.ImagePositionPatient = [_decimal(value) for value in _corner(subject) + row * subject.slice_gap_mm * NORMAL]
    image.ImageOrientationPatient = [_decimal(value) for value in (*ROW, *COLUMN)]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.set_pixel_data(np.ascontiguousarray(pixels), "MONOCHROME2", 16, generate_instance_uid=False)
    return image


def _corner(subject: Subject) -> np.ndarray:
    """Where the first pixel of the first slice lies, so that the slices' centres are on the line through the origin."""
    rows, columns = subject.images.shape[-2:]
    row_mm, column_mm = subject.spacing_mm
    return -(columns - 1) / 2 * column_mm * ROW - (rows - 1) / 2 * row_mm * COLUMN


def _decimal(value: float) -> DSfloat:
    return DSfloat(float(value), auto_format=True)


def _uid(name: str, *what) -> str:
    return generate_uid(entropy_srcs=["cardiosynth", name, *map(str, what)])
