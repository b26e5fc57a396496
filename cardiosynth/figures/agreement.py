"""Predicted against true values: scatter plots (paper, Fig. 4) and Bland-Altman plots (Fig. 5)."""

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import COLOUR, GREY, INK, MARKER, QUANTITY, Picture, house_style, keep, new_figure
from cardiosynth.predictions import QUANTITIES

PAPER_EXPERIMENTS = ("RSO", "RSP")
ROW_IN = 3.05


@house_style
def scatter(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test") -> Picture:
    """One row an experiment, one column a quantity; every point is one subject as one training predicts it.

    r and RMSE in the panels are those of Table 1: means over trainings.
    """
    predictions = _of(results.predictions(), experiments, split)
    summary = _of(results.table("table1"), experiments, split).query("group == 'all'")
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4))
    for ax, experiment, quantity in _panels(axes, experiments):
        name, unit = QUANTITY[quantity]
        _identity(ax, predictions, quantity)
        _points(ax, results, predictions[predictions["experiment"] == experiment], f"true_{quantity}", quantity)
        _note(ax, results, summary, experiment, quantity, _correlation)
        ax.set(title=f"{experiment}: {name}", xlabel=f"true {name} ({unit})", ylabel=f"predicted {name} ({unit})")
    _legend(figure, axes, results)
    caption = (
        f"**Figure 4.** Predicted against true volumes and ejection fraction, split `{split}`, one row an "
        f"experiment. A point is one subject as "
        "one training predicts it; r and RMSE are means over trainings, ± the SD over trainings."
    )
    words = "; ".join(
        f"{s.experiment} {QUANTITY[s.quantity][0]} {s.dataset}: {_correlation(s)}" for s in summary.itertuples()
    )
    return keep(
        figure, predictions, results, "04-scatter", caption, f"Scatter plots of predicted against true values. {words}."
    )


@house_style
def bland_altman(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test") -> Picture:
    """Difference against mean, with bias and limits of agreement and their intervals from agreement.csv.

    Several trainings count as one predictor: the point of a subject is the mean of its predictions.
    """
    points = _differences(_of(results.predictions(), experiments, split))
    summary = _of(results.table("agreement"), experiments, split)
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4), sharex="col", sharey="col")
    for ax, experiment, quantity in _panels(axes, experiments):
        name, unit = QUANTITY[quantity]
        ax.axhline(0, color=GREY, linewidth=0.6)
        _points(
            ax,
            results,
            points[(points["experiment"] == experiment) & (points["quantity"] == quantity)],
            "mean",
            "difference",
        )
        _limits(ax, results, summary, experiment, quantity)
        _note(ax, results, summary, experiment, quantity, _bias)
        ax.tick_params(labelbottom=True, labelleft=True)
        ax.set(
            title=f"{experiment}: {name}",
            xlabel=f"mean of predicted and true {name} ({unit})",
            ylabel=f"predicted - true ({unit})",
        )
    for ax in axes.flat:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.1 * (high - low))  # room for the numbers
    _legend(figure, axes, results)
    caption = (
        f"**Figure 5.** Bland-Altman plots, split `{split}`. Lines: bias (solid) and limits of agreement, bias "
        f"± 1.96 SD (dashed), with their "
        "confidence intervals (bands); numbers: bias [limits]. A point is one subject, its predictions "
        "averaged over trainings."
    )
    words = "; ".join(f"{s.experiment} {QUANTITY[s.quantity][0]} {s.dataset}: {_bias(s)}" for s in summary.itertuples())
    return keep(figure, points, results, "05-bland-altman", caption, f"Bland-Altman plots. {words}.")


def _of(table: pd.DataFrame, experiments, split: str) -> pd.DataFrame:
    return table[table["experiment"].isin(experiments) & (table["split"] == split)]


def _differences(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a subject and quantity: mean of predicted and true value, and predicted minus true."""
    averaged = predictions.groupby(["experiment", "dataset", "subject"], as_index=False, sort=False).mean(
        numeric_only=True
    )
    tables = []
    for quantity in QUANTITIES:
        predicted, true = averaged[quantity], averaged[f"true_{quantity}"]
        keys = averaged[["experiment", "dataset", "subject"]]
        tables.append(keys.assign(quantity=quantity, mean=(predicted + true) / 2, difference=predicted - true))
    return pd.concat(tables, ignore_index=True)


def _panels(axes, experiments):
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
            ax.axhspan(
                getattr(line, f"{name}_low"),
                getattr(line, f"{name}_high"),
                color=COLOUR[number],
                alpha=0.12,
                linewidth=0,
            )


def _lines(results: Results, summary: pd.DataFrame, experiment: str, quantity: str):
    """The summary's rows of one panel, each with the number of its dataset."""
    for number, dataset in results.datasets.items():
        chosen = (
            (summary["experiment"] == experiment) & (summary["quantity"] == quantity) & (summary["dataset"] == dataset)
        )
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


def _legend(figure, axes, results: Results) -> None:
    handles = [
        axes[0, 0].scatter(
            [], [], s=18, color=COLOUR[number], marker=MARKER[number], label=f"D{number}: {results.describe(number)}"
        )
        for number in results.datasets
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1)
