"""A tiny data set in ACDC's official layout, written with nibabel, wrong affine included."""

import nibabel as nib
import numpy as np

FRAMES = {"ED": 1, "ES": 9}


def stack(radius_px, shape=(40, 36, 6), seed=0):
    """(x, y, slice) image and mask: an LV disc in a myocardial ring with an RV beside it, smaller towards the apex."""
    x, y = np.mgrid[: shape[0], : shape[1]]
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    for z in range(shape[2]):
        r = np.hypot(x - shape[0] / 2, y - shape[1] / 2) + z * 0.5
        mask[:, :, z] = np.where(r <= radius_px, 3, np.where(r <= radius_px + 3, 2, np.where((r <= radius_px + 5) & (x < 15), 1, 0)))
    return rng.normal(100, 5, shape).astype(np.int16) + 60 * (mask == 3).astype(np.int16), mask


def write_patient(folder, spacing=(1.5, 1.25, 10.0), radii=(9, 6), seed=0):
    """One patient; returns EDV and ESV in ml from plain voxel counts."""
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text(f"ED: {FRAMES['ED']}\nES: {FRAMES['ES']}\nGroup: NOR\nHeight: 180.0\nNbFrame: 20\nWeight: 80.0\n")
    volumes = []
    for number, radius in zip(FRAMES.values(), radii):
        image, mask = stack(radius, seed=seed)
        for data, suffix in ((image, ""), (mask, "_gt")):
            nifti = nib.Nifti1Image(data, np.eye(4))
            nifti.header.set_zooms(spacing)  # pixdim is right, the affine says 1 mm
            nifti.to_filename(folder / f"{folder.name}_frame{number:02d}{suffix}.nii.gz")
        volumes.append((mask == 3).sum() * np.prod(spacing) / 1000)
    return volumes
