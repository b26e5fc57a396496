"""Tables as spreadsheets leave them: other separators, marks before the text, other encodings, blanks about the cells."""

import csv
from io import StringIO
from pathlib import Path

from cardiosynth.study.errors import InputError

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def text_of(path: Path) -> str:
    """A text file in UTF-8 or, by its mark, in UTF-16; in Latin-1 where it is neither. Raises OSError where it cannot be read."""
    content = path.read_bytes()
    try:
        return content.decode(MARKS.get(content[:2], "utf-8-sig"))
    except UnicodeDecodeError:
        return content.decode("latin-1")


def rows_of(path: Path, needed: list[set[str]], expected: str) -> list[dict[str, str]]:
    """The rows of a table, by column names in lower case, cells without blanks about them; empty rows and lines that begin with # left out.

    needed: sets of column names, one of which must be there. expected: what a message says of such a table. Raises InputError
    naming the file where it is no such table.
    """
    try:
        text = text_of(path)
        separator = next((sign for sign in ";\t" if sign in _first_line(text)), ",")
        read = csv.reader(StringIO(text, newline=""), delimiter=separator)
        lines = [[cell.strip() for cell in row] for row in read if any(map(str.strip, row)) and not row[0].startswith("#")]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({' '.join(str(error).split())}); expected {expected}") from error
    heads, rows = lines[0] if lines else [], lines[1:]
    heads = [head.lower() for head in heads]
    if not any(names <= {*heads} for names in needed) or len({*heads} - {""}) < len([head for head in heads if head]):
        raise InputError(f"{path}: columns {', '.join(heads) or 'none, as the file is empty'}; expected {expected}")
    for row in rows:
        if any(row[len(heads) :]) or len(row) < len(heads):
            raise InputError(f"{path}: the row {separator.join(row)} has {len(row)} cells under {len(heads)} columns; expected {expected}")
    return [dict(zip(heads, row)) for row in rows]


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
