"""What the paper prints, what it claims, and how a study's results bear on each claim.

All facts come from ``data/paper/*.csv`` (Gheorghita et al., Scientific Reports 2022). Datasets are 1 and 2
as in the paper; ``datasets`` maps them to the study's names, with None for a dataset the study lacks:
``{1: "phantom-a", 2: "phantom-b"}``.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from cardiosynth import ROOT
from cardiosynth.data.volumes import ERROR_IN
from cardiosynth.study.errors import InputError

DATA = ROOT / "data" / "paper"
TABLE1_EXPERIMENTS = ("SSO", "RSO", "RSA", "RSP", "segmentation")
HEADINGS = {name: f"{short} ({unit})" for name, (short, unit) in ERROR_IN.items()}
EXPECTED = ("second smaller", "first smaller", "equal")
RMSE_COLUMNS = ("rmse", "rmse_low", "rmse_high", "rmse_sd", "n", "seeds")
DIFFERENCES = tuple(f"{measure}_difference{end}" for measure in ("rmse", "mae") for end in ("", "_low", "_high"))
NUMBERS = [*DIFFERENCES, "wilcoxon_p", "kruskal_p", "n", "seeds_first", "seeds_second"]


@lru_cache
def _read(name: str) -> pd.DataFrame:
    path = DATA / name
    if not path.is_file():
        raise InputError(f"{path}: not found; run from a clone of the repository, which holds data/paper")
    return pd.read_csv(path, keep_default_na=False, na_values={"value": [""], "dataset": [""], "margin": [""]})


def published(statistic: str | None = None, **conditions) -> pd.DataFrame:
    """Rows of what the paper prints: statistic, quantity, dataset, experiment, group, value, unit, where, note.

    conditions are column=value pairs. Where text and Table 1 differ there are two rows: ``where`` tells.
    Raises InputError for an unknown column.
    """
    rows = _read("published.csv")
    conditions |= {} if statistic is None else {"statistic": statistic}
    for column, value in conditions.items():
        if column not in rows:
            raise InputError(f"published: no column {column!r}; expected one of {', '.join(rows)}")
        rows = rows[rows[column] == value]
    return rows.reset_index(drop=True)


def published_value(statistic: str, **conditions) -> float:
    """The one value that meets the conditions; the value of Table 1 where the text prints another.

    Raises InputError where the paper prints none, or several that differ.
    """
    rows = published(statistic, **conditions)
    in_table = rows[rows["where"] == "Table 1"]
    values = (in_table if len(in_table) else rows).value.unique()
    if len(values) != 1:
        raise InputError(f"published: {len(values)} values for {statistic} with {conditions}; expected exactly one")
    return float(values[0])


def synthetic_counts(candidates: pd.DataFrame) -> pd.DataFrame:
    """How many synthetic subjects a study has beside the paper, one row a split.

    candidates: the table of all recipes, with split, source_id, kept and chosen. Sources are the real subjects that the masks
    come from; columns named "paper: ..." are the paper's, of its Dataset 1.
    """
    rows = []
    for split in ("train", "validation"):
        own = candidates[candidates["split"] == split]
        sources, kept = own["source_id"].nunique(), int(own["kept"].sum())
        printed, real = (published_value("count", quantity=split, dataset=1, experiment=who) for who in ("synthetic", ""))
        rows.append({
            "split": split, "sources": sources, "candidates": len(own), "kept": kept,
            "chosen": int(own["chosen"].sum()),
            "kept per source": kept / sources if sources else float("nan"),
            "paper: sources": int(real), "paper: synthetic": int(printed), "paper: per source": printed / real,
        })  # fmt: skip
    return pd.DataFrame(rows)


def published_table1() -> pd.DataFrame:
    """Table 1 as printed: experiment, dataset (1 or 2), quantity, rmse, and rmse_text where the text differs.

    Without the row of Bai et al., whose figures are mean absolute differences.
    """
    rows = published("rmse", group="all")
    keys = ["experiment", "dataset", "quantity"]
    table = rows[rows["where"] == "Table 1"].rename(columns={"value": "rmse"})[[*keys, "rmse"]]
    text = rows[rows["where"] == "text"].rename(columns={"value": "rmse_text"})[[*keys, "rmse_text"]]
    table = table.merge(text, on=keys, how="left").astype({"dataset": int})
    return table.assign(rmse_text=table.rmse_text.where(table.rmse_text != table.rmse))


def context() -> pd.DataFrame:
    """Figures of others to read an error against: readers, the Kaggle challenge, published segmentations."""
    return _read("context.csv").copy()


def audit() -> pd.DataFrame:
    """What the paper contradicts or leaves open: number, printed, finding, calculated (yes or no)."""
    return _read("audit.csv").copy()


def claims() -> pd.DataFrame:
    """The paper's claims and the comparison that judges each: id, claim, dataset, first, second, group, quantity,
    expected, margin (only for ``equal``, in the unit of the quantity), where, note."""
    return _read("claims.csv").copy()


def judge(expected: str, low: float, high: float, margin: float = np.nan) -> str:
    """The verdict of the interval [low, high] of RMSE(first) - RMSE(second) on what was expected.

    ``second smaller`` and ``first smaller`` agree where the interval excludes zero on that side and contradict
    where it excludes zero on the other. ``equal`` agrees where the interval lies within +- margin and
    contradicts where it lies wholly outside. All else, and an interval of NaN, is undecided.
    """
    if expected == "equal":
        agrees, contradicts = -margin < low and high < margin, low > margin or high < -margin
    elif expected in EXPECTED:
        agrees, contradicts = (low > 0, high < 0) if expected == "second smaller" else (high < 0, low > 0)
    else:
        raise InputError(f"claims: expected is {expected!r}; it must be one of {', '.join(EXPECTED)}")
    return "agrees" if agrees else "contradicts" if contradicts else "undecided"


def verdicts(tests: pd.DataFrame, datasets: dict, split: str = "test") -> pd.DataFrame:
    """Every claim with the study's comparison and a verdict: agrees, contradicts, undecided or not tested.

    tests: the table of ``tables.tests``, whose interval over subjects and trainings decides. Beside the study's numbers
    stand the paper's own difference (NaN where it prints none) and ``reason``, which names what limits the verdict.
    """
    records = []
    for claim in claims().to_dict("records"):
        claim["paper_dataset"] = claim.pop("dataset")
        name = datasets.get(claim["paper_dataset"])
        wanted = {key: claim[key] for key in ("first", "second", "group", "quantity")}
        numbers = compared(tests, wanted | {"dataset": name, "split": split})
        records.append(claim | {"study_dataset": name} | numbers | verdict(claim, numbers, name) | {"paper_difference": _paper_difference(claim)})
    table = pd.DataFrame(records)
    order = [
        "id",
        "claim",
        "verdict",
        "reason",
        "paper_dataset",
        "study_dataset",
        "first",
        "second",
        "group",
        "quantity",
        "expected",
        "margin",
        *NUMBERS,
        "paper_difference",
        "where",
        "note",
    ]
    return table[order].astype({name: "Int64" for name in ("n", "seeds_first", "seeds_second")})


def compared(tests: pd.DataFrame, wanted: dict) -> dict:
    """NUMBERS of the row of ``tables.tests`` with the wanted values, NaN where there is none."""
    rows = tests[(tests[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return rows.reindex(columns=NUMBERS).iloc[0].to_dict() if len(rows) else dict.fromkeys(NUMBERS, np.nan)


def verdict(claim: dict, numbers: dict, dataset: str | None) -> dict:
    """verdict and reason of a claim (expected, margin) by the numbers of its comparison on a dataset."""
    if dataset is None:
        return {"verdict": "not tested", "reason": f"the study has no Dataset {claim['paper_dataset']}"}
    if np.isnan(numbers["n"]):
        return {"verdict": "not tested", "reason": "the study does not compare these"}
    if numbers["n"] == 0:
        return {"verdict": "not tested", "reason": "no subject in this group"}
    low, high = numbers["rmse_difference_low"], numbers["rmse_difference_high"]
    return {"verdict": judge(claim["expected"], low, high, claim.get("margin", np.nan)), "reason": _caution(numbers)}


def _caution(numbers: dict) -> str:
    """What the interval does not know."""
    if np.isnan(numbers["rmse_difference_low"]):
        return "too few subjects for an interval"
    if min(numbers["seeds_first"], numbers["seeds_second"]) == 1:
        return "one training on at least one side: the interval does not know how another would differ"
    return ""


def _paper_difference(claim: dict) -> float:
    """RMSE(first) - RMSE(second) as the paper prints them, NaN where it does not print both."""
    try:
        first, second = (
            published_value("rmse", experiment=claim[side], dataset=claim["paper_dataset"], quantity=claim["quantity"], group=claim["group"])
            for side in ("first", "second")
        )
    except InputError:
        return np.nan
    return round(first - second, 6)


def side_by_side(table1: pd.DataFrame, datasets: dict, split: str = "test") -> pd.DataFrame:
    """The study's Table 1 (group ``all``) beside the paper's, one row per experiment, dataset and quantity.

    Columns: experiment, paper_dataset, dataset, quantity, rmse, rmse_low, rmse_high, rmse_sd, n, seeds, paper_rmse,
    paper_rmse_text (where the paper's text prints another value). NaN where either side has no value.
    """
    names = pd.DataFrame([{"dataset": name, "paper_dataset": number} for number, name in datasets.items() if name])
    study = table1[(table1["split"] == split) & (table1.group == "all")].merge(names, on="dataset")
    paper = published_table1().rename(columns={"dataset": "paper_dataset", "rmse": "paper_rmse", "rmse_text": "paper_rmse_text"})
    both = study.merge(paper[paper.experiment.isin(TABLE1_EXPERIMENTS)], how="outer", on=["experiment", "paper_dataset", "quantity"])
    both["dataset"] = both.paper_dataset.map(datasets)
    for column, known in (("experiment", TABLE1_EXPERIMENTS), ("quantity", HEADINGS)):
        both[column] = pd.Categorical(both[column], list(dict.fromkeys([*known, *both[column]])))
    both = both.sort_values(["experiment", "paper_dataset", "quantity"], ignore_index=True)
    both = both.astype({"experiment": str, "quantity": str, "n": "Int64", "seeds": "Int64"})
    return both[["experiment", "paper_dataset", "dataset", "quantity", *RMSE_COLUMNS, "paper_rmse", "paper_rmse_text"]]


def format_table1(table1: pd.DataFrame, split: str = "test") -> str:
    """Table 1 as plain text of at most 100 columns: RMSE +- SD over seeds, one row per experiment.

    One block of EDV, ESV and EF per dataset (two fit side by side); a dash where there is no value, no SD for
    one seed. The last lines give the subjects and seeds behind it.
    """
    rows = table1[(table1["split"] == split) & (table1.group == "all")]
    datasets = list(rows.dataset.unique())[:2]
    if not datasets:
        raise InputError(f"table1: no rows of split {split!r}; expected a table with this split, run the study first")
    cells = {(row.experiment, row.dataset, row.quantity): _cell(row) for row in rows.itertuples()}
    columns = [(dataset, quantity) for dataset in datasets for quantity in HEADINGS]
    lines = [
        "RMSE ± SD over seeds, " + split + " subjects",
        " " * 13 + "".join(f"{dataset:^42}" for dataset in datasets),
        f"{'':13}" + "".join(f"{HEADINGS[quantity]:>14}" for _, quantity in columns),
    ]
    for experiment in TABLE1_EXPERIMENTS:
        if experiment in set(rows.experiment):
            lines.append(f"{experiment:13}" + "".join(f"{cells.get((experiment, *column), '–'):>14}" for column in columns))
    counts = rows.groupby("dataset", sort=False).n.max()
    seeds = rows.groupby("experiment", sort=False).seeds.max()
    lines += [
        "subjects: " + ", ".join(f"{name} {n}" for name, n in counts.items()),
        "seeds: " + ", ".join(f"{name} {n}" for name, n in seeds.items() if name in TABLE1_EXPERIMENTS),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cell(row) -> str:
    if np.isnan(row.rmse):
        return "–"
    return f"{row.rmse:.1f}" if np.isnan(row.rmse_sd) else f"{row.rmse:.1f} ± {row.rmse_sd:.1f}"
