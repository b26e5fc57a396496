"""What the paper leaves open about SFERA: one setting changed at a time, judged on validation data.

    python evidence/choices.py STUDY.yaml --results results/STUDY --csv data/results/choices/STUDY.csv [--seeds 1 2 3] [--epochs 80]

Only training and validation subjects of Dataset 1 are read, never a test subject. Networks that learn from real hearts alone are
cross-validated over both splits: each fold is held out once, a fifth of the others stops the training, and the held-out errors are
pooled; every seed draws its own folds. After synthetic hearts (RSP) only the validation subjects are held out, since the synthetic
cohort is made of training subjects: SSO is trained once a seed, and each of its fine-tunings leaves out another fold of the training
subjects, which stops it. The folder of results must hold the cohort and, for RSP, the painted cohort.

Rows that are in the CSV are not made again; ``--again`` forgets those of the named choices first, as after a change of the painted
hearts: ``--only ridge-after-synthetic --again``. The predictions of single subjects lie beside it, in STUDY_subjects.csv.
"""

import argparse
import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from sklearn.model_selection import KFold, train_test_split

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import ejection_fraction
from cardiosynth.judging.measures import rmse
from cardiosynth.measuring.sfera_training import Hearts, Schedule, apply, fit_ridge, train
from cardiosynth.networks.sfera import Sfera
from cardiosynth.study.files import whole
from cardiosynth.study.provenance import device
from cardiosynth.study.sections import SferaSettings
from cardiosynth.study.study_file import load_study

VALUES = {"readout": ["sum", "mean", "last"], "augmentation": ["none", "flips", "full"], "convolutions": [1, 2, 3]}
CHOICES = [*VALUES, "ridge", "ridge-after-synthetic"]
KEYS = ["choice", "value", "seed"]
STOPPING = 0.2  # share of the subjects not held out that stops the training


@dataclass(frozen=True)
class Unit:
    """Trainings of one setting. rows: for each kind of ridge the (choice, value) that it stands for."""

    change: dict
    rows: dict[str, list[tuple]]
    pretrained: bool = False


@dataclass(frozen=True)
class Start:
    """Where a fine-tuning starts: a trained network, its range of volumes, and the hearts that it has seen."""

    network: Sfera
    value_range: tuple[float, float]
    hearts: Hearts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="over real subjects; the others in proportion; default: the study's")
    parser.add_argument("--only", nargs="*", default=CHOICES, choices=CHOICES)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    study = load_study(options.study)
    settings = shortened(study.sfera, options.epochs or study.sfera.real_epochs)
    cohort = Cohort.open(options.results / "cohorts" / study.datasets.a).split("train", "validation")
    record = Record(options.csv, options.only if options.again else [])
    for seed in options.seeds:
        for unit in units(settings):
            rows = {kind: [row for row in rows if row[0] in options.only and not record.has(*row, seed)] for kind, rows in unit.rows.items()}
            if not any(rows.values()):
                continue
            started, changed = time.monotonic(), settings.model_copy(update=unit.change)
            start = pretrained(changed, study.grid.size_px, painted_hearts(options.results), seed) if unit.pretrained else None
            found = predictions(changed, study.grid.size_px, folds(cohort, options.folds, seed, unit.pretrained), seed, list(rows), start)
            notes = {"folds": options.folds, "epochs": settings.real_epochs, "seconds": round(time.monotonic() - started)}
            for kind, choice, value in [(kind, *row) for kind, changes in rows.items() for row in changes]:
                row = {"cohort": study.datasets.a, "choice": choice, "value": value, "in_study": value == getattr(settings, choice.split("-")[0])}
                record.add(row | {"seed": seed}, found[kind], notes)


def shortened(settings: SferaSettings, epochs: int) -> SferaSettings:
    """The settings with so many epochs over real subjects and the others in proportion."""
    names, share = ("real_epochs", "synthetic_epochs", "fine_tuning_epochs"), epochs / settings.real_epochs
    return settings.model_copy(update={name: max(round(getattr(settings, name) * share), 1) for name in names})


def units(settings: SferaSettings) -> list[Unit]:
    """The study's setting first, which stands for its value of every choice; then one change at a time."""
    kind = "none" if settings.ridge == "none" else "own"
    own = {"own": [("ridge", "own")], "none": [("ridge", "none")]}
    own[kind] = own[kind] + [(choice, getattr(settings, choice)) for choice in VALUES]
    changes = [(choice, value) for choice, values in VALUES.items() for value in values if value != getattr(settings, choice)]
    after = Unit({}, {kind: [("ridge-after-synthetic", kind)] for kind in ("own", "all", "none")}, pretrained=True)
    return [Unit({}, own), after, *(Unit({choice: value}, {kind: [(choice, value)]}) for choice, value in changes)]


def folds(cohort: Cohort, count: int, seed: int, only_validation: bool) -> list[tuple[Cohort, Cohort, Cohort]]:
    """Subjects learnt from, subjects that stop the training, and subjects held out, for every fold."""
    inner = cohort.split("train") if only_validation else cohort
    found = []
    for rest, out in KFold(count, shuffle=True, random_state=seed).split(inner.table):
        rest, out = inner.table.index[rest], inner.table.index[out]
        if only_validation:
            found.append((inner.take(rest), inner.take(out), cohort.split("validation")))
        else:
            learn, stop = train_test_split(rest, test_size=STOPPING, random_state=seed)
            found.append((inner.take(learn), inner.take(stop), inner.take(out)))
    return found


