"""What the book prints from the code: the table of all keys."""

from cardiosynth.study.sections import Section
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.publish import keys_table


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
