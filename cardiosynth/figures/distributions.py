"""Ejection fractions of the cohorts (paper, Fig. 1)."""

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from cardiosynth.data.cohort import SPLITS
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import COLOUR, GREEN, GREY, INK, Picture, house_style, keep, new_figure
from cardiosynth.measuring.predictions import GROUPS, group_of

BIN_EF = 5.0  # width of a bin, EF points
EDGES = np.arange(0, 100 + BIN_EF, BIN_EF)


def ef_samples(results: Results) -> dict[str, tuple[np.ndarray, str]]:
    """EF in percent and colour of every cohort that is trained on, by the title of its panel."""
    samples = {}
    for number in results.datasets:
        table = results.cohort(number).split("train").table
        samples[results.describe(number)] = table["ef"].to_numpy(), COLOUR[number]
    candidates = results.candidates().query("split == 'train' and kept")
    samples["Synthetic, before selection"] = candidates["ef"].to_numpy(), GREY
    samples["Synthetic, after selection"] = candidates.loc[candidates["chosen"].astype(bool), "ef"].to_numpy(), GREEN
    return samples


def ef_shares(results: Results) -> pd.DataFrame:
    """Subjects and percent of them below 40 %, from 40 to 70 % and above 70 % EF, for each panel of the figure."""
    rows = []
    for title, (ef, _) in ef_samples(results).items():
        groups = group_of(ef)
        rows.append({"cohort": title, "subjects": len(ef)} | {name: 100 * (groups == name).mean() for name in GROUPS[1:]})
    return pd.DataFrame(rows)


def split_counts(results: Results) -> pd.DataFrame:
    """Subjects of every split, and how many were left out of it for which reason (paper, Methods, Data)."""
    rows = []
    for number in results.datasets:
        cohort = results.cohort(number)
        excluded = pd.read_csv(cohort.folder / "excluded.csv")
        for split in [name for name in SPLITS if name in set(cohort.table["split"]) | set(excluded["split"])]:
            reasons = excluded.loc[excluded["split"] == split, "reason"].value_counts()
            rows.append({
                "cohort": results.describe(number), "split": split, "subjects": int((cohort.table["split"] == split).sum()),
                "left out": int(reasons.sum()), "because": "; ".join(f"{reason}: {n}" for reason, n in reasons.items()),
            })  # fmt: skip
    return pd.DataFrame(rows)


@house_style
def ef_distributions(results: Results) -> Picture:
    """Histograms of the EF of every training cohort, with the shares below 40 % and above 70 %."""
    samples = ef_samples(results)
    rows = (len(samples) + 1) // 2
    figure, axes = new_figure(rows, 2, (8.4, 2.5 * rows), sharex=True)
    counts = []
    for ax, (title, (ef, colour)) in zip(axes.flat, samples.items()):
        height, _, _ = ax.hist(ef, EDGES, color=colour, edgecolor="white", linewidth=0.6)
        _mark_groups(ax, ef)
        ax.set(title=f"{title.replace(' (', chr(10) + '(')}, n = {len(ef)}", ylabel="subjects", xlim=(0, 100), ylim=(0, 1.25 * max(height.max(), 1)))
        counts += [{"cohort": title, "ef_from": low, "ef_to": low + BIN_EF, "subjects": int(n)} for low, n in zip(EDGES, height)]
    for ax in axes.flat:
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    for ax in axes[-1]:
        ax.set_xlabel("EF (%)")
    for ax in axes.flat[len(samples) :]:
        ax.set_visible(False)
        axes[-2, 1].set_xlabel("EF (%)")
        axes[-2, 1].tick_params(labelbottom=True)
    caption = "**Figure 1.** Ejection fractions of the cohorts that are trained on; dashed lines at 40 and 70 %."
    alt = f"Histograms of the ejection fraction of {len(samples)} cohorts; the data are in the CSV beside the figure."
    return keep(figure, pd.DataFrame(counts), results, "01-ef-distributions", caption, alt)


def _mark_groups(ax, ef) -> None:
    """Lines at the borders of the groups, and the share of the subjects in each."""
    groups = group_of(ef)
    for border in (40, 70):
        ax.axvline(border, color=INK, linewidth=0.8, linestyle="--")
    for centre, name in zip((20, 55, 85), GROUPS[1:]):
        share = 100 * (groups == name).mean() if len(ef) else 0.0
        ax.text(centre, 0.97, f"{share:.1f} %", transform=ax.get_xaxis_transform(), ha="center", va="top", fontsize=8)
