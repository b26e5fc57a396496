"""Study files: everything that a study can vary, checked on load.

Unknown keys and bad values are refused before anything runs, with the key's path in the message.
"""

import hashlib
import json
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator

from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import (
    Datasets,
    GeneratorSettings,
    Grid,
    Masks,
    Phantom,
    Questions,
    Realism,
    Section,
    SferaSettings,
    Statistics,
    UNetSettings,
)

Kind = TypeVar("Kind", bound=Section)


class Study(Section):
    """One study: keys of its own, then its sections."""

    name: str = Field(pattern=r"^[a-z0-9-]+$", description="names its folder below results/")
    title: str = Field(description="what the foot of each page and the model's card call it")
    seed: int = Field(2022, description="of every draw but those of SFERA's trainings")
    seeds: list[int] = Field([1, 2, 3], min_length=1, description="one training of SFERA each, in every experiment")
    ablation_seeds: list[int] = Field([1], min_length=1, description="the same of the paper's two ablations")
    datasets: Datasets
    phantom: Phantom = Phantom()
    grid: Grid = Grid()
    masks: Masks = Masks()
    generator: GeneratorSettings = GeneratorSettings()
    segmentation: UNetSettings = UNetSettings()
    sfera: SferaSettings = SferaSettings()
    questions: Questions = Questions()
    realism: Realism = Realism()
    statistics: Statistics = Statistics()

    @field_validator("seeds", "ablation_seeds")
    @classmethod
    def _each_once(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands there twice; expected each once")
        return seeds

    def subset(self, *sections: str) -> dict:
        """The named sections as plain data: what a stage depends on."""
        return {name: self.model_dump(mode="json")[name] for name in sections}


def load_study(path) -> Study:
    """Read and check a study file. Raises InputError naming the file and the key's path."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such study file; the studies are in studies/")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))  # editors on Windows put a mark before the text
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x}); save it as UTF-8") from error
    except (yaml.YAMLError, ValueError) as error:  # a date that no calendar has is a ValueError
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of keys to values; see studies/laptop.yaml")
    return checked(Study, values, str(path))


def checked(model: type[Kind], values: dict, name: str) -> Kind:
    """The values as a section. Raises InputError with the first bad key and its value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = "unknown key" if first["type"] == "extra_forbidden" else f"{first['input']!r}: {first['msg']}"
        raise InputError(f"{name}: {key}: {reason}") from error


def fingerprint(values) -> str:
    """Short hash of plain data, the same for the same values in any order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
