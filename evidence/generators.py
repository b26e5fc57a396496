"""Generators that differ in one thing, trained and judged on the same cohort, as a table.

    python evidence/generators.py STUDY.yaml --results results/STUDY --csv data/results/generators/STUDY.csv [--only NAME ...]

The folder of results must hold the cohorts, both U-Nets and the candidates of the study (``make study`` leaves them there). Each
generator paints the chosen validation subjects and a few of the training split, and the stages ``fidelity`` and ``realism``
judge them; nothing here looks at a test subject. A generator that is there, made by the same code from the same settings and
cohort, is not trained again, and rows of others than those named are kept.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import pandas as pd

from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.painting.realism import copies
from cardiosynth.study.closure import mark
from cardiosynth.study.files import sha256
from cardiosynth.study.provenance import MANIFEST
from cardiosynth.study.sections import GeneratorSettings
from cardiosynth.study.study_file import fingerprint, load_study
from cardiosynth.workflow.stages import check_labels, judge_images, paint_masks, train_generator

LIGHT = {"label_weight": 1.0}
PLAIN = LIGHT | {"noise": "none"}
FEW = PLAIN | {"shared_channels": 16}
VARIANTS = {
    "as the study": {},
    "label loss of weight one": LIGHT,
    "the same, without noise": PLAIN,
    "label loss of weight three, without noise": PLAIN | {"label_weight": 3.0},
    "the same, mixed pairs": PLAIN | {"label_weight": 3.0, "mix_pairs": True},
    "fewer shared channels, weight one, without noise": FEW,
    "so, deterministic": FEW | {"style": "none"},
    "so, deterministic, no label loss": FEW | {"style": "none", "label_weight": 0.0},
    "so, frame by frame, one style a subject": FEW | {"frames": "single"},
    "so, frame by frame, one style a frame": FEW | {"frames": "single", "style_of": "slice"},
    "so, frame by frame, deterministic, no label loss (paper)": FEW | {"frames": "single", "style": "none", "label_weight": 0.0},
    "LeCam regularisation": PLAIN | {"lecam_weight": 0.3},
    "adversary sees moved images": PLAIN | {"discriminator_augment": True},
}
TRAINING_SUBJECTS = 60
RATIOS = ("ed_es_change", "ed_es_change_smooth", "slice_change", "slice_change_smooth")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    study = load_study(options.study)
    for name in options.only:
        changed = study.model_copy(update={"generator": GeneratorSettings(**study.generator.model_dump() | VARIANTS[name])})
        row = {"cohort": study.datasets.a, "generator": name} | judged(changed, folder_of(options.results, name))
        kept = pd.read_csv(options.csv) if options.csv.is_file() else pd.DataFrame(columns=["generator"])
        table = pd.concat([kept[kept["generator"].isin(VARIANTS) & (kept["generator"] != name)], pd.DataFrame([row])])
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        table.sort_values("generator", key=lambda column: column.map(list(VARIANTS).index)).to_csv(options.csv, index=False)
        print(json.dumps(row), flush=True)


def folder_of(results: Path, name: str) -> Path:
    """A folder of results for one generator, which shares what does not depend on it."""
    folder = results / "generators" / "-".join(re.findall(r"\w+", name))
    shutil.rmtree(folder / "synthetic", ignore_errors=True)
    (folder / "synthetic").mkdir(parents=True)
    for shared in ("cohorts", "segmentation", "reader"):
        if not (folder / shared).exists():
            (folder / shared).symlink_to((results / shared).resolve())
    table = read_candidates(results / "synthetic" / "candidates.csv")
    train = table[table["chosen"] & (table["split"] == "train")].sample(TRAINING_SUBJECTS, random_state=0).index
    table["chosen"] &= (table["split"] == "validation") | table.index.isin(train)
    table.to_csv(folder / "synthetic" / "candidates.csv", index=False)
    return folder


def judged(study, folder: Path) -> dict:
    """Train, paint and judge; one row of numbers."""
    inputs = [sha256(folder / name / MANIFEST) for name in (f"cohorts/{study.datasets.a}", "segmentation")]
    made_from = fingerprint([mark(train_generator.__name__), study.subset("generator", "seed"), inputs])
    note = folder / "generator-made-from.txt"
    if not (folder / "generator" / MANIFEST).is_file() or not note.is_file() or note.read_text(encoding="utf-8") != made_from:
        train_generator.train_generator(study, folder)
        note.write_text(made_from, encoding="utf-8")
    paint_masks.paint(study, folder)
    check_labels.check_labels(study, folder)
    judge_images.judge_images(study, folder)
    labels = pd.read_csv(folder / "fidelity" / "label_fidelity.csv").set_index("quantity")["value"]
    images = pd.read_csv(folder / "realism" / "image_quality.csv").set_index("quantity")
    nearest = pd.read_csv(folder / "realism" / "nearest.csv").set_index("kind")["correlation"]
    checkpoints = pd.read_csv(folder / "generator" / "checkpoints.csv")
    row = {f"{name}_dice": labels[f"{name}_dice_synthetic"] for name in ("lv", "myocardium", "rv")}
    row |= {"lv_dice_real": labels["lv_dice_real"], "ef_bias": labels["ef_bias"], "ef_mae": labels["ef_mae"]}
    row |= {name: images.loc[name, "painted"] for name in ("kid", "kid_se", "fid", "auc_real_or_painted")}
    row |= {f"{name}_ratio": images.loc[f"{name}_ratio", "painted"] for name in RATIOS}
    row |= {f"{name}_ratio": images.loc[name, "painted"] / images.loc[name, "real"] for name in ("sharpness", "diversity")}
    row |= {
        "copies": copies(nearest["painted"].to_numpy(), nearest["real"].to_numpy()),
        "kid_last": checkpoints["kid"].iloc[-1],
        "kid_best": checkpoints["kid"].min(),
    }
    return {name: round(float(value), 4) for name, value in row.items()}


if __name__ == "__main__":
    main()
