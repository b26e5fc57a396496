"""What all pages share: results that open or say what is missing, and tables for the book and for a notebook."""

import pandas as pd
import pytest

from cardiosynth.figures.formatting import Table, intervals, percentages
from cardiosynth.figures.results import open_results
from cardiosynth.figures.style import reach
from cardiosynth.study.errors import InputError
from tiny_study import results  # noqa: F401 (a fixture)


def test_a_table_is_markdown_for_the_book_and_html_for_a_notebook():
    shown = Table(pd.DataFrame({"a|b": ["x<y", None], "n": [1.25, float("nan")]}), "About <it>")._repr_mimebundle_()
    assert "| a\\|b | n |" in shown["text/markdown"] and "| x&lt;y | 1.2 |" in shown["text/markdown"]
    assert "| – | – |" in shown["text/markdown"]
    assert "<caption>About &lt;it&gt;</caption>" in shown["text/html"] and "<td>x&lt;y</td>" in shown["text/html"]


def test_numbers_stand_with_their_intervals_and_absent_ones_are_dashes():
    nan = float("nan")
    table = pd.DataFrame({"a": [0.5, -0.25, nan], "a_low": [0.25, nan, nan], "a_high": [0.75, nan, nan]}, index=[7, 8, 9])
    assert intervals(table, "a").tolist() == ["+0.50 [+0.25,\N{NO-BREAK SPACE}+0.75]", "-0.25", "–"]
    assert intervals(table, "a", sign="").at[7] == "0.50 [0.25,\N{NO-BREAK SPACE}0.75]"
    assert intervals(table, "absent").tolist() == ["–"] * 3
    assert percentages(table, "a").at[7] == "50 [25,\N{NO-BREAK SPACE}75]" and percentages(table, "a").at[9] == "–"
    assert reach(table, "a").tolist() == [[0.25, 0, 0], [0.25, 0, 0]]


def test_missing_results_are_named(results, tmp_path):
    with pytest.raises(InputError, match="no such folder of results"):
        open_results(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nothing.csv: no such table"):
        results.table("nothing")
