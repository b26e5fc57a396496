"""Errors by EF group of the ablations (paper, Results), and the time of a prediction."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cardiosynth.figures.results import Results, open_results, recorded
from cardiosynth.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import Table
from cardiosynth.judging.paper import published
from cardiosynth.measuring.predictions import GROUPS

LOOK = {
    "RSO": (INK, "s"), "RSA": (PURPLE, "P"), "RSP": (BLUE, "o"),
    "RSP-half-random": (GREEN, "^"), "RSP-half-matched": (VERMILION, "v"),
    "SSO": (ORANGE, "D"), "segmentation": (SKY, "X"),
}  # fmt: skip
ABLATIONS = ("RSO", "RSP", "RSP-half-random", "RSP-half-matched")


def errors_by_group(results: Results, experiments, split: str, quantity: str, compare=()) -> pd.DataFrame:
    """Rows of Table 1 for these experiments in Dataset 1 by EF group, of this study and of others to compare with.

    compare: folders of results.
    """
    studies = [results, *(open_results(folder) for folder in compare)]
    tables = [s.table("table1").query("dataset == @s.datasets[1]").assign(study=s.study.name) for s in studies]
    table = pd.concat(tables, ignore_index=True)
    wanted = table["experiment"].isin(experiments) & (table["split"] == split) & (table["quantity"] == quantity)
    columns = ["study", "experiment", "group", "rmse", "rmse_low", "rmse_high", "rmse_sd", "n", "seeds"]
    return table.loc[wanted, columns].reset_index(drop=True)


@house_style
def ablations(results: Results, experiments=ABLATIONS, split: str = "test", quantity: str = "ef", compare=()) -> Picture:
    """RMSE by EF group with its interval over patients, one mark per study and experiment; the paper's as rings."""
    table = errors_by_group(results, experiments, split, quantity, compare)
    studies = list(table["study"].unique())
    figure, axes = new_figure(len(studies), 1, (8.2, 3.2 * len(studies) + 0.5), sharex=True, sharey=True)
    for ax, study in zip(axes[:, 0], studies):
        for place, experiment in enumerate(experiments):
            rows = table[(table["study"] == study) & (table["experiment"] == experiment)].set_index("group").reindex(GROUPS)
            _marks(ax, rows, experiment, np.arange(len(GROUPS)) + 0.15 * (place - (len(experiments) - 1) / 2))
        sizes = table[table["study"] == study].groupby("group")["n"].max().reindex(GROUPS).fillna(0).astype(int)
        ax.set_xticks(range(len(GROUPS)), [f"{group}\nn = {sizes[group]}" for group in GROUPS])
        ax.tick_params(labelbottom=True)
        ax.set(title=f"Study {study}", ylabel=f"RMSE of {'EF (points)' if quantity == 'ef' else quantity}", ylim=(0, None))
        ax.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    ring = Line2D([], [], marker="o", markersize=9, markerfacecolor="none", color=INK, linestyle="", label="printed in the paper")
    handles = axes[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=[*handles, ring], loc="outside lower center", ncols=min(len(handles) + 1, 5))
    caption = (
        f"**Figure 8.** Errors by group of true EF, Dataset 1, split `{split}`: mean over trainings, interval "
        f"over subjects. Groups of few subjects "
        "have wide intervals or none. Rings: what the paper prints for its own data."
    )
    alt = "RMSE by group: " + "; ".join(f"{r.study} {r.experiment} {r.group} {r.rmse:.1f}" for r in table.itertuples()) + "."
    return keep(figure, table, results, "09-ablations", caption, alt, 1)


def _marks(ax, rows: pd.DataFrame, experiment: str, x) -> None:
    colour, marker = LOOK.get(experiment, (INK, "."))
    reach = np.abs(rows[["rmse_low", "rmse_high"]].to_numpy(float).T - rows["rmse"].to_numpy(float))
    ax.errorbar(x, rows["rmse"], np.nan_to_num(reach), color=colour, marker=marker, linestyle="", capsize=2, label=experiment)
    for place, group in zip(x, GROUPS):
        printed = published("rmse", quantity="ef", dataset=1, experiment=experiment, group=group)["value"]
        if len(printed):
            ax.plot([place], [printed.iloc[0]], marker="o", markersize=9, markerfacecolor="none", markeredgecolor=colour)


def inference_summary(*studies: Results) -> pd.DataFrame:
    """Milliseconds per subject: mean, SD and median of these studies, and what the paper prints."""
    rows = []
    for results in studies:
        table = results.table("inference")
        own = 1e3 * table["seconds"]
        whose = f"study {results.study.name}, {results.study.grid.size_px} pixels, per subject of {table['slices'].mean():.1f} slices"
        rows.append({"of": whose, "mean_ms": own.mean(), "sd_ms": own.std(), "median_ms": own.median(), "subjects": len(own)})
    printed = published("inference").set_index("quantity")["value"]
    there = {"of": "paper, per what is not said", "mean_ms": printed["mean"], "sd_ms": printed["sd"]}
    return pd.DataFrame([*rows, there]).astype({"subjects": "Int64"})


@house_style
def inference_time(results: Results) -> Picture:
    """Milliseconds per subject against its slices, one point a subject, and the paper's mean ± SD."""
    table = results.table("inference")
    milliseconds = 1e3 * table["seconds"]
    own, printed = inference_summary(results).itertuples()
    figure, axes = new_figure(1, 1, (7.0, 3.0))
    ax = axes[0, 0]
    ax.axhspan(printed.mean_ms - printed.sd_ms, printed.mean_ms + printed.sd_ms, color=ORANGE, alpha=0.25, linewidth=0)
    ax.axhline(printed.mean_ms, color=ORANGE, label="paper, mean ± SD, per what is not said")
    ax.scatter(table["slices"], milliseconds, s=16, color=BLUE, alpha=0.6, linewidth=0, label="a subject of this study")
    ax.set(xlabel="slices of the subject", ylabel="milliseconds", ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    caption = (
        "**Figure 9.** Time of one prediction on the device named below: a subject that lies in memory passes "
        "through network and ridge; "
        "reading, resampling and cropping are not included."
    )
    own_words, printed_words = (f"{row.mean_ms:.1f} ± {row.sd_ms:.1f}" for row in (own, printed))
    alt = f"Milliseconds per subject: {own_words}; the paper prints {printed_words}."
    return keep(figure, table, results, "10-inference-time", caption, alt, 1)


def prediction_speed(folder) -> Table:
    """Recorded speed of the networks as ``predict`` runs them beside the plain ones. folder: data/results/predict."""
    columns = {"name": "what", "subjects_per_s": "subjects a second", "ratio": "times as fast", "device": "device", "threads": "threads"}
    rows = recorded(folder, "speed.json")
    caption = (
        f"Features of {rows['subjects'].max()} hearts of {rows['slices'].max()} slices, all in one run on one machine; random weights, phantom "
        f"images. Largest difference from the plain forward pass: {rows['max_difference'].max():.0e}."
    )
    return Table(rows[list(columns)].rename(columns=columns), caption)