def painted_hearts(results: Path) -> list[Hearts]:
    """The synthetic subjects of split train, and those of split validation."""
    painted = Cohort.open(results / "synthetic" / "images")
    return [Hearts.of(painted.split(split)) for split in ("train", "validation")]


def pretrained(settings: SferaSettings, size_px: int, hearts: list[Hearts], seed: int) -> Start:
    """SSO: trained on painted hearts alone, as ``painted_hearts`` gives them."""
    value_range = (0.0, float(hearts[0].volumes.max()))
    schedule = Schedule(settings.synthetic_epochs, settings.batch, settings.rate, settings.augmentation)
    return Start(trained(fresh(settings, size_px, seed), *hearts, schedule, value_range, seed), value_range, hearts[0])


def predictions(settings: SferaSettings, size_px: int, parts, seed: int, kinds: list[str], start: Start | None) -> dict[str, pd.DataFrame]:
    """EDV and ESV of every held-out subject by every kind of ridge, beside the true ones, in ml."""
    found = {kind: [] for kind in kinds}
    for number, (learn, stop, out) in enumerate(parts, start=1):
        hearts, stopping, held_out = (Hearts.of(part) for part in (learn, stop, out))
        if start:
            network, value_range = copy.deepcopy(start.network), start.value_range
            schedule = Schedule(settings.fine_tuning_epochs, settings.batch, settings.fine_tuning_rate, settings.augmentation)
        else:
            network, value_range = fresh(settings, size_px, seed), (0.0, float(hearts.volumes.max()))
            schedule = Schedule(settings.real_epochs, settings.batch, settings.rate, settings.augmentation)
        network = trained(network, hearts, stopping, schedule, value_range, seed)
        for kind in kinds:
            seen = hearts + start.hearts if kind == "all" else hearts
            ridge = fit_ridge(network, seen, stopping, value_range, device(), kind)
            volumes = ridge.predict(apply(network, held_out, device(), "features"))[0] * out.table[["slice_gap_mm"]].to_numpy()
            frame = pd.DataFrame(volumes, columns=["edv_ml", "esv_ml"], index=out.table.index.rename("subject"))
            found[kind].append(frame.assign(fold=number, edv_true_ml=out.table["edv_ml"], esv_true_ml=out.table["esv_ml"]).reset_index())
    return {kind: pd.concat(frames) for kind, frames in found.items()}


def fresh(settings: SferaSettings, size_px: int, seed: int) -> Sfera:
    torch.manual_seed(seed)
    return Sfera(settings, size_px).to(memory_format=torch.channels_last)


def trained(network: Sfera, hearts: Hearts, stopping: Hearts, schedule: Schedule, value_range, seed: int) -> Sfera:
    with tempfile.TemporaryDirectory() as folder:
        return train(network, hearts, stopping, schedule, value_range, Path(folder), seed, device(), "", "train")


class Record:
    """The CSV, one row a choice, value and seed, and the predictions behind it. forget: choices whose rows are dropped."""

    def __init__(self, path: Path, forget: list[str]):
        self.paths = path, path.with_name(f"{path.stem}_subjects.csv")
        tables = [pd.read_csv(p, dtype={"value": str, "subject": str}) if p.is_file() else pd.DataFrame(columns=KEYS) for p in self.paths]
        self.rows, self.subjects = (table[~table["choice"].isin(forget)] for table in tables)

    def has(self, choice: str, value, seed: int) -> bool:
        return (self.rows[KEYS] == [choice, str(value), seed]).all(axis=1).any()

    def add(self, row: dict, found: pd.DataFrame, notes: dict) -> None:
        """Write the errors of held-out subjects, pooled over folds, and their predictions."""
        row, summary = row | {"value": str(row["value"])}, {"predictions": len(found)}
        ef, ef_true = (ejection_fraction(found[f"edv{s}_ml"], found[f"esv{s}_ml"]) for s in ("", "_true"))
        errors = {"edv_ml": found["edv_ml"] - found["edv_true_ml"], "esv_ml": found["esv_ml"] - found["esv_true_ml"], "ef": ef - ef_true}
        for name, error in errors.items():
            summary |= {f"{name}_rmse": round(float(rmse(error)), 3), f"{name}_bias": round(float(error.mean()), 3)}
        keys = {name: row[name] for name in KEYS}
        self.subjects = _longer(self.subjects, found.round(2).assign(**keys)[[*KEYS, *found.columns]])
        self.rows = _longer(self.rows, pd.DataFrame([row | summary | notes]))
        self.paths[0].parent.mkdir(parents=True, exist_ok=True)
        for table, path in ((self.subjects, self.paths[1]), (self.rows, self.paths[0])):
            with whole(path) as partial:
                table.to_csv(partial, index=False)
        print(self.rows.iloc[-1].to_dict(), flush=True)


def _longer(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, more]) if len(table) else more


if __name__ == "__main__":
    main()
