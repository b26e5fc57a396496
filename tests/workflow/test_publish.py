"""What the book shows of an executed notebook, and the tables that it prints from the code."""

from cardiosynth import ROOMS
from cardiosynth.workflow.publish import as_shown, rooms_table


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
