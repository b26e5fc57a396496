"""Tables of how well scans are read: against reference volumes, and what is found in the images alone."""

import pandas as pd

from cardiosynth.figures.results import recorded
from cardiosynth.figures.tables import Table

METHODS = {"image": "image (paper)", "heart": "found"}
PATIENTS = "All are patients."
ALL = "The phantoms are computed, no patients; all others are patients."
QUANTITIES = {"edv_ml": "EDV, ml", "esv_ml": "ESV, ml", "ef": "EF, points"}


def subjects_read(folder) -> Table:
    """What was read of each public dataset. folder: data/results/readers."""
    rows = recorded(folder, "volumes.csv").drop_duplicates("dataset")
    names = {
        "dataset": "dataset",
        "found": "found",
        "read": "read",
        "mended": "of these mended",
        "left_out": "left out",
        "pairs_with_same_images": "pairs with the same images",
    }
    return Table(rows[list(names)].rename(columns=names), f"Subjects of public datasets. {PATIENTS}")


def volumes_read(folder) -> Table:
    """Volumes of each public dataset against a reference. folder: data/results/readers."""
    rows = recorded(folder, "volumes.csv")
    frame = pd.DataFrame(
        {
            "dataset": rows["dataset"],
            "": rows["quantity"].map(QUANTITIES),
            "mean": rows["mean"],
            "r": rows["r"].map(lambda r: f"{r:.3f}", na_action="ignore"),
            "bias": rows["bias"],
            "RMSE": rows["rmse"],
            "largest": rows["largest"],
        }
    )
    return Table(frame, f"Volumes read, and their differences from the reference. {PATIENTS}", 2)


CHECKS = {
    "lv_border_myocardium": "LV's border that is myocardium, share",
    "largest_other_share": "largest share of another structure's border that is one label",
    "blood_over_muscle": "brightness of blood over muscle",
    "best_turned_over_own": "the same under the best turned mask, over that",
    "best_moved_over_own": "the same under the best moved mask, over that",
    "inner_slice_over_smaller_neighbour": "LV's area of an inner slice over its smaller neighbour's, least",
}


def masks_checked(folder) -> Table:
    """What the checks of masks find in drawn hearts. folder: data/results/readers."""
    rows = recorded(folder, "contents.csv")
    frame = pd.DataFrame(
        {
            "dataset": rows["dataset"],
            "": rows["quantity"].map(CHECKS),
            "masks": rows["phases"].astype(int),
            "least": rows["least"],
            "median": rows["median"],
            "most": rows["most"],
        }
    )
    return Table(frame, f"What tells whether masks are what they are called, in hearts as drawn. {PATIENTS}", 2)


def reading_speed(folder) -> Table:
    """Subjects per second and peak memory of ingestion. folder: data/results/readers."""
    rows = recorded(folder, "speed.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["dataset"],
            "subjects": rows["subjects"],
            "processes": rows["workers"],
            "subjects per second": rows["subjects_per_s"],
            "memory of the main process, MB": rows["main_peak_mb"],
            "of the largest worker, MB": rows["worker_peak_mb"],
        }
    )
    return Table(frame, f"Reading whole cohorts; phantom subjects are rendered on the way, which takes most of their time. {ALL}")


def centres_found(folder) -> Table:
    """LV lost to a crop of 150 mm and distance to the LV's centre. folder: data/results/finders."""
    rows = recorded(folder, "centre.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "subjects of": rows["split"],
            "n": rows["subjects"],
            "centre": rows["method"].map(METHODS),
            "LV lost, %": rows["lv_lost_percent"],
            "median, mm": rows["median_mm"],
            "95th percentile, mm": rows["p95_mm"],
            "within 20 mm, %": rows["within_20mm_percent"],
        }
    )
    return Table(frame, f"Crop of 150 mm: LV pixels lost, and distance of its centre to the LV's centroid. {ALL}", 2)


def slices_found(folder) -> Table:
    """Errors of base and apex. folder: data/results/finders."""
    rows = recorded(folder, "extent.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "subjects of": rows["split"],
            "n": rows["subjects"],
            **{
                f"{end} {words}, %": rows[f"{end}_{share}_percent"]
                for end in ("base", "apex")
                for share, words in (("exact", "exact"), ("exact_if_all_kept", "if nothing were cut"), ("within_1", "within one slice"))
            },
        }
    )
    return Table(frame, f"Base and apex found in the images against the outlines. {ALL}")


def order_found(folder) -> Table:
    """How often base and apex are told apart. folder: data/results/finders."""
    rows = recorded(folder, "order.csv")
    frame = pd.DataFrame({"cohort": rows["cohort"], "subjects of": rows["split"], "n": rows["subjects"], "right, %": rows["right_percent"]})
    return Table(frame, f"Stacks whose base was told from their apex by the images alone. {ALL}")


def found_slices_volumes(folder) -> Table:
    """What the slices found do to Simpson's volumes. folder: data/results/finders."""
    rows = recorded(folder, "extent.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "subjects of": rows["split"],
            **{
                f"{name} {words}": rows[f"{name.lower()}_{kind}{unit}"]
                for name, unit in (("EDV", "_ml"), ("ESV", "_ml"), ("EF", ""))
                for kind, words in (("bias", "bias"), ("rmse", "RMSE"))
            },
        }
    )
    return Table(frame, f"Simpson's volumes (ml) and EF (points) of the outlines within the slices found, less those of all. {ALL}", 2)


def found_slices_effect(folder) -> Table:
    """Errors of trained networks on annotated and on found slices. folder: data/results/finders."""
    rows = recorded(folder, "found_slices.csv")
    frame = pd.DataFrame(
        {
            "study": rows["study"],
            "subjects of": rows["split"],
            "n": rows["subjects"],
            "": rows["quantity"].map(QUANTITIES),
            "RMSE, annotated": rows["rmse_annotated"],
            "RMSE, found": rows["rmse_found"],
            "mean change": rows["mean_change"],
            "RMS change": rows["rms_change"],
        }
    )
    return Table(frame, f"What the pre-trained networks (RSP) of the recorded study read from annotated and from found slices. {PATIENTS}")


def keyframes_found(folder) -> Table:
    """Errors of ED and ES in frames and in EF. folder: data/results/finders."""
    rows = recorded(folder, "keyframes.csv")
    frame = pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "cines": rows["cines"],
            "phases": rows["phases"],
            "ED, mean frames off": rows["ed_mae_frames"],
            "ES, mean frames off": rows["es_mae_frames"],
            "ED within one, %": rows["ed_within_1_percent"],
            "ES within one, %": rows["es_within_1_percent"],
            "EF bias, points": rows["ef_bias"],
            "EF RMSE, points": rows["ef_rmse"],
        }
    )
    return Table(frame, f"Frames found in full cines, and the EF of the outlines at the frames found against the true one. {ALL}", 2)
