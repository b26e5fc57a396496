"""The sources of the book: notebooks are thin and clean, prose holds no results, links and references hold."""

import ast
import json
import re
import tokenize
from io import StringIO

import pytest
import yaml

from cardiosynth import ROOT

BOOK = ROOT / "book"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted(BOOK.glob("*.md"))
LAYOUTS = sorted((BOOK / "layouts").glob("*.md"))  # what publishers say of their data, numbers included
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_source = pytest.mark.parametrize("path", NOTEBOOKS + PAGES, ids=lambda path: path.stem)

# What may bear a number in prose: names of things in the paper, the borders of the groups, shapes, units of bytes.
NAMES = re.compile(r"(Figs?\.|Figure|Table|Eq\.|Dataset|SDT)\s?\(?<?(sub>)?\d+\)?|\[0, 1\]|between 0 and 1|8-bit|VGG19")
DESCRIBED = {
    "deviations": re.compile(r"150 × 150 pixels|150 mm|8 mm|1\.96 SD"),
    "05-bland-altman": re.compile(r"± 1\.96"),
    "data": re.compile(r"0 background, 1 right ventricle, 2 myocardium, 3 left ventricle"),
}


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def prose(path):
    """Text of a page without code, formulas, targets of links and citations."""
    text = path.read_text() if path.suffix == ".md" else "\n\n".join(source(cell) for cell in cells(path, "markdown"))
    text = re.sub(r"```.*?```|<p class=\"formula\">.*?</p>", "", text, flags=re.S)
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|\{cite[^}]*\}", "", text)
    return NAMES.sub("", DESCRIBED.get(path.stem, re.compile("(?!)")).sub("", text))


def parameters(path):
    (cell,) = [cell for cell in cells(path, "code") if "parameters" in cell["metadata"].get("tags", [])]
    return source(cell)


def test_pages_are_numbered_in_the_order_of_the_book():
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    listed = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert [file.removeprefix("notebooks/") for file in listed if file.startswith("notebooks/")] == [path.stem for path in NOTEBOOKS]


@each_notebook
def test_a_notebook_holds_no_output_and_no_trace_of_a_run(path):
    for cell in cells(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None
        assert set(cell["metadata"]) <= {"tags"}
    assert set(json.loads(path.read_text())["metadata"]) == {"kernelspec", "language_info"}


@each_notebook
def test_parameters_are_commented_literals_with_the_results_folder_first(path):
    text = parameters(path)
    statements = ast.parse(text).body
    assert statements and all(isinstance(s, ast.Assign) and len(s.targets) == 1 for s in statements)
    for statement in statements:
        ast.literal_eval(statement.value)
    comments = [t for t in tokenize.generate_tokens(StringIO(text).readline) if t.type == tokenize.COMMENT]
    assert {token.start[0] for token in comments} == {statement.lineno for statement in statements}
    assert all(len(token.string.split()) > 4 for token in comments)
    assert statements[0].targets[0].id == "results" and ast.literal_eval(statements[0].value) == "../results/laptop"


@each_notebook
def test_a_notebook_uses_its_parameters_and_ends_with_its_provenance(path):
    code = [source(cell) for cell in cells(path, "code")]
    loaded = {node.id for node in ast.walk(ast.parse("\n".join(code))) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert {statement.targets[0].id for statement in ast.parse(parameters(path)).body} <= loaded
    assert code[-1].strip() == f'Foot(footer(results, "{path.name}"))'


@each_notebook
def test_a_notebook_begins_with_a_title_and_what_it_is_made_from(path):
    first = source(cells(path, "markdown")[0])
    assert re.match(r"# \S.*\n\n\S", first) and "made from" in first
    if path.stem < "09":
        assert re.search(r"This page remakes (Fig\. \d|Table 1) of \{cite:t\}`gheorghita2022`", first)


@each_source
def test_no_result_is_typed_into_prose(path):
    assert not re.findall(r".{0,30}\d.{0,30}", prose(path))


@pytest.mark.parametrize("text", ["RMSE fell to 3.7 points", "12 subjects", "r of 0.95"])
def test_the_check_of_prose_would_see_a_result(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\nOn Dataset 1 (Fig. 4) the {text}.\n")
    assert re.search(r"\d", prose(page))


def test_the_contents_name_every_page_once_and_nothing_else():
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    listed = [contents["root"]] + [
        entry["file"] for part in contents["parts"] for chapter in part["chapters"] for entry in (chapter, *chapter.get("sections", []))
    ]
    present = [str(page.relative_to(ROOT).with_suffix("")) for page in PAGES + LAYOUTS] + [f"notebooks/{path.stem}" for path in NOTEBOOKS]
    assert sorted(listed) == sorted(present)


@pytest.mark.parametrize("path", NOTEBOOKS + PAGES + LAYOUTS, ids=lambda path: path.stem)
def test_links_and_citations_lead_somewhere(path):
    text = path.read_text()
    known = set(re.findall(r"^@\w+\{(\w+),", (BOOK / "references.bib").read_text(), flags=re.M))
    for keys in re.findall(r"\{cite:[tp]\}`([^`]+)`", text):
        assert set(keys.split(",")) <= known
    for target in re.findall(r"\]\(([^)#]+\.(?:md|ipynb))\)", text):
        assert (path.parent / target).resolve().is_file(), target


def test_every_reference_is_cited():
    cited = {
        key for path in NOTEBOOKS + PAGES + LAYOUTS for keys in re.findall(r"\{cite:[tp]\}`([^`]+)`", path.read_text()) for key in keys.split(",")
    }
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (BOOK / "references.bib").read_text(), flags=re.M))


def test_pages_load_nothing_from_elsewhere():
    static = [path for path in (BOOK / "_static").iterdir() if path.suffix != ".png"]
    for path in [*PAGES, *LAYOUTS, *static, ROOT / "_config.yml"]:
        found = re.findall(r"(?:src=|url\(|@import|<script|<iframe)[^\n]*", path.read_text())
        assert not [line for line in found if "url(#" not in line], path


def test_the_commands_of_the_recipe_exist():
    """The study file that the recipe copies, the notebook that it runs, and the keys that it changes."""
    from cardiosynth.study.study_file import Study
    from cardiosynth.workflow.notebooks import check_parameters, parse_parameters

    text = (BOOK / "ablation-recipe.md").read_text()
    assert (ROOT / re.search(r"cp (studies/\S+)", text).group(1)).is_file()
    given = re.search(r"-p (results=\S+) -p '(compare=[^']+)'", text).groups()
    check_parameters(ROOT / "notebooks" / "09-ablations.ipynb", parse_parameters(list(given)))
    for example in re.findall(r"^\| [^|]+ \| `([^`]+)`", text, flags=re.M):
        values = yaml.safe_load(example.replace("…", "400"))
        Study.model_validate({"name": "mine", "title": "t", "datasets": {"a": "phantom-a"}} | values)
