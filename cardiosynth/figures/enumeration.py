"""How many synthetic subjects the paper's recipe gives, and how flat the choice among them is (paper, Fig. 1c)."""

from functools import lru_cache

import numpy as np
import pandas as pd

from cardiosynth import ROOT
from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import ejection_fraction, volume_ml
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import GREEN, GREY, INK, Picture, house_style, keep, new_figure
from cardiosynth.figures.tables import Table
from cardiosynth.judging import enumeration
from cardiosynth.masks.selection import choose, flatness
from cardiosynth.masks.targets import EDV_BINS, bin_edges, edv_bin_of, histogram, make_target

RECORDED = ROOT / "data" / "results" / "masks" / "model_check.csv"
READING = ("alpha_interval", "gamma_interval", "scaling", "gamma_acts_on", "include_original")
EDV_BIN_ML = 20.0


@lru_cache
def _all_readings() -> pd.DataFrame:
    return enumeration.readings()


def readings(results: Results, top: int = 12) -> Table:
    """The counts that each reading of the paper's recipe predicts, beside what it prints; best supported first.

    top: how many readings of 144. The study's own, marked, is shown wherever it stands.
    """
    table, printed = _all_readings(), enumeration.printed_counts()
    settings = results.study.masks
    own = (table[list(READING)] == [getattr(settings, name) for name in READING]).all(axis=1)
    own &= table["sources"] == enumeration.SOURCES[0]
    shown = table[own | (table.index < top)]
    lines = [{
        "reading": "printed", "train": _count(printed["train"]), "validation": _count(printed["validation"]),
        "total": f"{_count(printed['total'])} ({_count(printed['total in Fig. 1'])})", "explained": "", "deviation (%)": np.nan,
    }]  # fmt: skip
    for index, row in shown.iterrows():
        words = [
            f"α {row['alpha_interval']}", f"γ {row['gamma_interval']}", row["scaling"], f"on {row['gamma_acts_on']}",
            f"{'with' if row['include_original'] else 'without'} original", row["sources"],
        ]  # fmt: skip
        lines.append({
            "reading": f"{index + 1}. {', '.join(words)}{' (this study)' if own[index] else ''}",
            "train": _count(row["train"]), "validation": _count(row["validation"]), "total": _count(row["total"]),
            "explained": f"{row['explained']} of 4", "deviation (%)": row["deviation"],
        })  # fmt: skip
    tied = (table["explained"] == 4).sum()
    caption = (
        f"Synthetic subjects that a reading of the paper predicts for its 491 training and 187 validation subjects: {len(shown)} of "
        f"{len(table)} readings. Explained: printed counts met within {enumeration.MODEL_ERROR:g} %; deviation: RMS over the counts "
        f"that the reading predicts. The {tied} that explain all four cannot be told apart. EFs as in the Kaggle reference."
    )
    return Table(pd.DataFrame(lines), caption)


def model_check(results: Results) -> Table:
    """The model behind the enumeration beside real candidates: of this study, and as recorded of others."""
    table, cohort = results.candidates(), results.cohort(1)
    table = table[table["variant"] == "plain"]
    own = enumeration.check(table, _source_ef(cohort, table["source_id"].unique()), results.study.masks)
    own.insert(0, "masks", results.describe(1))
    lines = [
        {
            "masks": row.masks, "operation": row.operation, "made": row.candidates, "EF within limits": row.within,
            "by the model": row.model, "EF error, mean": row.ef_bias, "EF error, RMS": row.ef_rmse,
        }
        for row in pd.concat([own, pd.read_csv(RECORDED)]).itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(lines), "Candidates per subject, counted on masks and by the model; EF errors in points.", 2)


def flatness_table(results: Results) -> Table:
    """How even the EFs are before and after selection, for each split."""
    lines, edges = [], _edges(results)
    for split in ("train", "validation"):
        for name, rows in _before_and_after(results, split).items():
            counts = histogram(rows["ef"], edges)
            lines.append({
                "split": split, "candidates": name, "subjects": len(rows), "flatness": flatness(rows["ef"], results.study.masks),
                "emptiest bin": str(counts.min()), "fullest bin": str(counts.max()), "bins": str(len(counts)),
            })  # fmt: skip
    caption = "Flatness of the EF: 1 where every bin of 5 points holds as many subjects. " + results.origin(1)
    return Table(pd.DataFrame(lines), caption, 2)


@house_style
def flatness_before_and_after(results: Results) -> Picture:
    """Histograms of the EF of all kept candidates and of the chosen ones, with what the target wants of each bin."""
    edges, settings, data = _edges(results), results.study.masks, []
    target = make_target(settings, results.cohort(1).split("train").table["ef"])
    figure, axes = new_figure(1, 2, (8.4, 2.9), sharex=True)
    for ax, (name, rows), colour in zip(axes.flat, _before_and_after(results, "train").items(), (GREY, GREEN)):
        counts = histogram(rows["ef"], edges)
        wanted = len(rows) * target.share
        ax.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colour, edgecolor="white", linewidth=0.6)
        _step(ax, target, wanted * np.diff(edges).mean() / (target.high - target.low))
        ax.set(title=f"{name}: n = {len(rows)}, flatness {flatness(rows['ef'], settings):.2f}", xlabel="EF (%)", ylabel="subjects")
        data += [{"candidates": name, "ef_from": a, "ef_to": b, "subjects": n} for a, b, n in zip(edges, edges[1:], counts)]
    axes[0, 0].legend()
    caption = f"EF of the synthetic training subjects before and after selection; dashed, what the target ({settings.target}) wants."
    alt = "Two histograms of the ejection fraction, before and after selection; the data are in the CSV beside the figure."
    return keep(figure, pd.DataFrame(data), results, "02-flatness", caption, alt, 1)


