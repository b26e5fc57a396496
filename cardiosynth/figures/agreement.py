"""Predicted against true values: scatter plots (paper, Fig. 4) and Bland-Altman plots (Fig. 5)."""

import numpy as np
import pandas as pd

from cardiosynth.figures.results import Results, recorded
from cardiosynth.figures.style import COLOUR, GREY, INK, MARKER, QUANTITY, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import Table, interval
from cardiosynth.judging.measures import LIMITS_SD
from cardiosynth.judging.tables import differences
from cardiosynth.measuring.predictions import QUANTITIES, with_pooled

PAPER_EXPERIMENTS = ("RSO", "RSP")
ROW_IN = 3.05


@house_style
def scatter(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test") -> Picture:
    """One row an experiment, one column a quantity; every point is one subject as one training predicts it.

    r and RMSE in the panels are those of Table 1: means over trainings.
    """
    predictions = _of(with_pooled(results.predictions()), experiments, split)
    summary = _of(results.table("table1"), experiments, split).query("group == 'all'")
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4))
    for ax, experiment, quantity in panels(axes, experiments):
        name, unit = QUANTITY[quantity]
        _identity(ax, predictions, quantity)
        _points(ax, results, predictions[predictions["experiment"] == experiment], f"true_{quantity}", quantity)
        _note(ax, results, summary, experiment, quantity, _correlation)
        ax.set(title=f"{experiment}: {name}", xlabel=f"true {name} ({unit})", ylabel=f"predicted {name} ({unit})")
    legend(figure, axes, results)
    caption = (
        f"**Figure 4.** Predicted against true volumes and ejection fraction, split `{split}`, one row an "
        f"experiment. A point is one subject as "
        "one training predicts it; r and RMSE are means over trainings, ± the SD over trainings."
    )
    words = "; ".join(f"{s.experiment} {QUANTITY[s.quantity][0]} {s.dataset}: {_correlation(s)}" for s in summary.itertuples())
    return keep(figure, predictions, results, "04-scatter", caption, f"Scatter plots of predicted against true values. {words}.")


@house_style
def bland_altman(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test", recordings=None) -> Picture:
    """Difference against mean, with bias, limits of agreement and proportional bias from agreement.csv.

    Several trainings count as one predictor: the point of a subject is the mean of its predictions. recordings: the
    folder of observers.csv (``evidence/observers.py``); where given, lines show how far two observers lie apart.
    """
    observers = recorded(recordings, "observers.csv") if recordings else None
    points = differences(_of(with_pooled(results.predictions()), experiments, split))
    summary = _of(results.table("agreement"), experiments, split)
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4), sharex="col", sharey="col")
    for ax, experiment, quantity in panels(axes, experiments):
        name, unit = QUANTITY[quantity]
        ax.axhline(0, color=GREY, linewidth=0.6)
        own = points[(points["experiment"] == experiment) & (points["quantity"] == quantity)]
        _points(ax, results, own, "mean", "difference")
        _limits(ax, results, summary, experiment, quantity)
        _proportional_bias(ax, results, summary, own, experiment, quantity)
        _observers(ax, observers, quantity, own["mean"].mean())
        _note(ax, results, summary, experiment, quantity, _bias)
        ax.tick_params(labelbottom=True, labelleft=True)
        ax.set(title=f"{experiment}: {name}", xlabel=f"mean of predicted and true {name} ({unit})", ylabel=f"predicted - true ({unit})")
    for ax in axes.flat:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.1 * (high - low))  # room for the numbers
    legend(figure, axes, results)
    caption = (
        f"**Figure 5.** Bland-Altman plots, split `{split}`. Lines: bias (solid) and limits of agreement, bias "
        f"± 1.96 SD (dashed), with their "
        "confidence intervals (bands); proportional bias (dotted, slanted); numbers: bias [limits]. A point is one subject, "
        "its predictions averaged over trainings."
    )
    if observers is not None:
        caption += " Thin grey lines: ± 1.96 times the root mean square difference of two observers, who drew hearts of pigs."
    words = "; ".join(f"{s.experiment} {QUANTITY[s.quantity][0]} {s.dataset}: {_bias(s)}" for s in summary.itertuples())
    return keep(figure, points, results, "05-bland-altman", caption, f"Bland-Altman plots. {words}.")


