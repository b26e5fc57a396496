"""Two thousand damaged patients: each is refused in one sentence, or its volumes are right, or something is said about it.

The damage is drawn at random from what happens to files: header bytes, units, affines, axes, labels, slices, names, folders.
"""

import gzip
import shutil
from itertools import permutations

import nibabel as nib
import numpy as np
import pytest

from cardiosynth.data.preprocessing import place, prepare
from cardiosynth.data.quality import record
from cardiosynth.data.readers import acdc
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid
from nifti_hearts import heart, oblique, volumes

IMAGES, MASKS = heart(shape=(40, 36, 6))
SIZES_MM = (2.5, 2.5, 12.0)
RIGHT = volumes(MASKS, SIZES_MM)
GRID = Grid(size_px=32, extent_mm=100.0, minimum_slices=3)
NAMES = {(phase, kind): f"patient001_frame0{phase + 1}{'_gt' * (kind == 'mask')}.nii.gz" for phase in (0, 1) for kind in ("image", "mask")}
SLACK = 0.02  # distances that agree to 1 % are not told apart


def patient(affine):
    """The four files as NIfTI objects, and Info.cfg."""
    files = {}
    for (phase, kind), name in NAMES.items():
        files[name] = nib.Nifti1Image((IMAGES if kind == "image" else MASKS)[..., phase], affine)
        files[name].header.set_zooms(SIZES_MM)
    return files


def some(rng, kind=None):
    """The name of one file, or those of all of a kind."""
    names = [name for (_, this), name in NAMES.items() if kind in (None, this)]
    return str(rng.choice(names))


def rebuilt(nifti, array=None, affine=None):
    result = nib.Nifti1Image(np.asarray(nifti.dataobj) if array is None else array, nifti.affine if affine is None else affine)
    result.header.set_zooms(nifti.header.get_zooms())
    return result


def relabelled(rng, files):
    order = np.array([0, *list(permutations((1, 2, 3)))[rng.integers(1, 6)]], np.uint8)
    for (_, kind), name in NAMES.items():
        if kind == "mask":
            files[name] = rebuilt(files[name], order[np.asarray(files[name].dataobj)])


def strange_labels(rng, files):
    name = some(rng, "mask")
    files[name] = rebuilt(files[name], (np.asarray(files[name].dataobj) * rng.choice([85, 0.5, 1.37, -1, 100])).astype(np.float32))


def nearly_labels(rng, files):
    name = some(rng, "mask")
    files[name] = rebuilt(files[name], (np.asarray(files[name].dataobj) * rng.uniform(0.9985, 1.0015)).astype(np.float32))


def undrawn(rng, files):
    row = int(rng.integers(1, 4))
    for phase in rng.choice([[0, 0], [1, 1], [0, 1]]):
        name = NAMES[int(phase), "mask"]
        array = np.asarray(files[name].dataobj).copy()
        array[:, :, row] = 0
        files[name] = rebuilt(files[name], array)


def reversed_without_a_trace(rng, files):
    axis = int(rng.integers(0, 3))
    for (_, kind), name in NAMES.items():
        if kind == "mask":
            files[name] = rebuilt(files[name], np.flip(np.asarray(files[name].dataobj), axis))


def turned(rng, files):
    """One file or all of them, on other axes, as their affines say."""
    orientation = np.column_stack([rng.permutation(3), rng.choice([-1, 1], 3)])
    for name in rng.choice([[some(rng)] * 4, list(NAMES.values())]):
        files[str(name)] = files[str(name)].as_reoriented(orientation)


def moved(rng, files):
    name, affine = some(rng), None
    affine = files[name].affine.copy()
    affine[:3, 3] += rng.normal(0, 40, 3)
    files[name] = rebuilt(files[name], affine=affine)


