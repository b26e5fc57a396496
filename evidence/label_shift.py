"""Why a network that learnt from painted hearts alone reads real ones with a bias: one cause after the other.

    python evidence/label_shift.py STUDY.yaml --results results/STUDY --csv data/results/generators/label_shift_STUDY.csv

SFERA is trained on the real training subjects, on the same masks painted (the same hearts, so that nothing but the image
differs), and on the synthetic cohort (other hearts too); each reads the real validation subjects and the same masks painted. The
difference between the two readings of one network is what the image does; what is left on painted ones is what the network and
the composition of the cohort do. Either is painted with and without the noise that the generator lacks. Validation subjects only.
"""

import argparse
import copy
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import ejection_fraction
from cardiosynth.judging.measures import rmse
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.measuring.sfera_training import Hearts, Schedule, apply, train
from cardiosynth.networks.sfera import Sfera, VolumeRidge
from cardiosynth.painting import painter
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages.paint_masks import masks_of


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--epochs", type=int, help="over real subjects; over the synthetic cohort a tenth; default: the study's")
    options = parser.parse_args()
    study = load_study(options.study)
    cohort = Cohort.open(options.results / "cohorts" / study.datasets.a)
    trained = painter.load_painter(options.results / "generator")
    studio, smooth = (painter.Studio(each, study.seed) for each in (trained, without_noise(trained)))
    splits = {split: cohort.split(split) for split in ("train", "validation")}
    real = {split: Hearts.of(part) for split, part in splits.items()}
    painted, plain = ({split: repainted(at, part, real[split]) for split, part in splits.items()} for at in (studio, smooth))
    table = read_candidates(options.results / "synthetic" / "candidates.csv")
    chosen = table[table["chosen"] & (table["split"] == "train")].assign(source="synthetic")
    sets = {
        "real": (real["train"], real["validation"]),
        "painted, same masks, without noise": (plain["train"], plain["validation"]),
        "painted, same masks": (painted["train"], painted["validation"]),
        "synthetic cohort, without noise": (synthetic_hearts(smooth, chosen, cohort), plain["validation"]),
        "synthetic cohort": (synthetic_hearts(studio, chosen, cohort), painted["validation"]),
    }
    gaps = cohort.split("validation").table["slice_gap_mm"].to_numpy()
    rows = []
    for name, (hearts, validation) in sets.items():
        for seed in options.seeds:
            epochs = study.sfera.synthetic_epochs if "synthetic" in name else study.sfera.real_epochs
            if options.epochs:
                epochs = max(options.epochs // 10, 1) if "synthetic" in name else options.epochs
            read = trained(study, hearts, validation, seed, epochs)
            for on, held_out in (("real", real["validation"]), ("painted", painted["validation"])):
                rows.append({"trained_on": name, "read_on": on, "seed": seed} | errors(read(held_out), held_out.volumes, gaps))
                print(rows[-1], flush=True)
            options.csv.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).round(3).to_csv(options.csv, index=False)


def without_noise(noisy: painter.Painter) -> painter.Painter:
    """The same painter, adding none of the noise that its images lack."""
    smooth = copy.deepcopy(noisy)
    smooth.noise_sd.zero_()
    return smooth


def repainted(studio, cohort: Cohort, real: Hearts) -> Hearts:
    """The cohort's own masks painted, with the volumes of the real subjects."""
    images = [torch.from_numpy(studio.paint(str(name), np.asarray(cohort.masks()[cohort.rows(name)]))) for name in cohort.table.index]
    return Hearts(images, real.volumes)


def synthetic_hearts(studio, chosen: pd.DataFrame, cohort: Cohort) -> Hearts:
    """The chosen recipes painted."""
    subjects = list(painter.paint_subjects(studio, masks_of(chosen, cohort)))
    volumes = np.array([[subject.edv_ml, subject.esv_ml] for subject in subjects]) / np.array([[subject.slice_gap_mm] for subject in subjects])
    return Hearts([torch.from_numpy(subject.images) for subject in subjects], volumes)


def trained(study, hearts: Hearts, validation: Hearts, seed: int, epochs: int):
    """A reader of hearts: SFERA with its ridge, both fitted on ``hearts``; ``validation`` chooses the epoch."""
    settings = study.sfera
    torch.manual_seed(seed)
    network = Sfera(settings, study.grid.size_px).to(memory_format=torch.channels_last)
    schedule = Schedule(epochs, settings.batch, settings.rate)
    with tempfile.TemporaryDirectory() as folder:
        network = train(network, hearts, validation, schedule, (0.0, float(hearts.volumes.max())), Path(folder), seed, "cpu", "", "train")
    seen = (apply(network, h, "cpu", "features") for h in (hearts, validation))
    ridge = VolumeRidge.fit(next(seen), hearts.volumes, next(seen), validation.volumes)
    return lambda held_out: ridge.predict(apply(network, held_out, "cpu", "features"))[0]


def errors(predicted: np.ndarray, true: np.ndarray, gaps: np.ndarray) -> dict:
    """Bias and RMSE of EDV, ESV (ml) and EF (points), and the correlation of the EF."""
    found = {}
    predicted, true = predicted * gaps[:, None], true * gaps[:, None]
    ef = [ejection_fraction(v[:, 0], v[:, 1]) for v in (predicted, true)]
    for name, a, b in (("edv_ml", predicted[:, 0], true[:, 0]), ("esv_ml", predicted[:, 1], true[:, 1]), ("ef", *ef)):
        found |= {f"{name}_bias": float(np.mean(a - b)), f"{name}_rmse": float(rmse(a - b))}
    return found | {"ef_r": float(np.corrcoef(*ef)[0, 1])}


if __name__ == "__main__":
    main()