def observers_table(recordings) -> Table:
    """How far two drawings of one heart lie apart: observers.csv of the folder ``recordings``."""
    lines = [
        {
            "drawn by": row.pair, "quantity": f"{QUANTITY[row.quantity][0]} ({row.unit})",
            "root mean square difference": interval(row.rms, row.rms_low, row.rms_high, sign=""),
            "bias": f"{row.bias:+.2f}", "limits of agreement": f"{row.lower_limit:+.2f} to {row.upper_limit:+.2f}",
            "exams": row.exams, "animals": row.pigs,
        }
        for row in recorded(recordings, "observers.csv").itertuples()
    ]  # fmt: skip
    caption = (
        "Differences of two drawings of the same LV [interval over animals]; volumes in percent of their mean, EF in points. "
        "Cine MRI of pigs at 7 T, not patients: another species, another scanner, other observers than those of any dataset here."
    )
    return Table(pd.DataFrame(lines), caption)


def _of(table: pd.DataFrame, experiments, split: str) -> pd.DataFrame:
    return table[table["experiment"].isin(experiments) & (table["split"] == split)]


def panels(axes, experiments):
    """Every axis with its experiment (row) and quantity (column)."""
    for row, experiment in zip(axes, experiments):
        for ax, quantity in zip(row, QUANTITIES):
            yield ax, experiment, quantity


def _points(ax, results: Results, points: pd.DataFrame, x: str, y: str) -> None:
    for number, dataset in results.datasets.items():
        own = points[points["dataset"] == dataset]
        ax.scatter(own[x], own[y], s=13, color=COLOUR[number], marker=MARKER[number], alpha=0.55, linewidth=0)


def _identity(ax, predictions: pd.DataFrame, quantity: str) -> None:
    """Equal axes for all experiments, and the line on which a perfect prediction lies."""
    values = predictions[[quantity, f"true_{quantity}"]].to_numpy()
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    limits = low - 0.05 * (high - low), high + 0.05 * (high - low)
    ax.plot(limits, limits, color=INK, linewidth=0.8)
    ax.set(xlim=limits, ylim=limits, aspect="equal")


def _limits(ax, results: Results, summary: pd.DataFrame, experiment: str, quantity: str) -> None:
    for number, line in _lines(results, summary, experiment, quantity):
        for name, style in (("bias", "-"), ("lower_limit", "--"), ("upper_limit", "--")):
            ax.axhline(getattr(line, name), color=COLOUR[number], linewidth=1.1, linestyle=style)
            ax.axhspan(getattr(line, f"{name}_low"), getattr(line, f"{name}_high"), color=COLOUR[number], alpha=0.12, linewidth=0)


def _proportional_bias(ax, results: Results, summary: pd.DataFrame, points: pd.DataFrame, experiment: str, quantity: str) -> None:
    """The line of the difference on the mean; it passes through the bias at the mean of all points."""
    for number, line in _lines(results, summary, experiment, quantity):
        if np.isfinite(getattr(line, "slope", np.nan)):
            centre = points.loc[points["dataset"] == line.dataset, "mean"].mean()
            ax.axline((centre, line.bias), slope=line.slope, color=COLOUR[number], linewidth=1.0, linestyle=":")


def _observers(ax, observers, quantity: str, x: float) -> None:
    """Where 95 % of the differences of two observers lie if neither is taken for right: points of EF, shares of a volume."""
    rows = () if observers is None else observers[(observers["pair"] == "two observers") & (observers["quantity"] == quantity)].itertuples()
    for row in rows:
        for reach in (LIMITS_SD * row.rms, -LIMITS_SD * row.rms):
            level, slope = (reach, 0) if row.unit == "points" else (reach / 100 * x, reach / 100)
            ax.axline((x, level), slope=slope, color=GREY, linewidth=0.8, linestyle=(0, (1, 1)))


def _lines(results: Results, summary: pd.DataFrame, experiment: str, quantity: str):
    """The summary's rows of one panel, each with the number of its dataset."""
    for number, dataset in results.datasets.items():
        chosen = (summary["experiment"] == experiment) & (summary["quantity"] == quantity) & (summary["dataset"] == dataset)
        for line in summary[chosen].itertuples():
            yield number, line


def _note(ax, results: Results, summary: pd.DataFrame, experiment: str, quantity: str, say) -> None:
    text = "\n".join(f"D{number}: {say(line)}" for number, line in _lines(results, summary, experiment, quantity))
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=7.2, bbox=box)


def _correlation(line) -> str:
    spread = "" if pd.isna(line.rmse_sd) else f" ± {line.rmse_sd:.1f}"
    return f"r {line.pearson:.3f}, RMSE {line.rmse:.1f}{spread}"


def _bias(line) -> str:
    return f"{round(line.bias, 1) + 0.0:+.1f} [{line.lower_limit:.1f}, {line.upper_limit:.1f}]"  # + 0.0: no "-0.0"


def legend(figure, axes, results: Results) -> None:
    handles = [
        axes[0, 0].scatter([], [], s=18, color=COLOUR[number], marker=MARKER[number], label=f"D{number}: {results.describe(number)}")
        for number in results.datasets
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1)
