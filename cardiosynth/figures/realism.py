"""How near painted images are to real ones, in numbers (no figure of the paper: it judges by eye)."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cardiosynth.data.frames import frames
from cardiosynth.figures.results import Results, recorded
from cardiosynth.figures.style import BLUE, GREY, VERMILION, Picture, bare, house_style, keep, new_figure
from cardiosynth.figures.tables import Table
from cardiosynth.study.experiments import COHORTS as DESCRIBED

QUANTITIES = {
    "kid": "1000 × KID, reader's features",
    "kid_se": "its standard error",
    "fid": "FID, reader's features",
    "kid_inception": "1000 × KID, Inception",
    "kid_se_inception": "its standard error (Inception)",
    "fid_inception": "FID, Inception",
    "auc_real_or_painted": "AUC, real or painted?",
    "sharpness": "power above half the Nyquist frequency, share",
    "diversity": "distance between subjects in the reader's features",
    "ed_es_change": "background, ED to ES, grey levels",
    "ed_es_change_ratio": "painted over real",
    "ed_es_change_smooth": "the same without fine noise",
    "ed_es_change_smooth_ratio": "painted over real, without fine noise",
    "slice_change": "background, slice to slice, grey levels",
    "slice_change_ratio": "painted over real (slices)",
    "slice_change_smooth": "the same without fine noise (slices)",
    "slice_change_smooth_ratio": "painted over real, without fine noise (slices)",
}
COHORTS = ("acdc", "phantom-a")  # with recorded comparisons
CONSISTENCY = [name for name in QUANTITIES if "change" in name]


def image_quality(results: Results) -> Table:
    """Distances, telling apart, sharpness and diversity."""
    return _rows(
        results,
        [name for name in QUANTITIES if name not in CONSISTENCY],
        "Painted validation masks against the real images of the same subjects; *real* stands training against validation images.",
    )


def consistency(results: Results) -> Table:
    """Change of the background between ED and ES and between slices."""
    return _rows(results, CONSISTENCY, "Mean change of grey level outside the heart in real and in painted validation subjects.")


def _rows(results: Results, names: list[str], caption: str) -> Table:
    values = results.table("image_quality").set_index("quantity")
    names = [name for name in names if name in values.index]
    values = values.mul(1000).where(values.index.to_series().str.startswith("kid"), values)
    frame = pd.DataFrame(
        {
            "": [QUANTITIES[name] for name in names],
            "real": values.loc[names, "real"].to_numpy(float),
            "painted": values.loc[names, "painted"].to_numpy(float),
        }
    )
    return Table(frame, f"{caption} {results.origin(1)}", 3)


@house_style
def grey_levels(results: Results) -> Picture:
    """Grey levels of each structure, and the spectra of whole images, real and painted."""
    levels, spectra = results.table("intensities"), results.table("spectrum").iloc[1:]
    figure, axes = new_figure(1, 2, (8.2, 3.0))
    places = np.arange(len(levels))
    for shift, kind, colour, marker in ((-0.12, "real", BLUE, "o"), (0.12, "painted", VERMILION, "s")):
        axes[0, 0].errorbar(
            places + shift, levels[f"{kind}_mean"], levels[f"{kind}_sd"], color=colour, marker=marker, linestyle="none", capsize=3, label=kind
        )
        axes[0, 1].plot(spectra["frequency"], spectra[kind], color=colour, marker=marker, markersize=3, linewidth=1, label=kind)
    axes[0, 0].set(xticks=places, xticklabels=levels["structure"], ylabel="Grey level, mean ± SD", ylim=(-10, 265))
    axes[0, 1].set(xlabel="Spatial frequency, cycles per pixel", ylabel="Power", yscale="log")
    axes[0, 1].legend()
    caption = "Grey levels of each structure (left) and radial power spectra (right) of real and painted validation subjects."
    alt = "Mean and standard deviation of grey levels by structure, and power spectra, of real and painted images."
    return keep(figure, levels, results, "14-grey-levels", caption, alt, 1)


@house_style
def learning_curves(results: Results) -> Picture:
    """What chose the checkpoint: distance and Dice of the averaged generator along its training."""
    judged = results.table("checkpoints")
    figure, axes = new_figure(1, 2, (8.2, 2.8))
    axes[0, 0].errorbar(judged["step"], judged["kid"], judged["kid_se"], color=BLUE, marker="o", capsize=3)
    axes[0, 0].set(xlabel="Step", ylabel="KID ± SE", ylim=(0, None))
    axes[0, 1].plot(judged["step"], judged["lv_dice"], color=VERMILION, marker="s")
    axes[0, 1].set(xlabel="Step", ylabel="Dice of the LV")
    caption = "KID of painted against real validation images (left) and Dice of the LV that the U-Net finds in them (right) along the training."
    return keep(figure, judged, results, "14-learning-curves", caption, "Two curves over the steps of the generator's training.", 1)


@house_style
def nearest_images(results: Results, pairs: int = 6) -> Picture:
    """The painted frames most like a training frame, beside it; and how like all are, next to real frames never trained on."""
    table = results.table("nearest")
    made, unseen = (table[table["kind"] == kind] for kind in ("painted", "real"))
    closest = made.sort_values("correlation", ascending=False).drop_duplicates("training").head(pairs)
    train, painted = frames(results.cohort(1).split("train"))[0], results.painted().images()
    figure = Figure(figsize=(8.2, 4.2))
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    grid = top.subplots(2, pairs, squeeze=False)
    for column, row in zip(grid.T, closest.itertuples()):
        for ax, image in zip(column, (painted[row.frame // 2, row.frame % 2], train[row.training])):
            bare(ax)
            ax.imshow(image, vmin=0, vmax=255)
        column[0].set_title(f"r {row.correlation:.2f}", fontsize=8)
    grid[0, 0].set_ylabel("painted")
    grid[1, 0].set_ylabel("training")
    ax, edges = bottom.subplots(), np.linspace(0, 1, 51)
    ax.hist(unseen["correlation"], edges, density=True, color=GREY, label="real, validation")
    ax.hist(made["correlation"], edges, density=True, histtype="step", color=VERMILION, linewidth=1.5, label="painted")
    ax.set(xlabel="Correlation with the most similar training frame", ylabel="Density")
    ax.legend()
    caption = (
        "Painted frames most like any training frame, above that frame, and the correlations of all, beside those of validation "
        "frames, which no network could have learnt by heart."
    )
    alt = "Pairs of painted frames and their nearest training frames, and histograms of the correlations."
    return keep(figure, closest, results, "14-nearest", caption, alt, 1)


def variants(folder) -> Table:
    """Recorded generators, compared. folder: data/results/generators."""
    rows = pd.concat([recorded(folder, f"{cohort}.csv") for cohort in COHORTS if (Path(folder) / f"{cohort}.csv").is_file()])
    columns = {
        "cohort": "cohort",
        "generator": "generator",
        "kid": "1000 × KID",
        "kid_se": "SE",
        "auc_real_or_painted": "AUC",
        "lv_dice": "LV Dice",
        "lv_dice_real": "of real",
        "ef_bias": "EF bias",
        "ef_mae": "EF error",
        "ed_es_change_ratio": "ED to ES",
        "slice_change_ratio": "slice to slice",
        "sharpness_ratio": "sharpness",
        "diversity_ratio": "diversity",
        "copies": "near copies",
    }
    shown = "; ".join(DESCRIBED[cohort] for cohort in rows["cohort"].unique())
    caption = (
        "Generators beside the study's, on validation subjects: distance from real images, label fidelity (EF in points), and "
        f"background change, sharpness and diversity as ratios of painted to real. {shown}."
    )
    rows = rows.assign(kid=rows["kid"] * 1000, kid_se=rows["kid_se"] * 1000)
    return Table(rows[list(columns)].rename(columns=columns), caption, 2)


def label_shift(folder) -> Table:
    """Recorded readings of networks that learnt from real and from painted hearts. folder: data/results/generators."""
    groups = recorded(folder, "label_shift_acdc.csv").groupby(["trained_on", "read_on"], sort=False)
    means, spread = groups.mean(), groups.std()
    columns = {
        "edv_ml_bias": "EDV bias, ml",
        "esv_ml_bias": "ESV bias, ml",
        "ef_bias": "EF bias, points",
        "edv_ml_rmse": "EDV error, ml",
        "esv_ml_rmse": "ESV error, ml",
        "ef_rmse": "EF error, points",
    }
    shown = {title: [f"{mean:.1f} ± {sd:.1f}" for mean, sd in zip(means[name], spread[name])] for name, title in columns.items()}
    table = pd.DataFrame(means.index.to_list(), columns=["trained on", "reads"]).assign(**shown, trainings=groups.size().to_numpy())
    return Table(
        table,
        "SFERA trained on one kind of hearts and reading validation subjects, real and painted from their own masks; "
        "RMSE and bias, mean ± SD over trainings. ACDC patients.",
    )


def painting_speed(folder) -> Table:
    """Recorded speed of painting. folder: data/results/generators."""
    rows = recorded(folder, "speed.json")
    columns = {
        "name": "what",
        "frames": "frames",
        "base_channels": "base channels",
        "images_per_s": "images a second",
        "ratio": "ours, times as fast",
        "max_difference": "largest difference",
        "device": "device",
    }
    return Table(
        rows[[name for name in columns if name in rows]].rename(columns=columns),
        "Painting at 160 pixels, all in one run on one machine; phantom masks.",
        4,
    )
