"""Small DICOM cines, written with pydicom by the project's own exports, and ways to make them bad."""

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from cardiosynth.data.contours import coverage
from cardiosynth.data.subject import Subject
from cardiosynth.data.writers.to_dicom import write_frames

GAP_MM, SPACING_MM = 8.0, (1.5, 1.25)


def circle(centre, radius_px, count=360):
    """A polygon (points, 2) around a disc; its area is 0.005 % below the disc's."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([centre[0] + radius_px * np.cos(angles), centre[1] + radius_px * np.sin(angles)])


def heart(slices=5, shape=(40, 48), split="test"):
    """A cone of discs: LV radius 9 px at ED and 6 px at ES, less towards the apex; each slice has a brightness of its own."""
    masks = np.zeros((slices, 2, *shape), np.uint8)
    for row in range(slices):
        for phase, radius in enumerate((9.0, 6.0)):
            for size, label in ((radius + 4, 2), (radius, 3)):
                masks[row, phase][coverage(circle((24, 20), size - 0.5 * row), shape) >= 0.5] = label
    images = 40.0 + 10 * np.arange(slices)[:, None, None, None] + np.choose(masks, [0, 0, 60, 300]).astype(np.float32)
    volumes = (masks == 3).sum(axis=(0, 2, 3)) * np.prod(SPACING_MM) * GAP_MM / 1000
    return Subject("cone", "test", images, masks, SPACING_MM, GAP_MM, float(volumes[0]), float(volumes[1]), {"split": split})


def write_series(folder, slices=5, series=300, name="cone"):
    """One series in one folder, two frames a slice; returns its files in order."""
    write_frames(heart(slices), name, lambda row, phase: folder / f"IM-0001-{2 * row + phase + 1:04d}.dcm", lambda row: series)
    return sorted(folder.glob("*.dcm"))


def edit(path, **tags):
    """Set tags of a file; None removes one."""
    image = pydicom.dcmread(path)
    for key, value in tags.items():
        if value is None:
            delattr(image, key)
        else:
            setattr(image, key, value)
    image.save_as(path)


def shift(path, mm):
    """Move a file's slice along its normal."""
    image = pydicom.dcmread(path)
    axes = np.array(image.ImageOrientationPatient, float)
    moved = np.array(image.ImagePositionPatient, float) + mm * np.cross(axes[:3], axes[3:])
    image.ImagePositionPatient = [f"{value:.6f}" for value in moved]
    image.save_as(path)


def blacken(path):
    """Make every pixel zero, without a slope."""
    image = pydicom.dcmread(path)
    image.set_pixel_data(np.zeros((image.Rows, image.Columns), np.uint16), "MONOCHROME2", 16, generate_instance_uid=False)
    image.RescaleSlope, image.RescaleIntercept = 1, 0
    image.save_as(path)


def bare(path):
    """Take away the preamble, the mark and the meta information, as some anonymisers do; what is left is implicit little endian."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, pydicom.Dataset(pydicom.dcmread(path)))
    path.write_bytes(out.getvalue())


def other_object(path, sop_class, **tags):
    """Write an object of another class than MR images."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID = sop_class, ExplicitVRLittleEndian, "1.2.3.4"
    image = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID, image.SeriesNumber = sop_class, "1.2.3.4", 99
    for key, value in tags.items():
        setattr(image, key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


def enhanced(path, files, sop_class="1.2.840.10008.5.1.4.1.1.4.1", order=None, time="NominalCardiacTriggerDelayTime", **tags):
    """Write single images into one enhanced multi-frame file, in the order given."""
    images = [pydicom.dcmread(file) for file in files]
    images = [images[at] for at in (order if order is not None else range(len(images)))]
    first = images[0]
    shared, each = (
        [_groups(PixelMeasures={"PixelSpacing": first.PixelSpacing}, PlaneOrientation={"ImageOrientationPatient": first.ImageOrientationPatient})],
        [],
    )
    for image in images:
        own = {
            "PlanePosition": {"ImagePositionPatient": image.ImagePositionPatient},
            "PixelValueTransformation": {"RescaleSlope": image.RescaleSlope, "RescaleIntercept": image.RescaleIntercept},
        }
        if time == "TemporalPositionIndex":
            own["FrameContent"] = {time: 1 + (image.TriggerTime > 0)}
        elif time == "TriggerTime":
            own["UnassignedPerFrameConvertedAttributes"] = {time: image.TriggerTime}
        elif time:
            own["CardiacSynchronization"] = {time: float(image.TriggerTime)}
        each.append(_groups(**own))
    del first.PixelSpacing, first.ImagePositionPatient, first.ImageOrientationPatient
    del first.TriggerTime, first.RescaleSlope, first.RescaleIntercept
    first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = sop_class
    first.NumberOfFrames, first.PixelData = len(images), b"".join(image.PixelData for image in images)
    first.SharedFunctionalGroupsSequence, first.PerFrameFunctionalGroupsSequence = shared, each
    for key, value in tags.items():
        setattr(first, key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save_as(path)
    return path


def _groups(**groups):
    result = pydicom.Dataset()
    for name, tags in groups.items():
        item = pydicom.Dataset()
        for key, value in tags.items():
            setattr(item, key, value)
        setattr(result, f"{name}Sequence", [item])
    return result
