"""A made-up heart whose volumes are counted from its voxels, and ACDC folders of it, written with nibabel."""

import gzip

import nibabel as nib
import numpy as np

SIZES_MM = (1.5, 1.5, 10.0)
OBLIQUE = np.array([[0.5, 0.62, 0.6], [0.66, -0.75, 0.05], [0.56, 0.22, -0.8]])  # roughly a short axis, squared below


def heart(shape=(48, 44, 6), seed=0):
    """Images (x, y, z, 2) and masks in ACDC's labels: a tapering LV in its wall with an RV on one side, off the middle."""
    x, y = np.mgrid[: shape[0], : shape[1]].astype(float)
    masks, rng = np.zeros((*shape, 2), np.uint8), np.random.default_rng(seed)
    for z in range(shape[2]):
        for phase, radius in enumerate((8.0, 6.0)):
            radius -= 0.8 * z
            far, right = np.hypot(x - 27, y - 19), np.hypot(x - 13, y - 17)
            masks[right < radius, z, phase] = 1
            masks[far < radius + 4, z, phase] = 2
            masks[far < radius, z, phase] = 3
    greys = np.array([110, 220, 100, 260])[masks] + 4.0 * y[:, :, None, None] / shape[1]
    return (greys + rng.normal(0, 3, masks.shape)).astype(np.int16), masks


def volumes(masks, sizes_mm=SIZES_MM, label=3):
    """EDV and ESV in ml, counted."""
    return [float((masks[..., phase] == label).sum() * np.prod(sizes_mm) / 1000) for phase in (0, 1)]


def oblique(sizes_mm=SIZES_MM):
    """An affine as a scanner's: square axes that lie along none of the patient's, the slices running towards the apex."""
    axes, _ = np.linalg.qr(OBLIQUE)
    axes *= np.sign((axes * OBLIQUE).sum(axis=0)) * [[-1], [-1], [1]]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * sizes_mm, (20.0, -30.0, 15.0)
    return affine


def write(folder, images=None, masks=None, change=None, affine=None, sizes_mm=SIZES_MM):
    """A patient of ACDC in ``folder``. change: takes a file's image and its kind (image or mask) and gives the one to be saved."""
    if images is None:
        images, masks = heart()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n", encoding="utf-8")
    for phase in (0, 1):
        for kind, stack, suffix in (("image", images, ""), ("mask", masks, "_gt")):
            nifti = nib.Nifti1Image(stack[..., phase], np.diag([-1.0, -1, 1, 1]) if affine is None else affine)
            nifti.header.set_zooms(sizes_mm)
            nifti = change(nifti, kind) if change else nifti
            nib.save(nifti, folder / f"{folder.name}_frame{phase + 1:02d}{suffix}.nii.gz")
    return folder


def edit_bytes(path, at, value):
    """Overwrite bytes of a packed file's content."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[at : at + len(value)] = value
    path.write_bytes(gzip.compress(bytes(content), 1))
