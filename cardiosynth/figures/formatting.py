"""Tables as pages show them (paper, Table 1): numbers come formatted, an absent one as a dash."""

from dataclasses import dataclass
from html import escape

import pandas as pd

from cardiosynth.data.volumes import QUANTITY
from cardiosynth.figures.results import Results
from cardiosynth.judging import paper
from cardiosynth.judging.combination import COMBINED, PARTS
from cardiosynth.measuring.predictions import GROUPS

DASH = "–"
NARROW = "\N{NO-BREAK SPACE}"  # keeps an interval on one line
ORDER = {name: place for place, name in enumerate((*paper.TABLE1_EXPERIMENTS[:4], "RSP-half-random", "RSP-half-matched"))}
OF = {"regression": "regression", "segmentation": "segmentation", "mean": "mean of both", "weighted": "weighted mean of both"}
TOGETHER = {"regression": "RSP, all trainings", "mean": "RSP and segmentation, mean", "weighted": "RSP and segmentation, weighted"}


@dataclass(frozen=True)
class Table:
    """A data frame with a caption; floats have ``decimals`` digits, missing values are dashes. style: a CSS class."""

    frame: pd.DataFrame
    caption: str
    decimals: int = 1
    style: str = ""

    def _cells(self) -> list[list[str]]:
        return [[self._cell(value) for value in row] for row in self.frame.itertuples(index=False)]

    def _cell(self, value) -> str:
        if pd.isna(value):
            return DASH
        return f"{value:.{self.decimals}f}" if isinstance(value, float) else str(value)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/markdown": self._for_the_book(), "text/html": self._for_a_notebook()}

    def _for_the_book(self) -> str:
        """A MyST table, so that the book's search finds its words."""
        rows = [[str(name) for name in self.frame.columns], ["---"] * self.frame.shape[1], *self._cells()]
        lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |" for row in rows]
        return "\n".join([f"```{{table}} {self.caption}", f":class: numbers {self.style}".rstrip(), *lines, "```"])

    def _for_a_notebook(self) -> str:
        head = "".join(f"<th>{escape(str(name))}</th>" for name in self.frame.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._cells())
        caption = f"<caption>{escape(self.caption)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True)
class Foot:
    """The foot of a page: what made it. text: Markdown, as ``provenance.footer`` gives it."""

    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        text = self.text.strip()
        return {"text/markdown": f":::{{admonition}} What made this page\n:class: note provenance\n{text}\n:::", "text/plain": text}


def table1_beside_paper(results: Results, number: int, split: str = "test") -> Table:
    """Table 1 for one dataset: RMSE ± SD over trainings [interval over subjects], and the paper's value."""
    numbered = {n: results.datasets.get(n) for n in (1, 2)}
    rows = paper.side_by_side(results.table("table1"), numbered, split).query("paper_dataset == @number")
    lines = []
    for experiment, own in ordered(rows):
        line = {"experiment": experiment}
        for row in own.itertuples():
            name, unit = QUANTITY[row.quantity]
            line |= {f"{name} ({unit})": error_cell(row), f"{name}, paper": _printed(row)}
        lines.append(line | {"trainings": own["seeds"].max()})
    lines += _together(results, number, split)
    n = rows["n"].max()
    caption = f"RMSE ± SD over trainings [interval over subjects], split {split}, {n} subjects. {results.describe(number)}."
    return Table(pd.DataFrame(lines), caption)


def table1_by_group(results: Results, number: int, split: str = "test", quantity: str = "ef") -> Table:
    """RMSE by group of true EF for one dataset, one row an experiment."""
    table = results.table("table1")
    rows = table[(table["dataset"] == results.datasets[number]) & (table["split"] == split) & (table["quantity"] == quantity)]
    sizes = rows.groupby("group")["n"].max().reindex(GROUPS).fillna(0).astype(int)
    lines = []
    for experiment, own in ordered(rows):
        cells = {row.group: error_cell(row) for row in own.itertuples()}
        lines.append({"experiment": experiment} | {f"{group} (n = {sizes[group]})": cells.get(group, DASH) for group in GROUPS})
    name, unit = QUANTITY[quantity]
    caption = f"RMSE of {name} ({unit}) by group of true EF, split {split}. {results.describe(number)}."
    return Table(pd.DataFrame(lines), caption)


def verdict_table(results: Results, split: str = "test") -> Table:
    """Every claim of the paper with this study's comparison and verdict."""
    found = paper.verdicts(results.table("tests"), {n: results.datasets.get(n) for n in (1, 2)}, split)
    quantity = found["quantity"].map({name: short for name, (short, _) in QUANTITY.items()})
    frame = pd.DataFrame({
        "claim": found["claim"], "verdict": found["verdict"], "compared": found["first"] + " - " + found["second"],
        "on": quantity + ", " + found["group"] + ", Dataset " + found["paper_dataset"].astype(str),
        "RMSE difference": intervals(found, "rmse_difference"), "paper": found["paper_difference"],
        "limited by": found["reason"].replace("", DASH),
    })  # fmt: skip
    judged = "judged by paired differences of RMSE [interval over subjects and trainings]"
    return Table(frame, f"Claims of the paper, {judged}, split {split}. {results.origin()}", style="claims")