def other_distances(rng, files):
    for name in rng.choice([[some(rng)] * 4, list(NAMES.values())]):
        header = files[str(name)].header
        header["pixdim"][1 + int(rng.integers(0, 3))] = rng.choice([0, -1, 1, 2, 8, 12, np.nan, np.inf, 1e5])


def other_unit(rng, files):
    unit = str(rng.choice(["meter", "micron", "unknown"]))
    factor = {"meter": 1e-3, "micron": 1e3, "unknown": 1.0}[unit] if rng.random() < 0.5 else 1.0
    for name in NAMES.values():
        zooms = np.multiply(files[name].header.get_zooms(), factor)
        files[name] = nib.Nifti1Image(np.asarray(files[name].dataobj), files[name].affine * np.array([[factor]] * 3 + [[1]]))
        files[name].header.set_zooms(zooms)
        files[name].header.set_xyzt_units(unit)


def exchanged_phases(rng, files):
    kind = str(rng.choice(["image", "mask"]))
    one, other = NAMES[0, kind], NAMES[1, kind]
    files[one], files[other] = files[other], files[one]


def longer_shape(rng, files):
    name = some(rng)
    array = np.asarray(files[name].dataobj)
    result = nib.Nifti1Image(array.reshape(*array.shape, *[1] * int(rng.integers(1, 4))), files[name].affine)
    result.header.set_zooms((*SIZES_MM, *[1] * (result.ndim - 3)))
    files[name] = result


def other_pixels(rng, files):
    name = some(rng)
    kind = np.dtype(rng.choice(["f4", "f8", "i4", "u2", "c8"]))
    files[name] = rebuilt(files[name], np.asarray(files[name].dataobj).astype(kind))


OF_OBJECTS = [
    relabelled,
    strange_labels,
    nearly_labels,
    undrawn,
    reversed_without_a_trace,
    turned,
    moved,
    other_distances,
    other_unit,
    exchanged_phases,
    longer_shape,
    other_pixels,
]


def header_bytes(rng, folder):
    path = folder / some(rng)
    content = bytearray(gzip.decompress(path.read_bytes()))
    start = int(rng.integers(0, 348))
    for at in range(start, min(start + int(rng.integers(1, 5)), 348)):
        content[at] = int(rng.integers(0, 256))
    path.write_bytes(gzip.compress(bytes(content), 1))


def file_bytes(rng, folder):
    path = folder / some(rng)
    content = bytearray(path.read_bytes())
    for at in rng.integers(0, len(content), int(rng.integers(1, 20))):
        content[at] = int(rng.integers(0, 256))
    path.write_bytes(bytes(content))


def cut(rng, folder):
    path = folder / some(rng)
    path.write_bytes(path.read_bytes()[: int(rng.integers(0, path.stat().st_size))])


def foreign(rng, folder):
    starts = [b"", b"PK\x03\x04", b"<html>", b"version https://git-lfs", b"\x1f\x8b\x08", b"\x00\x05\x16\x07", bytes(128) + b"DICM"]
    (folder / some(rng)).write_bytes(starts[rng.integers(0, len(starts))] + rng.bytes(int(rng.integers(0, 900))))


def renamed(rng, folder):
    path = folder / some(rng)
    how = int(rng.integers(0, 5))
    if how < 3:
        path.rename(folder / [path.name.upper(), path.name.replace(".nii.gz", ".NII.GZ"), path.name + ".bak"][how])
    else:
        (path if how == 3 else path.with_suffix("")).write_bytes(gzip.decompress(path.read_bytes()))


def taken_away(rng, folder):
    path = folder / str(rng.choice([*NAMES.values(), "Info.cfg"]))
    path.unlink()
    if rng.random() < 0.3:
        path.mkdir()


def littered(rng, folder):
    for name in list(NAMES.values()):
        (folder / f"._{name}").write_bytes(b"\x00\x05\x16\x07" + rng.bytes(90))
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "~$Info.cfg").write_bytes(b"x")
    (folder.parent / "__MACOSX").mkdir()
    (folder.parent / "._patient001").write_bytes(b"x")


