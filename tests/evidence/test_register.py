"""Every recorded table has one script that makes it, and a page that shows it."""

import subprocess
import sys

from cardiosynth import ROOT
from evidence.__main__ import needs, rows

STUDIES = {"acdc", "acdc-first", "acdc-large", "laptop"}  # recorded as they came out


def test_every_recorded_table_is_made_by_a_script_and_shown_on_a_page():
    made = {table for row in rows() for table in row["makes"].split()}
    files = {path.relative_to(ROOT / "data" / "results") for path in (ROOT / "data" / "results").rglob("*") if path.is_file()}
    assert {str(path) for path in files if path.parts[0] not in STUDIES} == made
    for row in rows():
        pages = (ROOT / "notebooks" / f"{row['page']}.ipynb", ROOT / "book" / f"{row['page']}.md")
        assert (ROOT / row["script"]).is_file() and any(page.is_file() for page in pages), row


def test_every_script_of_the_folder_is_in_the_register():
    scripts = {f"evidence/{path.name}" for path in (ROOT / "evidence").glob("*.py") if not path.name.startswith("__")}
    assert scripts == {row["script"] for row in rows() if row["script"].startswith("evidence/")}


def test_data_that_are_not_given_are_named_and_nothing_runs():
    assert needs({"arguments": "speed --acdc {acdc}"}) == {"acdc"}
    done = subprocess.run([sys.executable, "-m", "evidence", "run", "finders", "acdc=/x"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stderr == "evidence: give kaggle_png=PATH\n"
