import pandas as pd
import pytest

from cardiosynth.data.splits import imbalanced, load_split
from cardiosynth.study.errors import InputError

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
        ("", "columns none, as the file is empty; expected id and split"),
    ],
)
def test_a_bad_split_file_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match="mine.csv: " + message) as caught:
        load_split(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_split_file_is_named(tmp_path):
    with pytest.raises(InputError, match="other.csv: no such split file"):
        load_split(tmp_path / "other.csv")


def test_a_folder_holds_a_file_for_each_dataset(tmp_path):
    for name, text in (("acdc", "id,split\np1,train\n"), ("mnms", "id,split\nq1,test\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    assert load_split(tmp_path, "acdc") == {"p1": "train"} and load_split(tmp_path, "mnms") == {"q1": "test"}
    with pytest.raises(InputError, match="ukbb.csv: no such split file"):
        load_split(tmp_path, "ukbb")


def test_an_imbalanced_split_by_hand():
    """Five of EF below 40 % (20 to 36), ten above: of the five an even pick of three, the second of it to validation."""
    table = pd.DataFrame({"id": [f"p{i:02d}" for i in range(15)], "ef": [20, 24, 28, 32, 36, *range(40, 60, 2)]})
    rows = imbalanced(table.sample(frac=1, random_state=1), 2, 2)
    by_split = {split: [name for name in sorted(rows) if rows[name][0] == split] for split in ("train", "validation", "extra_test")}
    assert by_split["extra_test"] == ["p01", "p03"] and by_split["validation"] == ["p02", "p07", "p12"]
    assert by_split["train"] == ["p00", "p04", "p05", "p06", "p08", "p09", "p10", "p11", "p13", "p14"]