def other_info(rng, folder):
    lines = ["ED: 1", "ES: 2", "ED: 2", "ES: 1", "ED: 0", "ES: 99", "ED: one", "", "ED:", ": :", "Group: \u00e9\u4e2d", "\ufeffED: 1"]
    text = "\n".join(rng.choice(lines, int(rng.integers(0, 6))))
    (folder / "Info.cfg").write_bytes(text.encode(str(rng.choice(["utf-8", "utf-16", "utf-8-sig"]))))


OF_FILES = [header_bytes, header_bytes, header_bytes, file_bytes, cut, foreign, renamed, taken_away, littered, other_info]


def outcome(root):
    """The subject, or the sentence that refuses it."""
    try:
        (scan,) = acdc.find(root)
        subject = acdc.read(scan)
        subject.extra["split"] = scan.part
        placement = place(subject, GRID)
        prepare(subject, GRID, placement)
        return subject, record(subject, placement, GRID)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 900
        return None, None


def complaint(subject, row):
    """What is wrong with a subject that nothing is said about; nothing where it is right or something is said."""
    if row["remarks"] or row["note"]:
        return ""
    if not np.allclose([subject.edv_ml, subject.esv_ml], RIGHT, rtol=SLACK):
        return f"volumes {subject.edv_ml:.1f} and {subject.esv_ml:.1f} ml instead of {RIGHT[0]:.1f} and {RIGHT[1]:.1f}"
    blood = subject.images[subject.masks == 3].mean()
    return "" if blood > 1.5 * subject.images[subject.masks == 2].mean() else f"masks beside the heart: blood {blood:.0f}"


def damaged(seed, root):
    """Writes the patient of this seed; returns what was done to it."""
    rng = np.random.default_rng(seed)
    folder = root / "training" / "patient001"
    folder.mkdir(parents=True)
    files = patient(oblique(SIZES_MM) if rng.random() < 0.6 else np.diag([-1.0, -1, 1, 1]))
    kinds = [OF_OBJECTS[rng.integers(0, len(OF_OBJECTS))]] if rng.random() < 0.5 else []
    for kind in kinds:
        kind(rng, files)
    for name, nifti in files.items():
        (folder / name).write_bytes(gzip.compress(nifti.to_bytes(), 1))
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n", encoding="utf-8")
    if not kinds or rng.random() < 0.2:
        kinds.append(OF_FILES[rng.integers(0, len(OF_FILES))])
        kinds[-1](rng, folder)
    return [kind.__name__ for kind in kinds]


def test_nothing_is_said_of_the_patient_as_long_as_it_is_whole(tmp_path):
    folder = tmp_path / "training" / "patient001"
    folder.mkdir(parents=True)
    for name, nifti in patient(oblique(SIZES_MM)).items():
        (folder / name).write_bytes(gzip.compress(nifti.to_bytes(), 1))
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\n", encoding="utf-8")
    subject, row = outcome(tmp_path)
    assert [subject.edv_ml, subject.esv_ml] == pytest.approx(RIGHT) and not row["remarks"] and not row["note"]


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(20))
def test_no_traceback_and_no_wrong_volume_in_silence(tmp_path, hundred):
    wrong, read = [], 0
    for seed in range(100 * hundred, 100 * hundred + 100):
        root = tmp_path / str(seed)
        kinds = damaged(seed, root)
        try:
            subject, row = outcome(root)
        except Exception as error:
            raise AssertionError(f"case {seed}, {kinds}: {type(error).__name__}: {error}") from error
        read += subject is not None
        if subject is not None and (said := complaint(subject, row)):
            wrong.append(f"case {seed}, {kinds}: {said}")
        shutil.rmtree(root)
    assert not wrong, "\n".join(wrong)
    assert 20 <= read <= 90, "the damage must neither spare nor spoil everything"
