"""Progress that stays readable when several stages print at once or into a log."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


class _Lines:
    """A stream that turns tqdm's carriage returns into whole lines."""

    def write(self, text: str) -> None:
        text = text.strip("\r\n ")
        if text:
            sys.stderr.write(text + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def bar(items: Iterable, title: str, total: int | None = None, every_s: float = 10.0) -> tqdm:
    """Iterate with one line at most every ``every_s`` seconds: share done, time spent, time left."""
    layout = "    {desc} {percentage:3.0f} % |{bar:20}| {n_fmt}/{total_fmt}, {elapsed} spent, {remaining} left {postfix}"
    return tqdm(
        items,
        desc=title,
        total=total,
        mininterval=every_s,
        maxinterval=every_s,
        miniters=1,
        delay=every_s,
        bar_format=layout,
        ascii=" #",
        file=_Lines(),
        leave=False,
    )
