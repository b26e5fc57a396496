"""Regression and segmentation together: the alarm, the combined reading, and the clearing of normal scans."""

import numpy as np
import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, QUANTITY, VERMILION, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import DASH, NARROW, Table, interval
from cardiosynth.judging.alarm import ALARMS, ERROR_OF, SPECIFICITY
from cardiosynth.judging.alarm import LIMITS as ERRORS
from cardiosynth.judging.clearing import LIMITS, RULES
from cardiosynth.judging.combination import COMBINED, PARTS

ALARM = {"disagreement": ("disagreement", BLUE, "-"), "sd": ("predicted deviation", ORANGE, "--")}
OF = {"regression": "regression", "segmentation": "segmentation", "mean": "mean of both", "weighted": "weighted mean of both"}
RULE = {"regression": ("forecast of the regression", BLUE, "-", "o"), "segmentation": ("segmentation", VERMILION, "--", "X"),
        "mean": ("mean of both", GREEN, "-.", "s"), "both": ("both agree", PURPLE, ":", "D")}  # fmt: skip
TOO_FEW = "too few subjects on one side"


@house_style
def alarm_roc(results: Results) -> Picture:
    """ROC curves of both alarms in Dataset 1: one row a limit of the EF error, one column the method whose errors are looked for."""
    curves, judged = _own(results, "roc"), _own(results, "alarm")
    figure, axes = new_figure(len(ERRORS), len(ERROR_OF), (8.6, 6.2), sharex=True, sharey=True)
    figure.get_layout_engine().set(h_pad=0.12)
    for ax, (limit, error_of) in zip(axes.flat, ((limit, error_of) for limit in ERRORS for error_of in ERROR_OF)):
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.6)
        here = judged.query("limit == @limit and error_of == @error_of").set_index("alarm")
        for alarm in ALARMS if len(here) else ():
            curve, (name, colour, style) = curves.query("limit == @limit and error_of == @error_of and alarm == @alarm"), ALARM[alarm]
            label = f"{name}\n{interval(*here.loc[alarm, ['auc', 'auc_low', 'auc_high']], sign='')}"
            ax.plot(curve["false_alarms"], curve["sensitivity"], style, color=colour, label=label if len(curve) else None)
        if curves.query("limit == @limit and error_of == @error_of").empty:
            ax.text(0.5, 0.15, TOO_FEW, ha="center", color=INK, fontsize=8)
        counted = f", {here['badly'].iloc[0]} of {here['n'].iloc[0]}" if len(here) else ""
        ax.set(title=f"{OF[error_of]}: > {limit:.0f} points{counted}", xlabel="false alarms (share)", ylabel="sensitivity", aspect="equal")
        ax.label_outer()
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="lower right", fontsize=7)
    caption = (
        "Which subjects are measured badly? ROC curves of two alarms, the disagreement of regression and segmentation and the deviation "
        "that the regression predicts by itself, for EF errors of each method above a limit; area under the curve [interval over "
        f"subjects]. {_split(judged)}"
    )
    areas = [f"{OF[row.error_of]} over {row.limit:.0f} points, {ALARM[row.alarm][0]}: {row.auc:.2f}"
             for row in judged.dropna(subset="auc").itertuples()]  # fmt: skip
    return keep(figure, curves, results, "12-alarm", caption, f"Areas under ROC curves. {'; '.join(areas) or TOO_FEW}.", 1)


def alarm_table(results: Results) -> Table:
    """Both alarms: area, what disagreement gains, and what a threshold chosen on validation subjects finds."""
    rows = _own(results, "alarm")
    columns = ["EF error", "alarm", "subjects", "area under the curve", "gain over predicted deviation",
               "threshold (points)", "sensitivity", "specificity"]  # fmt: skip
    lines = [
        (f"{OF[row['error_of']]}, > {row['limit']:.0f} points", ALARM[row["alarm"]][0], f"{row['badly']} of {row['n']}",
         *(interval(*(row[name + end] for end in ("", "_low", "_high")), sign=sign) for name, sign in (("auc", ""), ("auc_gain", "+"))),
         f"{row['threshold']:.1f}" if np.isfinite(row["threshold"]) else DASH,
         *(_percent(row, name) for name in ("sensitivity", "specificity")))
        for row in rows.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Alarms for large EF errors; area [interval over subjects], sensitivity and specificity in percent [exact binomial interval]. "
        f"Validation subjects chose each threshold, for a specificity of at least {100 * SPECIFICITY:.0f} % among subjects like them; none "
        f"where they were too few. {_split(rows)} {results.origin(1)}"
    )
    return Table(pd.DataFrame(lines, columns=columns), caption)


