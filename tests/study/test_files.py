"""A folder that a command fills holds one run's files, whole, or those that were there before."""

import subprocess

import pytest

from cardiosynth.study.errors import InputError
from cardiosynth.study.files import replaced, whole

NAMES = {"table.csv", "masks.npy", "page.html"}


def fill(folder, **files):
    with replaced(folder, NAMES, last="table.csv") as partial:
        for name, text in files.items():
            (partial / name.replace("_", ".")).write_text(text, encoding="utf-8")


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_a_second_run_leaves_nothing_of_the_first(tmp_path):
    fill(tmp_path / "out", table_csv="1", masks_npy="1")
    fill(tmp_path / "out", table_csv="2", page_html="2")
    assert contents(tmp_path / "out") == {"table.csv": "2", "page.html": "2"}


def test_a_run_that_fails_leaves_what_was_there_and_nothing_of_its_own(tmp_path):
    fill(tmp_path / "out", table_csv="1", masks_npy="1")
    for folder in (tmp_path / "out", tmp_path / "new"):
        with pytest.raises(RuntimeError), replaced(folder, NAMES, last="table.csv") as partial:
            (partial / "table.csv").write_text("2", encoding="utf-8")
            raise RuntimeError
    assert contents(tmp_path / "out") == {"table.csv": "1", "masks.npy": "1"} and contents(tmp_path / "new") == {}


def test_what_a_killed_run_left_is_swept_away(tmp_path):
    (tmp_path / "out" / ".partial").mkdir(parents=True)
    (tmp_path / "out" / ".partial" / "masks.npy").write_text("half", encoding="utf-8")
    fill(tmp_path / "out", table_csv="1")
    assert contents(tmp_path / "out") == {"table.csv": "1"}


def test_two_runs_into_one_folder_do_not_take_each_others_files(tmp_path):
    with replaced(tmp_path / "out", NAMES, last="table.csv") as partial:
        (partial / "table.csv").write_text("first", encoding="utf-8")
        running = subprocess.Popen(["sleep", "60"])
        partial.rename(partial.with_name(f".partial-{running.pid}-x"))
        with pytest.raises(InputError, match=rf"another run \(process {running.pid}\) is filling it"):
            fill(tmp_path / "out", table_csv="second")
        partial.with_name(f".partial-{running.pid}-x").rename(partial)
        running.kill(), running.wait()
    assert contents(tmp_path / "out") == {"table.csv": "first"}


def test_a_folder_of_somebody_elses_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.docx").write_text("years", encoding="utf-8")
    with pytest.raises(InputError, match="holds thesis.docx, which this command did not make; name a new folder"):
        fill(tmp_path, table_csv="1")
    assert contents(tmp_path) == {"thesis.docx": "years"}
    with pytest.raises(InputError, match="thesis.docx: a file; name a folder"):
        fill(tmp_path / "thesis.docx", table_csv="1")


def test_the_file_that_makes_the_others_mean_something_goes_first_and_comes_last(tmp_path, monkeypatch):
    fill(tmp_path / "out", table_csv="1", masks_npy="1")
    seen = []
    monkeypatch.setattr("cardiosynth.study.files.os.replace", lambda source, target: (seen.append(target.name), source.rename(target)))
    fill(tmp_path / "out", table_csv="2", masks_npy="2", page_html="2")
    assert seen == ["masks.npy", "page.html", "table.csv"]


def test_a_folder_is_whole_or_not_there_and_holds_nothing_of_a_killed_run(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), whole(out) as partial:
        partial.mkdir()
        (partial / "a.csv").write_text("half", encoding="utf-8")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    partial.mkdir()
    (partial / "old.csv").write_text("half", encoding="utf-8")  # as a kill leaves it
    with whole(out) as partial:
        partial.mkdir()
        (partial / "a.csv").write_text("whole", encoding="utf-8")
    assert contents(out) == {"a.csv": "whole"} and list(tmp_path.iterdir()) == [out]
