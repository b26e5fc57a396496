"""Files and folders damaged at random: one sentence, or the same scan, or a phrase that says what was done."""

import shutil
from contextlib import suppress

import numpy as np
import pytest

from cardiosynth.data.readers.dicom import read_series
from cardiosynth.data.readers.dicom_files import dicom_files
from cardiosynth.study.errors import InputError
from dicom_files import GAP_MM, SPACING_MM, bare, enhanced, other_object, write_series

CASES = 200
ODD = [b"", b"None", b"nan", b"inf", b"-1", b"0", b"1e9", b"1,5", b"1\\2", b"1\\2\\3", b"\xff\xfe", b"x" * 40, b"65535", b"2", b"MONOCHROME1", b"RGB"]
CLASSES = ["1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7", "1.2.3"]


def header_bytes(rng, path):
    """Bytes before the pixels overwritten."""
    data = bytearray(path.read_bytes())
    end = max(len(data) - 3840, 0)
    for at in rng.integers(0, end, rng.integers(1, 6)) if end else ():
        data[at] = rng.integers(256)
    path.write_bytes(data)


def length_or_value(rng, path):
    """The value of one element replaced by an odd one of the same length."""
    data = path.read_bytes()
    at, odd = int(rng.integers(132, max(len(data) - 3840, 133))), ODD[rng.integers(len(ODD))]
    path.write_bytes((data[:at] + odd + data[at + len(odd) :]) if rng.integers(2) else data[:at] + odd + data[at:])


def cut(rng, path):
    path.write_bytes(path.read_bytes()[: rng.integers(path.stat().st_size + 1)])


def lost(rng, path):
    path.unlink()


def renamed(rng, path):
    path.rename(path.with_name(["noname", "x.IMA", "IM.DCM", "1.2.840.113"][rng.integers(4)]))


def copied(rng, path):
    path.with_name("copy of it").write_bytes(path.read_bytes())


def without_mark(rng, path):
    with suppress(Exception):  # it may be damaged already
        bare(path)


def foreign(rng, path):
    other_object(path.with_name("foreign.dcm"), CLASSES[rng.integers(len(CLASSES))], Rows=int(rng.integers(0, 60)), Columns=40)


def junk(rng, path):
    path.with_name(["junk.dcm", "junk", "._junk.dcm", "DICOMDIR"][rng.integers(4)]).write_bytes(rng.bytes(300))


DAMAGES = [header_bytes, header_bytes, length_or_value, length_or_value, cut, lost, renamed, copied, without_mark, foreign, junk]


def undamaged(cine, once):
    return (
        cine.frames.shape == once.frames.shape
        and cine.spacing_mm == SPACING_MM
        and cine.slice_gap_mm == pytest.approx(GAP_MM, abs=1e-3)
        and np.diff(cine.positions_mm) == pytest.approx(GAP_MM, abs=0.5)
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["single", "enhanced"])
def test_no_damage_gives_a_traceback_or_another_geometry_in_silence(tmp_path, kind):
    original = tmp_path / "original"
    files = write_series(original)
    if kind == "enhanced":
        enhanced(tmp_path / "many" / "many.dcm", files)
        original = tmp_path / "many"
    once = read_series(dicom_files(original), "scan")
    rng, outcomes = np.random.default_rng(2022), {"refused": 0, "said": 0, "same": 0}
    for case in range(CASES if kind == "single" else CASES // 3):
        folder = tmp_path / f"case{case}"
        shutil.copytree(original, folder)
        for _ in range(rng.integers(1, 3)):
            left = sorted(folder.iterdir())
            DAMAGES[rng.integers(len(DAMAGES))](rng, left[rng.integers(len(left))]) if left else None
        try:
            cine = read_series(dicom_files(folder), "scan")
        except InputError as error:
            assert "\n" not in str(error), case
            outcomes["refused"] += 1
        else:
            said = cine.mended + cine.doubts
            assert said or undamaged(cine, once), case
            outcomes["said" if said else "same"] += 1
        shutil.rmtree(folder)
    assert min(outcomes.values()) > 5, outcomes
