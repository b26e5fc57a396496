"""Tables as pages show them (paper, Table 1): numbers come formatted, an absent one as a dash."""

from dataclasses import dataclass
from html import escape

import pandas as pd

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import QUANTITY
from cardiosynth.judging import paper
from cardiosynth.judging.tables import TESTS_COLUMNS
from cardiosynth.measuring.predictions import GROUPS, group_of
from cardiosynth.study.experiments import is_question

DASH = "–"
NARROW = "\N{NO-BREAK SPACE}"  # keeps an interval on one line
FORECASTS = {"normal": "each training", "stated": "ensemble, stated", "calibrated": "ensemble, calibrated"}
ORDER = {name: place for place, name in enumerate((*paper.TABLE1_EXPERIMENTS[:4], "RSP-half-random", "RSP-half-matched"))}
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


def errors_by_training(results: Results, number: int, split: str = "test", group: str = "ef<40") -> Table:
    """RMSE of the EF of every single training on one group: how much one seed differs from the next."""
    rows = results.predictions()
    rows = rows[(rows["dataset"] == results.datasets[number]) & (rows["split"] == split)]
    rows = rows[(group_of(rows["true_ef"]) == group) | (group == "all")]
    rows = rows[~rows["experiment"].map(is_question)]  # those have a page of their own
    squared = (rows["ef"] - rows["true_ef"]).pow(2).groupby([rows["experiment"], rows["seed"]]).mean()
    wide = squared.pow(0.5).unstack("seed").add_prefix("seed ")
    wide = wide.loc[sorted(wide.index, key=lambda name: (ORDER.get(name, len(ORDER)), name))]
    caption = f"RMSE of EF (points) by training, group {group} (n = {rows['subject'].nunique()}), split {split}. {results.origin(number)}"
    return Table(wide.rename_axis(columns=None).reset_index(), caption)


def verdict_table(results: Results, split: str = "test") -> Table:
    """Every claim of the paper with this study's comparison and verdict."""
    found = paper.verdicts(results.table("tests"), {n: results.datasets.get(n) for n in (1, 2)}, split)
    lines = [
        {
            "claim": row.claim, "verdict": row.verdict,
            "compared": f"{row.first} - {row.second}",
            "on": f"{QUANTITY[row.quantity][0]}, {row.group}, Dataset {row.paper_dataset}",
            "RMSE difference": interval(row.rmse_difference, row.rmse_difference_low, row.rmse_difference_high),
            "paper": row.paper_difference, "limited by": row.reason or DASH,
        }
        for row in found.itertuples()
    ]  # fmt: skip
    judged = "judged by paired differences of RMSE [interval over subjects and trainings]"
    caption = f"Claims of the paper, {judged}, split {split}. {results.origin()}"
    return Table(pd.DataFrame(lines), caption, style="claims")


def comparison_table(results: Results, split: str = "test", group: str = "all") -> Table:
    """Comparisons of experiments: paired differences, the paper's Kruskal-Wallis test and the paired Wilcoxon test.

    Those over one group, and of all groups those that were stated beforehand: only these have an adjusted p.
    """
    table = results.table("tests").reindex(columns=[*TESTS_COLUMNS, "wilcoxon_p_holm"])  # older recordings have fewer
    shown = (table["split"] == split) & ((table["group"] == group) | table["wilcoxon_p_holm"].notna())
    lines = [
        {
            "dataset": row.dataset, "compared": f"{row.first} - {row.second}", "quantity": QUANTITY[row.quantity][0],
            "group": row.group, "RMSE difference": interval(row.rmse_difference, row.rmse_difference_low, row.rmse_difference_high),
            "MAE difference": interval(row.mae_difference, row.mae_difference_low, row.mae_difference_high),
            "Kruskal-Wallis p": _p(row.kruskal_p), "Wilcoxon p": _p(row.wilcoxon_p),
            "Holm-adjusted": _p(row.wilcoxon_p_holm), "n": row.n,
        }
        for row in table[shown].itertuples()
    ]  # fmt: skip
    caption = f"Comparisons of experiments [interval over subjects and trainings], split {split}. {results.origin()}"
    return Table(pd.DataFrame(lines), caption)


def crps_table(results: Results, split: str = "test") -> Table:
    """Continuous ranked probability score of the predicted volumes, in the challenge's unit and in ml."""
    table = results.table("crps")
    lines = [
        {
            "experiment": row.experiment, "dataset": row.dataset, "forecast": FORECASTS.get(row.forecast, row.forecast),
            "CRPS (challenge)": f"{row.crps_kaggle:.5f}",
            "CRPS (ml)": interval(row.crps_gaussian, row.crps_gaussian_low, row.crps_gaussian_high, sign=""),
            "n": row.n, "trainings": row.seeds,
        }
        for row in table[table["split"] == split].itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(lines), f"CRPS of both volumes [interval over subjects], split {split}; smaller is better. {results.origin()}")


def versions_table(record: dict) -> pd.DataFrame:
    """Software and machine of a build. record: what ``provenance.load`` gives."""
    rows = {"study": record["study"], "commit": record["commit"], "machine": record["machine"], "device": record["device"], **record["versions"]}
    return pd.DataFrame({"what": rows.keys(), "value": rows.values()}).astype(str)


def checksums_table(record: dict) -> pd.DataFrame:
    """SHA-256 of the files of every prepared cohort. record: what ``provenance.load`` gives."""
    rows = [(stage, name, code) for stage, files in record["data_sha256"].items() for name, code in files.items()]
    return pd.DataFrame(rows, columns=["stage", "file", "sha256"])


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


def _p(value) -> str:
    if pd.isna(value):
        return DASH
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
