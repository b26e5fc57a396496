"""A blind test for the reader: frames of hearts in random order, real and painted, answers folded away."""

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml
from PIL import Image

from cardiosynth.figures.results import STUDIES, Results, open_results
from cardiosynth.study.errors import InputError

DATA = STUDIES.parent / "data"
EMBEDDED = DATA / "results" / "laptop"  # the recorded default study, of phantoms alone
SCALE = 2


@dataclass(frozen=True)
class Quiz:
    """Tiles with folded answers. tiles: PNG bytes; answers: what each is; caption: where they come from."""

    tiles: list[bytes]
    answers: list[str]
    caption: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": self._html()}

    def _html(self) -> str:
        cells = [
            f'<figure><img alt="Image {number}" src="data:image/png;base64,{base64.b64encode(tile).decode()}">'
            f"<figcaption><details><summary>Image {number}</summary>{escape(answer)}</details></figcaption></figure>"
            for number, (tile, answer) in enumerate(zip(self.tiles, self.answers), start=1)
        ]
        return f'<div class="quiz">{"".join(cells)}</div><p>{escape(self.caption)}</p>'


def blind_test(results: Results) -> Quiz:
    """The study's blind test where its images may be shown, else that of the embedded phantom."""
    shown = results if may_be_shown(results.datasets[1]) else open_results(EMBEDDED)
    strip, key = shown.folder / "blind.png", shown.table("blind")
    if not strip.is_file():
        raise InputError(f"{strip}: no such picture; run 'make study STUDY={shown.study.name}' first")
    note = "" if shown is results else f" The images of study {results.study.name} may not be passed on."
    return Quiz(_tiles(strip, len(key)), [f"{row.kind}, {row.phase}" for row in key.itertuples()], shown.origin(1) + note)


def may_be_shown(dataset: str) -> bool:
    """Whether images of a dataset may stand on a page (data/sources.yaml); those of the phantom always may."""
    sources = yaml.safe_load((DATA / "sources.yaml").read_text(encoding="utf-8"))
    return dataset.startswith("phantom") or bool(sources[dataset]["images_may_be_shown"])


def _tiles(strip: Path, count: int) -> list[bytes]:
    """The strip's square tiles, enlarged, as PNG."""
    image = Image.open(strip)
    side, found = image.height, []
    for index in range(count):
        tile, stream = image.crop((index * side, 0, (index + 1) * side, side)), io.BytesIO()
        tile.resize((side * SCALE, side * SCALE), Image.Resampling.BICUBIC).save(stream, format="PNG")
        found.append(stream.getvalue())
    return found
