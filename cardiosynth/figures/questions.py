"""Answers to the questions that the paper did not ask: errors with their intervals, and distances from RSP."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from cardiosynth.figures.comparisons import LOOK
from cardiosynth.figures.results import Results, open_results
from cardiosynth.figures.style import COLOUR, INK, MARKER, QUANTITY, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import Table, error_cell, interval, ordered

ASKED = {
    "reduced": "real training subjects with EF below 40 %", "subjects": "real training subjects",
    "zoom": "zooms instead of synthesis", "longer": "as long a training without synthesis",
    "phantom": "painted by the phantom's formulas", "outlines": "outlined by the U-Net",
}  # fmt: skip
SHOWN_GROUPS = ("all", "ef<40")


@dataclass(frozen=True)
class Note:
    """A sentence instead of a figure."""

    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/markdown": f":::{{note}}\n{self.text}\n:::", "text/plain": self.text}


def answering(results: Results, recorded, answers) -> Results | None:
    """The first of this study and the recorded one of which ``answers(study)`` is true, or None.

    recorded: folder of recorded results, which need not exist.
    """
    found = [results] + ([open_results(recorded)] if (Path(recorded) / "study.yaml").is_file() else [])
    return next((study for study in found if answers(study.study)), None)


def answer(results: Results, question: str, recorded, split: str = "test", quantity: str = "ef") -> tuple:
    """Figure and table of a question: a curve where it varies an amount, else experiments side by side; or one Note.

    Where the study does not ask it, the recorded study answers. The figure goes to the study's own folder.
    """
    study = answering(results, recorded, lambda study: getattr(study.questions, question))
    if study is None:
        return (_not_asked(results, f"`questions: {question}`"),)
    table = study.table("questions")
    rows = table[(table["question"] == question) & (table["split"] == split) & (table["quantity"] == quantity)]
    whose = "" if study is results else f" Study {results.study.name} does not ask this: these are recorded results."
    draw = _curve if question in ("reduced", "subjects") else _side_by_side
    picture = draw(replace(study, kept_in=results.folder), rows, question, split, quantity, whose)
    return picture, _differences(study, rows, split, quantity)


def _not_asked(results: Results, key: str) -> Note:
    return Note(f"Study {results.study.name} has no answer to this (key {key}), and there is no recorded study that has.")


@house_style
def _curve(results: Results, rows: pd.DataFrame, question: str, split: str, quantity: str, whose: str) -> Picture:
    """RMSE and its distance from RSP against the amount, one column a group."""
    figure, axes = new_figure(2, len(SHOWN_GROUPS), (8.2, 5.4), sharex=True, sharey="row")
    for column, group in enumerate(SHOWN_GROUPS):
        own = rows[rows["group"] == group]
        for family in ("RSO", "RSP"):
            line = own[own["experiment"].str.startswith(family)]
            if question == "reduced" and family == "RSP":
                _level(axes[0, column], line.iloc[0])
            else:
                line = line[(line["experiment"] != "RSO") | (question == "subjects")].sort_values("x")
                _bars(axes[0, column], line["x"], line, ("rmse", "rmse_low", "rmse_high"), *LOOK[family], family, "-")
        far = own[own["against"].notna() & ((own["experiment"] != "RSO") | (question == "subjects"))].sort_values("x")
        _bars(axes[1, column], far["x"], far, ("difference", "difference_low", "difference_high"), INK, "o", "RSO less RSP", "-")
        axes[1, column].axhline(0, color=INK, linewidth=0.8)
        axes[0, column].set(title=f"{group}, n = {own['n'].max()}")
        axes[1, column].set(xlabel=ASKED[question])
        axes[1, column].xaxis.set_major_locator(MaxNLocator(integer=True))
    name, unit = QUANTITY[quantity]
    axes[0, 0].set(ylabel=f"RMSE of {name} ({unit})", ylim=(0, None))
    axes[1, 0].set(ylabel="RSO less RSP")
    axes[0, 0].legend()
    caption = (
        f"Errors of {name} against the number of {ASKED[question]}, split `{split}`: mean over trainings, interval over subjects. "
        f"Below, the paired difference: above zero the pre-trained network is better.{whose}"
    )
    return keep(figure, rows, results, f"19-{question}", caption, _alt(rows), 1)


@house_style
def _side_by_side(results: Results, rows: pd.DataFrame, question: str, split: str, quantity: str, whose: str) -> Picture:
    """RMSE of each experiment, one column a group, one mark a dataset."""
    names = list(dict.fromkeys(name for name, _ in ordered(rows)))
    numbers = {name: number for number, name in results.datasets.items() if name in set(rows["dataset"])}
    figure, axes = new_figure(1, len(SHOWN_GROUPS), (8.2, 3.2), sharey=True)
    for ax, group in zip(axes[0], SHOWN_GROUPS):
        for dataset, number in numbers.items():
            own = rows[(rows["group"] == group) & (rows["dataset"] == dataset)].set_index("experiment").reindex(names)
            x = np.arange(len(names)) + 0.2 * (number - 1.5) * (len(numbers) > 1)
            label = f"Dataset {number}, n = {own['n'].max():.0f}"
            _bars(ax, x, own, ("rmse", "rmse_low", "rmse_high"), COLOUR[number], MARKER[number], label, "")
        ax.set(title=group)
        ax.set_xticks(range(len(names)), names, rotation=20)
        ax.legend()
    name, unit = QUANTITY[quantity]
    axes[0, 0].set(ylabel=f"RMSE of {name} ({unit})", ylim=(0, None))
    caption = (
        f"Errors of {name}, {ASKED[question]}, beside those of the paper's experiments, split `{split}`: mean over trainings, "
        f"interval over subjects.{whose}"
    )
    return keep(figure, rows, results, f"19-{question}", caption, _alt(rows), *numbers.values())


def _bars(ax, x, rows: pd.DataFrame, columns, colour: str, marker: str, label: str, line: str) -> None:
    middle, low, high = (rows[name].to_numpy(float) for name in columns)
    reach = np.nan_to_num(np.abs(np.stack([middle - low, high - middle])))
    ax.errorbar(x, middle, reach, color=colour, marker=marker, linestyle=line, capsize=2, label=label)


def _level(ax, row) -> None:
    """RSP, which takes no amount, as a line with its interval."""
    colour = LOOK["RSP"][0]
    ax.axhline(row["rmse"], color=colour, label="RSP")
    ax.axhspan(row["rmse_low"], row["rmse_high"], color=colour, alpha=0.15, linewidth=0)


def _alt(rows: pd.DataFrame) -> str:
    shown = rows[rows["group"].isin(SHOWN_GROUPS)]
    return "RMSE: " + "; ".join(f"{r.dataset} {r.experiment} {r.group} {r.rmse:.1f}" for r in shown.itertuples()) + "."


def _differences(study: Results, rows: pd.DataFrame, split: str, quantity: str) -> Table:
    """Every experiment of a question with its distance from RSP in numbers."""
    rows = rows[rows["group"].isin(SHOWN_GROUPS)]
    frame = pd.DataFrame(
        {
            "experiment": rows["experiment"],
            "dataset": rows["dataset"],
            "group": rows["group"],
            "n": rows["n"],
            "trainings": rows["seeds"],
            "RMSE": [error_cell(row) for row in rows.itertuples()],
            "less that of": rows["against"],
            "difference": [interval(row.difference, row.difference_low, row.difference_high) for row in rows.itertuples()],
        }
    )
    name = " in ".join(QUANTITY[quantity])
    return Table(frame, f"RMSE of {name} ± SD over trainings [interval over subjects], split {split}. {study.origin()}")


def painted_hearts(results: Results, recorded) -> Table | Note:
    """Errors of SSO on painted hearts that had no part in its training beside those on real ones."""
    study = answering(results, recorded, lambda study: study.questions.synthetic)
    if study is None:
        return _not_asked(results, "`questions: synthetic`")
    what = "SSO on real hearts, and on painted ones of held-back validation subjects (`synthetic`)"
    return _by_dataset(study, "table1", ("SSO",), what)


def against_reference(results: Results, recorded) -> Table | Note:
    """Errors against published volumes, in sums over patients alone, where the study's truth is that of the masks."""
    study = answering(results, recorded, lambda study: study.datasets.truth == "masks")
    if study is None:
        return _not_asked(results, "`datasets: truth`")
    what = "published volumes as the truth; `masks` are the volumes that the other tables take for true"
    return _by_dataset(study, "reference", None, what)


def _by_dataset(study: Results, name: str, experiments, what: str) -> Table:
    table = study.table(name)
    rows = table[(table["split"] == "test") & (table["group"] == "all")]
    rows = rows if experiments is None else rows[rows["experiment"].isin(experiments)]
    lines = [
        {"experiment": experiment, "dataset": dataset, "n": own["n"].iloc[0]}
        | {" ".join(QUANTITY[row.quantity]): error_cell(row) for row in own.itertuples()}
        for (experiment, dataset), own in rows.groupby(["experiment", "dataset"], sort=False)
    ]
    return Table(pd.DataFrame(lines), f"RMSE ± SD over trainings [interval over subjects], split test: {what}. {study.origin()}")
