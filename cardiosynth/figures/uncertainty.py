"""Whether stated uncertainty holds: coverage, reliability, and the error against the stated deviation."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cardiosynth.figures.agreement import PAPER_EXPERIMENTS, ROW_IN, panels
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import COLOUR, INK, MARKER, QUANTITY, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import DASH, NARROW, Table
from cardiosynth.judging.calibration import LEVELS, reliability, spread_and_error
from cardiosynth.measuring.predictions import GROUPS

MISSED = "\N{DAGGER}"  # marks a share that the level does not explain
KINDS = {"stated": "--", "calibrated": "-"}
HELD = 0.9  # the level that groups are shown at
BINS = 5
NAMED = ["experiment", "dataset", "quantity", "forecast"]


def coverage_table(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test", group: str = "all") -> Table:
    """Share of true values inside the central interval of each level, one row an experiment, quantity and forecast."""
    rows = _chosen(results.table("coverage"), experiments, split).query("group == @group and n > 0")
    lines = []
    for (experiment, dataset, quantity, kind), own in rows.groupby(NAMED, sort=False):
        shares = own.set_index("level")
        cells = {f"{100 * level:.0f} %": _share(shares.loc[level]) for level in LEVELS}
        line = {"experiment": experiment, "dataset": dataset, "quantity": QUANTITY[quantity][0], "forecast": kind}
        lines.append(line | cells | {"n": shares["n"].iloc[0], "trainings": shares["seeds"].iloc[0]})
    caption = (
        f"Percentage of true values inside their intervals [exact binomial interval], group {group}, split {split}. {MISSED}: more or "
        f"fewer than the level explains for as many subjects. {results.origin()}"
    )
    return Table(pd.DataFrame(lines), caption)


def coverage_by_group(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test", kind: str = "calibrated") -> Table:
    """Share of true values inside their 90 % intervals by group of true EF."""
    rows = _chosen(results.table("coverage"), experiments, split).query("level == @HELD and forecast == @kind")
    lines = []
    for (experiment, dataset, quantity), own in rows.groupby(["experiment", "dataset", "quantity"], sort=False):
        shares = own.set_index("group")
        cells = {name: DASH if not shares.loc[name, "n"] else f"{_share(shares.loc[name])}, n = {shares.loc[name, 'n']}" for name in GROUPS}
        lines.append({"experiment": experiment, "dataset": dataset, "quantity": QUANTITY[quantity][0]} | cells)
    caption = (
        f"Percentage of true values inside {100 * HELD:.0f} % intervals by group of true EF, {kind} forecasts, split {split}. {results.origin()}"
    )
    return Table(pd.DataFrame(lines), caption)


def calibration_table(results: Results) -> Table:
    """What the deviations were multiplied with, from validation subjects."""
    table = results.table("calibration")
    lines = [
        {
            "experiment": row.experiment, "dataset": row.dataset, "deviations times": np.sqrt(row.factor),
            "grow with the volume to the power": row.power, "validation subjects": row.n, "trainings": row.seeds,
        }
        for row in table.itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(lines), f"Calibration of each ensemble on validation subjects. {results.origin()}", 2)


@house_style
def reliability_curves(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test") -> Picture:
    """Share of subjects at or below each probability of their forecast, one row an experiment, one column a quantity."""
    rows = _chosen(results.table("forecasts"), experiments, *split.split("+"))
    confidence = results.study.statistics.confidence
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4), sharex=True, sharey=True)
    curves = []
    for ax, experiment, quantity in panels(axes, experiments):
        ax.plot([0, 1], [0, 1], color=INK, linewidth=0.6)
        for number, kind, own in _series(results, rows, experiment, quantity):
            curve = reliability(own["pit"], confidence)
            ax.plot(curve["nominal"], curve["observed"], color=COLOUR[number], linestyle=KINDS[kind], linewidth=1.2)
            if kind == "stated":  # the band depends on the number of subjects only
                ax.fill_between(curve["nominal"], curve["low"], curve["high"], color=COLOUR[number], alpha=0.12, linewidth=0)
            curves.append(curve.assign(**_named(results, experiment, number, quantity, kind), n=len(own)))
        ax.set(title=f"{experiment}: {QUANTITY[quantity][0]}", xlabel="probability up to the true value", ylabel="share of subjects")
        ax.tick_params(labelbottom=True, labelleft=True)
    data = pd.concat(curves)
    _legend(figure, results)
    caption = (
        f"**Reliability of the forecasts**, split `{split}`. A right forecast follows the diagonal and stays in the band "
        f"of {100 * confidence:.0f} % (Kolmogorov, exact for the number of subjects); a steep middle means that deviations are too large, "
        "a flat one that they are too small, a curve above the diagonal that values are overestimated."
    )
    worst = data.assign(distance=(data["observed"] - data["nominal"]).abs()).groupby(NAMED, sort=False)["distance"].max()
    words = "; ".join(f"{' '.join(names)} {distance:.2f}" for names, distance in worst.items())
    return keep(figure, data, results, "11-reliability", caption, f"Reliability curves. Largest distance from the diagonal: {words}.")


@house_style
def error_against_deviation(results: Results, experiments=PAPER_EXPERIMENTS, split: str = "test", bins: int = BINS) -> Picture:
    """Root mean square error against stated deviation of groups of subjects, ordered by that deviation."""
    rows = _chosen(results.table("forecasts"), experiments, *split.split("+"))
    figure, axes = new_figure(len(experiments), 3, (9.0, ROW_IN * len(experiments) + 0.4), sharex="col", sharey="col")
    tables = []
    for ax, experiment, quantity in panels(axes, experiments):
        for number, kind, own in _series(results, rows, experiment, quantity):
            found = spread_and_error(own, bins, results.study.statistics, results.study.seed)
            reach = np.abs(found[["error_low", "error_high"]].to_numpy(float).T - found["error"].to_numpy())
            face = COLOUR[number] if kind == "calibrated" else "white"
            ax.errorbar(found["sd"], found["error"], np.nan_to_num(reach), color=COLOUR[number], marker=MARKER[number],
                        markerfacecolor=face, linestyle=KINDS[kind], linewidth=0.8, markersize=5, elinewidth=0.7, capsize=2)  # fmt: skip
            tables.append(found.assign(**_named(results, experiment, number, quantity, kind)))
        name, unit = QUANTITY[quantity]
        ax.set(title=f"{experiment}: {name}", xlabel=f"predicted deviation ({unit})", ylabel=f"RMS error ({unit})")
        ax.set(xlim=(0, None), ylim=(0, None))
        ax.axline((0, 0), slope=1, color=INK, linewidth=0.6)
        ax.tick_params(labelbottom=True, labelleft=True)
    data = pd.concat(tables)
    _legend(figure, results)
    caption = (
        f"**Error against predicted deviation**, split `{split}`: subjects ordered by the deviation of their forecast, in {bins} groups, "
        "with intervals over subjects. Where deviations tell who is measured badly, points lie on the diagonal, far from each other."
    )
    ends = [(names, own.iloc[0], own.iloc[-1]) for names, own in data.groupby(NAMED, sort=False)]
    words = "; ".join(f"{' '.join(names)} {a.error:.1f} at {a.sd:.1f}, {b.error:.1f} at {b.sd:.1f}" for names, a, b in ends)
    alt = f"RMS error at the smallest and at the largest predicted deviation: {words}."
    return keep(figure, data, results, "11-error-against-deviation", caption, alt)


def _named(results: Results, *values) -> dict:
    experiment, number, quantity, kind = values
    return dict(zip(NAMED, (experiment, results.datasets[number], quantity, kind)))


def _chosen(table: pd.DataFrame, experiments, *splits: str) -> pd.DataFrame:
    return table[table["experiment"].isin(experiments) & table["split"].isin(splits)]


def _series(results: Results, rows: pd.DataFrame, experiment: str, quantity: str):
    """The number of the dataset, the kind of forecast and its rows, for one panel."""
    for number, dataset in results.datasets.items():
        for kind in KINDS:
            chosen = (rows["experiment"] == experiment) & (rows["quantity"] == quantity) & (rows["dataset"] == dataset)
            own = rows[chosen & (rows["forecast"] == kind)]
            if len(own):
                yield number, kind, own


def _share(row) -> str:
    """Percentage covered with its interval, marked where the level does not explain it."""
    low, high = 100 * row["covered_low"], 100 * row["covered_high"]
    return f"{100 * row['covered']:.0f} [{low:.0f},{NARROW}{high:.0f}]{'' if row['holds'] else MISSED}"


def _legend(figure, results: Results) -> None:
    handles = [Line2D([], [], color=COLOUR[number], marker=MARKER[number], linestyle="", label=f"D{number}: {results.describe(number)}")
               for number in results.datasets]  # fmt: skip
    handles += [Line2D([], [], color=INK, linestyle=style, label=kind) for kind, style in KINDS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
