import traceback

import nibabel as nib
import numpy as np
import pytest

from acdc_files import stack
from cardiosynth.data.readers import ukbb
from cardiosynth.study.errors import InputError

EID, OTHER = "9123456", "9123457"
THEIRS = np.array([0, 3, 2, 1], np.int16)  # ACDC's label -> ukbb_cardiac's: 1 LV, 2 myocardium, 3 RV
SPACING = (1.8, 1.5, 10.0)  # x, y, z


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("CARDIOSYNTH_SALT", "0123456789abcdef")
    for eid in (EID, OTHER):
        folder = tmp_path / "bank" / eid
        folder.mkdir(parents=True)
        for phase, radius in (("ED", 9), ("ES", 6)):
            image, mask = stack(radius)
            for data, name in ((image.astype(np.float32), f"sa_{phase}"), (THEIRS[mask], f"label_sa_{phase}")):
                nib.Nifti1Image(data, np.diag([*SPACING, 1])).to_filename(folder / f"{name}.nii.gz")
    return tmp_path / "bank"


def scan_of(root, eid):
    return next(scan for scan in ukbb.find(root) if scan.id == ukbb.hashed_id(eid))


def test_a_participant_in_the_projects_labels_and_units(root):
    subject = ukbb.read(scan_of(root, EID))
    expected = [(stack(radius)[1] == 3).sum() * np.prod(SPACING) / 1000 for radius in (9, 6)]
    assert (subject.edv_ml, subject.esv_ml) == pytest.approx(expected)
    assert np.array_equal(subject.masks[:, 0], stack(9)[1].T) and np.array_equal(subject.images[:, 1], stack(6)[0].T)
    assert subject.spacing_mm == pytest.approx((1.5, 1.8)) and subject.slice_gap_mm == 10


def test_the_id_is_hmac_sha256_keyed_by_the_salt(root, monkeypatch):
    """The value was made with 'openssl dgst -sha256 -hmac'."""
    assert ukbb.hashed_id(EID) == "ukb-a09a21afbc89"
    monkeypatch.setenv("CARDIOSYNTH_SALT", "another salt of 16+")
    assert ukbb.hashed_id(EID) != "ukb-a09a21afbc89"


def test_nothing_that_leaves_the_reader_holds_an_eid(root):
    scans = ukbb.find(root)
    assert len({scan.id for scan in scans}) == 2 and {scan.part for scan in scans} == {"train"}
    assert [scan.id for scan in scans] == sorted(scan.id for scan in scans)
    for said in (repr(scans), repr([ukbb.read(scan) for scan in scans])):
        assert EID not in said and OTHER not in said and "ukb-" in said


def remove(folder):
    (folder / "label_sa_ES.nii.gz").unlink()


def truncate(folder):
    (folder / "sa_ES.nii.gz").write_bytes((folder / "sa_ES.nii.gz").read_bytes()[:300])


def swap(folder):
    for name in ("sa", "label_sa"):
        (folder / f"{name}_ED.nii.gz").rename(folder / "kept.nii.gz")
        (folder / f"{name}_ES.nii.gz").rename(folder / f"{name}_ED.nii.gz")
        (folder / "kept.nii.gz").rename(folder / f"{name}_ES.nii.gz")


def grey(folder):
    nib.Nifti1Image((THEIRS[stack(9)[1]] * 85).astype(np.int16), np.diag([*SPACING, 1])).to_filename(folder / "label_sa_ED.nii.gz")


def other_shape(folder):
    nib.Nifti1Image(stack(6, (40, 36, 5))[0], np.diag([*SPACING, 1])).to_filename(folder / "sa_ES.nii.gz")


@pytest.mark.parametrize(
    "damage, message",
    [
        (remove, "label_sa_ES.nii.gz: missing"),
        (truncate, "sa_ES.nii.gz: cannot be read as NIfTI"),
        (swap, "frames swapped"),
        (grey, "label_sa_ED.nii.gz: mask labels 85, 170, 255 look like .* 1 LV, 2 myocardium, 3 RV"),
        (other_shape, r"sa_ES.nii.gz: shape \(40, 36, 5\) with"),
    ],
)
def test_a_message_names_the_hashed_id_and_never_the_eid(root, damage, message):
    damage(root / EID)
    with pytest.raises(InputError, match=message) as caught:
        ukbb.read(scan_of(root, EID))
    printed = "".join(traceback.format_exception(caught.value))
    assert ukbb.hashed_id(EID) in str(caught.value) and EID not in printed and "\n" not in str(caught.value)
    assert ukbb.read(scan_of(root, OTHER)).edv_ml > 0


@pytest.mark.parametrize("salt", [None, "", "fifteen letters"])
def test_without_a_salt_nothing_is_read_and_the_message_says_how_to_make_one(root, monkeypatch, salt):
    scan = ukbb.find(root)[0]
    monkeypatch.delenv("CARDIOSYNTH_SALT") if salt is None else monkeypatch.setenv("CARDIOSYNTH_SALT", salt)
    for call in (lambda: ukbb.find(root), lambda: ukbb.read(scan)):
        with pytest.raises(InputError, match=r"CARDIOSYNTH_SALT: \d+ characters; .*secrets.token_hex\(16\).* keep it the same"):
            call()


def test_another_salt_than_at_first_is_noticed(root, monkeypatch):
    scan = ukbb.find(root)[0]
    monkeypatch.setenv("CARDIOSYNTH_SALT", "a different secret")
    with pytest.raises(InputError, match="no folder has this hashed id; is CARDIOSYNTH_SALT the one"):
        ukbb.read(scan)


def test_a_wrong_folder_is_refused_without_naming_a_participant(root):
    for wrong in (root / EID, root / EID / "sa_ED.nii.gz", root / "9999999"):
        with pytest.raises(InputError, match="<eid>") as caught:
            ukbb.find(wrong)
        assert not {EID, "9999999"} & set(str(caught.value).replace(":", "/").split("/"))