def combined_table(results: Results, split: str = "test", measure: str = "rmse", group: str = "all") -> Table:
    """Errors of each method and of both together, and the differences; all trainings of a method are one predictor."""
    rows = _own(results, "combined").query("split == @split and measure == @measure and group == @group")
    rows = rows.assign(against=rows["against"].fillna(""))
    lines = []
    for method, against in [(method, "") for method in (*PARTS, *COMBINED)] + [(method, part) for method in COMBINED for part in PARTS]:
        own = rows.query("method == @method and against == @against").set_index("quantity")
        line = {"": f"{OF[method]} less {OF[against]}" if against else OF[method]}
        for quantity, (name, unit) in QUANTITY.items() if len(own) else ():
            row = own.loc[quantity]
            weight = f", weight {row['weight']:.2f}" if method == "weighted" and not against else ""
            line[f"{name} ({unit})"] = interval(row["value"], row["low"], row["high"], sign="+" if against else "") + weight
        lines.append(line)
    n, chosen = (int(rows[name].max()) if len(rows) else 0 for name in ("n", "n_validation"))
    caption = (
        f"{measure.upper()} of the ensemble of regressions, of segmentation, and of both [interval over subjects], group {group}, split {split}, "
        f"{n} subjects; a difference below zero means that both together do better. Weight: of the segmentation, chosen on {chosen} "
        f"validation subjects. {results.origin(1)}"
    )
    return Table(pd.DataFrame(lines), caption)


@house_style
def clearing_curve(results: Results, most_missed: float = 0.25) -> Picture:
    """Share of scans cleared against the share of reduced ones missed in Dataset 1, one panel a limit, one line a rule.

    most_missed: where the axis ends; beyond, no rule would be used.
    """
    rows = _own(results, "clearing")
    figure, axes = new_figure(1, len(LIMITS), (8.6, 4.2), sharex=True, sharey=True)
    for ax, limit in zip(axes[0], LIMITS):
        here = rows.query("limit == @limit")
        for rule in RULES:
            name, colour, style, marker = RULE[rule]
            own = here.query("rule == @rule")
            curve, chosen = own[own["stated"].isna()], own[own["stated"].notna()]
            ax.plot(curve["missed_of_reduced_share"], curve["cleared_share"], style, color=colour, label=name, drawstyle="steps-post")
            ax.plot(chosen["missed_of_reduced_share"], chosen["cleared_share"], marker, color=colour, markersize=7, markerfacecolor="none")
        if here["missed_of_reduced_share"].notna().any():
            n, reduced = here["n"].iloc[0], here["reduced"].iloc[0]
            ax.axhline(1 - reduced / n, color=GREY, linewidth=0.6)
            ax.set_title(f"EF below {limit:.0f} %: {reduced} of {n}")
        else:
            ax.text(0.5, 0.5, "no subject to miss", ha="center", color=INK, fontsize=8)
            ax.set_title(f"EF below {limit:.0f} %")
        ax.set(xlabel="missed, share of the reduced", ylabel="cleared, share of all", xlim=(-0.03 * most_missed, most_missed))
        ax.label_outer()
    shown = rows.loc[rows["missed_of_reduced_share"] <= most_missed, "cleared_share"]
    axes[0, 0].set_ylim(-0.02, 1.05 * max([*shown, *(1 - rows["reduced"] / rows["n"])], default=1))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(RULES))
    caption = (
        "Scans cleared as not reduced against reduced ones missed, for every threshold that misses few; "
        f"marks are the thresholds that validation subjects chose. "
        f"Grey: as many as are not reduced, cleared by a perfect reading without a miss. {_split(rows)}"
    )
    alt = "Curves that rise with the share missed, for two limits of the ejection fraction and four rules."
    return keep(figure, rows, results, "12-clearing", caption, alt, 1)


def clearing_table(results: Results, limit: float = 40.0) -> Table:
    """What each rule clears and misses at the thresholds that validation subjects chose."""
    rows = _own(results, "clearing").query("limit == @limit and stated == stated")
    columns = ["rule", "missed, at most (% of all)", "cleared (% of all)", "missed (% of all)", "missed (% of the reduced)", "note"]
    shares = ("cleared_share", "missed_share", "missed_of_reduced_share")
    lines = [(RULE[row["rule"]][0], f"{100 * row['stated']:.0f}", *(_percent(row, name) for name in shares),
              DASH if pd.isna(row["reason"]) else row["reason"]) for row in rows.to_dict("records")]  # fmt: skip
    reduced = f"{rows['reduced'].max()} of {rows['n'].max()} are below. " if len(rows) else ""
    caption = (
        f"Clearing scans as EF not below {limit:.0f} % [exact binomial interval], thresholds from validation subjects. {reduced}"
        f"{_split(rows)} {results.origin(1)}"
    )
    return Table(pd.DataFrame(lines, columns=columns), caption)


def _own(results: Results, name: str) -> pd.DataFrame:
    """Rows of Dataset 1, the only one whose masks train a segmentation."""
    table = results.table(name)
    return table[table["dataset"] == results.datasets[1]]


def _split(rows: pd.DataFrame) -> str:
    """Which subjects were judged, in words."""
    return f"Split {rows['split'].iloc[0]}." if len(rows) else "No split has enough subjects that both methods read."


def _percent(row, name: str) -> str:
    """A share with its interval in percent."""
    value, low, high = (100 * row[name + end] for end in ("", "_low", "_high"))
    return DASH if pd.isna(value) else f"{value:.0f} [{low:.0f},{NARROW}{high:.0f}]"
