"""Tables that the book prints from the code: the rooms of the package, the keys of a study file."""

import json
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cardiosynth import ROOMS
from cardiosynth.study.sections import Section
from cardiosynth.study.study_file import Study


def rooms_table() -> str:
    """The rooms of the package in their order and what each is for, as Markdown for the developer's page."""
    return _table(["room", "for"], [[f"`{room}`", import_module(f"cardiosynth.{room}").__doc__.splitlines()[0]] for room in ROOMS])


def keys_table() -> str:
    """All keys of a study file in their order, as Markdown for the page of ablations; those of its own before its sections."""
    sections = {name: field.annotation for name, field in Study.model_fields.items() if _is_section(field)}
    keys = [("", name, field) for name, field in Study.model_fields.items() if not _is_section(field)]
    keys += [(f"`{section}`", name, field) for section, model in sections.items() for name, field in model.model_fields.items()]
    rows = [[section, f"`{name}`", _kind(field.annotation), _default(field), field.description] for section, name, field in keys]
    return _table(["section", "key", "value", "default", "what it is"], rows)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _kind(annotation) -> str:
    """What a key may hold, in words, from its type."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inside[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in (Union, UnionType):
        return " or ".join(map(_kind, inside))
    if origin is list:
        return f"list of: {_kind(inside[0])}"
    if origin is tuple:
        return f"{len(inside)} numbers"
    return {bool: "true, false", int: "whole number", float: "number", str: "text", NoneType: "null"}[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none; must be given"
    return f"`{field.default if isinstance(field.default, str) else json.dumps(field.default)}`"


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a pipe in a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