def combined_table(results: Results, split: str = "test", measure: str = "rmse", group: str = "all") -> Table:
    """Errors of regression, segmentation and both together in Dataset 1, then the differences; measure: "rmse" or "mae".

    All trainings of a method are one predictor.
    """
    table = results.table("combined").rename(columns={"low": "value_low", "high": "value_high"})
    own = (table["dataset"] == results.datasets[1]) & (table["split"] == split) & (table["measure"] == measure) & (table["group"] == group)
    rows = table[own].assign(against=table["against"].fillna(""))
    lines = []
    for method, against in [(method, "") for method in OF] + [(method, part) for method in COMBINED for part in PARTS]:
        line = {"": f"{OF[method]} less {OF[against]}" if against else OF[method]}
        here = rows[(rows["method"] == method) & (rows["against"] == against)]
        for quantity, weight, cell in zip(here["quantity"], here["weight"], intervals(here, "value", sign="+" if against else "")):
            name, unit = QUANTITY[quantity]
            line[f"{name} ({unit})"] = cell + (f", weight {weight:.2f}" if method == "weighted" and not against else "")
        lines.append(line)
    n, chosen = (int(rows[name].max()) if len(rows) else 0 for name in ("n", "n_validation"))
    caption = (
        f"{measure.upper()} of the ensemble of regressions, of segmentation, and of both [interval over subjects], group {group}, split {split}, "
        f"{n} subjects; a difference below zero means that both together do better. Weight: of the segmentation, chosen on {chosen} "
        f"validation subjects. {results.origin(1)}"
    )
    return Table(pd.DataFrame(lines), caption)


def ordered(rows: pd.DataFrame):
    """(experiment, its rows) as the paper orders them, then the ablations, then all else."""
    return sorted(rows.groupby("experiment"), key=lambda item: ORDER.get(item[0], len(ORDER)))


def _together(results: Results, number: int, split: str) -> list[dict]:
    """Rows of all trainings as one predictor, alone and with the segmentation; none in studies recorded without them."""
    if not (results.folder / "combined.csv").is_file():
        return []
    rows = results.table("combined").rename(columns={"value": "rmse", "low": "rmse_low", "high": "rmse_high"}).assign(rmse_sd=None)
    rows = rows[(rows["dataset"] == results.datasets.get(number)) & (rows["split"] == split) & (rows["group"] == "all")]
    rows = rows[(rows["measure"] == "rmse") & rows["against"].isna() & rows["method"].isin(TOGETHER)]
    return [
        {"experiment": TOGETHER[method], "trainings": "all"}
        | {f"{QUANTITY[row.quantity][0]} ({QUANTITY[row.quantity][1]})": error_cell(row) for row in own.itertuples()}
        for method, own in rows.groupby("method", sort=False)
    ]


def error_cell(row) -> str:
    """RMSE ± SD over trainings [interval]."""
    if pd.isna(row.rmse):
        return DASH
    spread = "" if pd.isna(row.rmse_sd) else f" ± {row.rmse_sd:.1f}"
    interval = "" if pd.isna(row.rmse_low) else f" [{row.rmse_low:.1f},{NARROW}{row.rmse_high:.1f}]"
    return f"{row.rmse:.1f}{spread}{interval}"


def _printed(row) -> str:
    if pd.isna(row.paper_rmse):
        return DASH
    return f"{row.paper_rmse:.1f}" + ("" if pd.isna(row.paper_rmse_text) else f" ({row.paper_rmse_text:.1f} in its text)")


def interval(value, low, high, sign: str = "+") -> str:
    """A number with its interval, to two decimals; without it where there is none."""
    if pd.isna(value):
        return DASH
    return f"{value:{sign}.2f}" + ("" if pd.isna(low) else f" [{low:{sign}.2f},{NARROW}{high:{sign}.2f}]")


def intervals(table: pd.DataFrame, name: str, sign: str = "+") -> pd.Series:
    """``interval`` of every row, from the columns name, name_low and name_high; dashes where an older recording has none."""
    columns = table.reindex(columns=[name, f"{name}_low", f"{name}_high"])
    return pd.Series([interval(*row, sign=sign) for row in columns.itertuples(index=False)], table.index, dtype=object)


def percentages(table: pd.DataFrame, name: str) -> pd.Series:
    """Shares in percent with their intervals, from the columns name, name_low and name_high; dashes where there is none."""
    shares = 100 * table[[name, f"{name}_low", f"{name}_high"]]
    cells = [DASH if pd.isna(share) else f"{share:.0f} [{low:.0f},{NARROW}{high:.0f}]" for share, low, high in shares.itertuples(index=False)]
    return pd.Series(cells, table.index, dtype=object)