@house_style
def coverage(results: Results) -> Picture:
    """Shares of subjects over EF and EDV: all kept, chosen by EF alone, and chosen by EF and EDV.

    The study chose in one of these ways; the other is drawn here from the same candidates, with the same count.
    """
    kept, settings = _before_and_after(results, "train")["before selection"], results.study.masks
    panels = {"before selection": kept}
    for name, spread in (("chosen by EF", False), ("chosen by EF and EDV", True)):
        mark = kept["chosen"].astype(bool)
        if spread != settings.spread_edv:
            rng, reference = np.random.default_rng(results.study.seed), results.cohort(1).split("train").table["ef"]
            other = settings.model_copy(update={"spread_edv": spread})
            mark = choose(kept, settings.train_subjects, other, rng, reference)
        panels[name] = kept[mark]
    ef_edges = _edges(results)
    edv_edges = np.arange(np.floor(kept["edv_ml"].min() / EDV_BIN_ML), kept["edv_ml"].max() / EDV_BIN_ML + 1) * EDV_BIN_ML
    shares = {name: _shares(rows, ef_edges, edv_edges) for name, rows in panels.items()}
    top = max(share.max() for share in shares.values())
    figure, axes = new_figure(1, 3, (8.4, 3.0), sharex=True, sharey=True)
    data = []
    for ax, (name, share) in zip(axes.flat, shares.items()):
        mesh = ax.pcolormesh(ef_edges, edv_edges, np.where(share > 0, share, np.nan).T, cmap="viridis_r", vmin=0, vmax=top)
        even = _evenness(panels[name], kept, ef_edges)
        ax.set(title=f"{name}, n = {len(panels[name])}\nevenness {even:.2f}", xlabel="EF (%)")
        data += [
            {"candidates": name, "ef_from": ef_edges[i], "edv_from_ml": edv_edges[j], "share_percent": share[i, j]} for i, j in np.argwhere(share > 0)
        ]
    axes[0, 0].set_ylabel("EDV (ml)")
    figure.colorbar(mesh, ax=axes, label="% of subjects", shrink=0.9)
    caption = (
        "EF and EDV of the synthetic training subjects; white cells hold none. Evenness: 1 where every bin of EF holds as many "
        "subjects of each tercile of EDV."
    )
    alt = "Three maps of ejection fraction against end-diastolic volume; the data are in the CSV beside the figure."
    return keep(figure, pd.DataFrame(data), results, "02-coverage", caption, alt, 1)


def _before_and_after(results: Results, split: str) -> dict[str, pd.DataFrame]:
    table = results.candidates()
    kept = table[(table["split"] == split) & table["kept"]]
    return {"before selection": kept, "after selection": kept[kept["chosen"].astype(bool)]}


def _edges(results: Results) -> np.ndarray:
    return bin_edges(results.study.masks.minimum_ef, results.study.masks.maximum_ef)


def _shares(rows: pd.DataFrame, ef_edges, edv_edges) -> np.ndarray:
    """Percent of the rows in each cell (EF bins, EDV bins)."""
    counts = np.histogram2d(rows["ef"], rows["edv_ml"], [ef_edges, edv_edges])[0]
    return 100 * counts / max(len(rows), 1)


def _evenness(rows: pd.DataFrame, kept: pd.DataFrame, ef_edges) -> float:
    """One less the share of subjects that would have to move to fill all cells of EF bin and EDV tercile alike."""
    tercile = pd.Series(edv_bin_of(kept["edv_ml"], np.ones(len(kept), bool)), kept.index)[rows.index]
    counts = np.histogram2d(rows["ef"], tercile, [ef_edges, np.arange(EDV_BINS + 1) - 0.5])[0]
    return float(1 - 0.5 * np.abs(counts / max(counts.sum(), 1) - 1 / counts.size).sum())


def _step(ax, target, height: np.ndarray) -> None:
    """The target as a dashed line over its bins, per bin of the histogram."""
    for number, (low, high, level) in enumerate(zip(target.low, target.high, height)):
        ax.plot([low, high], [level, level], color=INK, linestyle="--", linewidth=1.0, label=None if number else "target")


def _source_ef(cohort: Cohort, ids) -> pd.Series:
    """EF of the masks on the cohort's grid, percent, by id; the gap between slices divides out."""
    masks = cohort.masks()
    return pd.Series({name: float(ejection_fraction(*volume_ml(masks[cohort.rows(name)], 1.0, 1.0))) for name in ids})


def _count(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:,.0f}"
