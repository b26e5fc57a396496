"""Tables of how well scans are read: against reference volumes, and what is found in the images alone."""

from pathlib import Path

import pandas as pd

from cardiosynth.errors import InputError
from cardiosynth.figures.results import COHORTS
from cardiosynth.figures.tables import Table

METHODS = {"image": "middle of the image (paper)", "heart": "found"}
QUANTITIES = {"edv_ml": "EDV, ml", "esv_ml": "ESV, ml", "ef": "EF, points"}


def _recorded(folder, name: str) -> pd.DataFrame:
    path = Path(folder) / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"{path}: no such recorded table; the scripts in benchmarks/ make it")
    return pd.read_csv(path)


def _cohort(name: str) -> str:
    return COHORTS.get(name, name)


def volumes_read(folder) -> Table:
    """What was read of each public dataset, and its volumes against a reference. folder: data/results/readers."""
    rows = _recorded(folder, "volumes")
    frame = pd.DataFrame({
        "dataset": rows["dataset"], "found": rows["found"], "read": rows["read"], "mended": rows["mended"],
        "same images twice": rows["pairs_with_same_images"], "compared with": rows["compared_with"],
        "": rows["quantity"].map(QUANTITIES), "mean": rows["mean"], "r": rows["r"].map(lambda r: f"{r:.3f}", na_action="ignore"),
        "bias": rows["bias"], "RMSE": rows["rmse"], "largest": rows["largest"],
    })
    return Table(frame, "Subjects found, read and mended, pairs of subjects with the same images, and volumes against a reference.", 2)


def reading_speed(folder) -> Table:
    """Subjects per second and peak memory of ingestion. folder: data/results/readers."""
    rows = _recorded(folder, "speed")
    frame = pd.DataFrame({
        "cohort": rows["dataset"].map(_cohort), "subjects": rows["subjects"], "processes": rows["workers"],
        "subjects per second": rows["subjects_per_s"], "memory of the main process, MB": rows["main_peak_mb"],
        "of the largest worker, MB": rows["worker_peak_mb"],
    })
    return Table(frame, "Reading whole cohorts; phantom subjects are rendered on the way, which takes most of their time.")


def centres_found(folder) -> Table:
    """LV lost to a crop of 150 mm and distance to the LV's centre. folder: data/results/finders."""
    rows = _recorded(folder, "centre")
    frame = pd.DataFrame({
        "cohort": rows["cohort"].map(_cohort), "subjects of": rows["split"], "n": rows["subjects"], "centre": rows["method"].map(METHODS),
        "LV lost, %": rows["lv_lost_percent"], "median, mm": rows["median_mm"], "95th percentile, mm": rows["p95_mm"],
        "within 20 mm, %": rows["within_20mm_percent"],
    })
    return Table(frame, "Crop of 150 mm about the middle of the image and about the heart found: LV pixels lost, and distance to the LV's centroid.", 2)


def slices_found(folder) -> Table:
    """Errors of base and apex, and what they do to Simpson's volumes. folder: data/results/finders."""
    rows = _recorded(folder, "extent")
    frame = pd.DataFrame({
        "cohort": rows["cohort"].map(_cohort), "subjects of": rows["split"], "n": rows["subjects"],
        **{f"{end} {words}, %": rows[f"{end}_{share}_percent"] for end in ("base", "apex")
           for share, words in (("exact", "exact"), ("exact_if_all_kept", "exact if nothing were cut"), ("within_1", "within one slice"))},
        "EDV bias, ml": rows["edv_bias_ml"], "EDV RMSE, ml": rows["edv_rmse_ml"], "ESV RMSE, ml": rows["esv_rmse_ml"], "EF RMSE, points": rows["ef_rmse"],
    })
    return Table(frame, "Base and apex found in the images against the outlines, and the volumes of the outlines within the slices found against all.")


def found_slices_effect(folder) -> Table:
    """Errors of trained networks on annotated and on found slices. folder: data/results/finders."""
    rows = _recorded(folder, "found_slices")
    frame = pd.DataFrame({
        "study": rows["study"], "subjects of": rows["split"], "n": rows["subjects"], "": rows["quantity"].map(QUANTITIES),
        "RMSE, annotated": rows["rmse_annotated"], "RMSE, found": rows["rmse_found"], "mean change": rows["mean_change"],
        "RMS change": rows["rms_change"],
    })
    return Table(frame, "What the networks pre-trained on synthetic hearts (RSP) of a recorded study read from annotated and from found slices.")


def keyframes_found(folder) -> Table:
    """Errors of ED and ES in frames and in EF. folder: data/results/finders."""
    rows = _recorded(folder, "keyframes")
    frame = pd.DataFrame({
        "cohort": rows["cohort"].map(_cohort), "cines": rows["cines"], "phases": rows["phases"], "ED, mean frames off": rows["ed_mae_frames"],
        "ES, mean frames off": rows["es_mae_frames"], "ED within one, %": rows["ed_within_1_percent"],
        "ES within one, %": rows["es_within_1_percent"], "EF bias, points": rows["ef_bias"], "EF RMSE, points": rows["ef_rmse"],
    })
    return Table(frame, "End-diastole and end-systole found in full cines, and the EF of the outlines at the frames found against the true one.", 2)
