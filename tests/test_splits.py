import pytest

from cardiosynth.datasets.splits import load_split
from cardiosynth.errors import InputError

TWO = "dataset,id,split\nacdc,p1,train\nmnms,p1,test\nacdc,p2,excluded\nmnms,p3,validation\n"


def write(folder, text):
    path = folder / "mine.csv"
    path.write_text(text)
    return path


def test_the_excluded_are_left_away_and_remarks_ignored(tmp_path):
    path = write(tmp_path, "# made by hand\nid,split,reason\n001,train,\n002,excluded,twin\n003,extra_test,\n")
    assert load_split(path) == load_split(path, "acdc") == {"001": "train", "003": "extra_test"}


def test_one_file_holds_two_datasets(tmp_path):
    path = write(tmp_path, TWO)
    assert load_split(path, "acdc") == {"p1": "train"}
    assert load_split(path, "mnms") == {"p1": "test", "p3": "validation"}
    with pytest.raises(InputError, match="mine.csv: no row of dataset ukbb, only of acdc, mnms"):
        load_split(path, "ukbb")


@pytest.mark.parametrize(
    "text, message",
    [
        ("patient,part\n1,2\n", "columns patient, part; expected id and split"),
        ("id,split\np,tset\n", "unknown split 'tset'"),
        ("id,split\np,\n", "unknown split ''"),
        ("id,split\np,train\np,test\n", "p stands twice"),
        (TWO, "p1 stands twice"),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_bad_split_file_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match="mine.csv: " + message) as caught:
        load_split(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_split_file_is_named(tmp_path):
    with pytest.raises(InputError, match="other.csv: no such split file"):
        load_split(tmp_path / "other.csv")
