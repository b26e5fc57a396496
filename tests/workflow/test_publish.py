"""What the book shows of an executed notebook, and the tables that it prints from the code."""

from cardiosynth import ROOMS
from cardiosynth.study.experiments import stages
from cardiosynth.study.files import write_json
from cardiosynth.study.provenance import MANIFEST, TIMING, load
from cardiosynth.study.sections import Section
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.printed import keys_table, rooms_table
from cardiosynth.workflow.publish import COLLECTED, as_shown, collect

TINY = Study(name="tiny", title="made up", datasets={"a": "kaggle-png", "truth": "masks"})


def cell(source, *tags, kind="code"):
    return {"cell_type": kind, "source": source, "metadata": {"tags": list(tags)} if tags else {}}


def test_parameters_are_shown_once_with_the_values_of_the_run_and_code_is_folded():
    ran = {
        "cells": [
            cell("# Title", kind="markdown"),
            cell('results = "../results/laptop"  # folder\nsplit = "test"  # subjects', "parameters"),
            cell('# Parameters\nresults = "../results/smoke"\n', "injected-parameters"),
            cell("draw()"),
            cell("Foot()", "remove-input"),
        ]
    }
    shown = as_shown(ran)["cells"]
    assert [one["source"] for one in shown][1] == 'results = "../results/smoke"  # folder\nsplit = "test"  # subjects'
    assert [one["metadata"].get("tags") for one in shown] == [None, ["parameters"], ["hide-input"], ["remove-input"]]
    assert len(ran["cells"]) == 5 and "laptop" in ran["cells"][1]["source"]  # what was executed stays as it is


def test_the_table_of_rooms_has_each_in_its_place():
    rows = [line.split("|")[1].strip() for line in rooms_table().splitlines()[2:]]
    assert rows == [f"`{room}`" for room in ROOMS]


def rows() -> dict[tuple[str, str], list[str]]:
    """Value, default and description by section and key, as the table has them."""
    cells = [[cell.strip() for cell in line.replace(r"\|", "/").strip("|\n").split("|")] for line in keys_table().splitlines()[2:]]
    return {(section.strip("`"), key.strip("`")): rest for section, key, *rest in cells}


def test_every_key_is_described_and_stands_in_the_table_in_its_order():
    wanted, inside = [], []
    for name, field in Study.model_fields.items():
        if issubclass(getattr(field.annotation, "__origin__", field.annotation), Section):
            inside += [(name, key) for key in field.annotation.model_fields]
        else:
            wanted.append(("", name))
    table = rows()
    assert list(table) == wanted + inside
    assert all(value and default and len(described.split()) > 1 for value, default, described in table.values())


def test_the_table_says_what_a_key_may_hold_and_its_default():
    table = rows()
    assert table["", "name"][:2] == ["text", "none; must be given"]
    assert table["grid", "size_px"][:2] == ["whole number", "`150`"]
    assert table["grid", "centre"][:2] == ["`image`, `heart`", "`image`"]
    assert table["masks", "synthetic_gap_mm"][:2] == ["`source` or number", "`source`"]
    assert table["masks", "es_scale"][:2] == ["2 numbers", "`[0.7, 1.0]`"]
    assert table["questions", "zoom"][:2] == ["true, false", "`false`"]


def stage_files(results, folders):
    """A manifest and a time for each stage, and the tables that every study has."""
    for folder in folders:
        (results / folder).mkdir(parents=True, exist_ok=True)
        title, files = stages(TINY).get(folder, "of another study"), {"images.npy": "0"}
        write_json(results / folder / MANIFEST, {"stage": title, "parameters": {}, "files": files})
        write_json(results / folder / TIMING, {"stage": title, "wall_s": 1.0, "peak_rss_mb": 1.0})
    for name in COLLECTED:
        (results / name).write_text("a\n1\n", encoding="utf-8")


def test_the_record_has_the_stages_of_the_study_and_none_of_what_an_earlier_one_left(tmp_path):
    stage_files(tmp_path, [*stages(TINY), "models/SSO/both/seed-9", "generators/another/generator", "book"])
    collect(TINY, tmp_path)
    assert [stage["stage"] for stage in load(tmp_path)["stages"]] == list(stages(TINY).values())


def test_tables_that_only_some_studies_have_are_collected_where_they_are_and_else_removed(tmp_path):
    stage_files(tmp_path, stages(TINY))
    (tmp_path / "tables" / "reference.csv").write_text("a\n1\n", encoding="utf-8")
    collect(TINY, tmp_path)
    assert (tmp_path / "reference.csv").is_file() and not (tmp_path / "questions.csv").exists()
    (tmp_path / "tables" / "reference.csv").unlink()
    collect(TINY, tmp_path)
    assert not (tmp_path / "reference.csv").exists()
