"""What was tried for the settings of SFERA that the paper leaves open, on validation data."""

from pathlib import Path

import pandas as pd

from cardiosynth.figures.results import COHORTS, recorded
from cardiosynth.figures.tables import NARROW, Table
from cardiosynth.measures import bootstrap_interval, bootstrap_rmse, mae, rmse
from cardiosynth.sections import Statistics
from cardiosynth.volumes import ejection_fraction

NAMES = {
    "readout": "LSTM output read", "augmentation": "augmentation", "convolutions": "convolutions a block", "ridge": "ridge",
    "ridge-after-synthetic": "ridge, after synthetic hearts",
}  # fmt: skip


def sfera_choices(folder, settings: Statistics = Statistics()) -> Table:
    """Errors by choice and value, and the change of the EF's RMSE against the study's own setting, for every recorded cohort.

    folder: data/results/choices. settings: of the interval, which is over subjects; in every draw the mean over trainings is taken.
    Raises InputError where there is no record.
    """
    names = sorted(path.name for path in Path(folder).glob("*.csv") if not path.stem.endswith("_subjects")) or ["acdc.csv"]
    parts = [_lines(recorded(folder, name), recorded(folder, name.replace(".csv", "_subjects.csv")), settings) for name in names]
    table = pd.concat(parts, ignore_index=True)
    shown = "; ".join(f"{cohort}: {COHORTS[cohort]}" for cohort in table["cohort"].unique())
    caption = ("SFERA with one setting changed at a time, on subjects of the training and validation splits that it did not learn from "
               "(after synthetic hearts: of the validation split). Mean over trainings, epochs over real hearts as in RSO; volumes in ml, EF in points; change against the "
               f"study's setting [interval over subjects]. {shown}.")
    return Table(table, caption)


def _lines(rows: pd.DataFrame, subjects: pd.DataFrame, settings: Statistics) -> pd.DataFrame:
    """One line a choice and value, in the order of NAMES, the study's value first."""
    lines, order = [], list(NAMES)
    for (choice, value), own in sorted(rows.groupby(["choice", "value"], sort=False), key=lambda group: order.index(group[0][0])):
        usual = rows[(rows["choice"] == choice) & rows["in_study"]]["value"].iloc[0]
        errors, its = (_errors(subjects[(subjects["choice"] == choice) & (subjects["value"] == v)]) for v in (value, usual))
        line = {"cohort": own["cohort"].iloc[0], "choice": NAMES[choice], "value": value, "trainings": own["folds"].sum(), "epochs": own["epochs"].max()}
        line |= {f"{name.upper()} RMSE": float(rmse(errors[name].to_numpy()).mean()) for name in errors}
        line |= {"EF MAE": float(mae(errors["ef"].to_numpy()).mean())}
        changed = "the study's" if value == usual else _change(errors["ef"], its["ef"], settings)
        lines.append(line | {"change of EF RMSE": changed})
    return pd.DataFrame(lines)


def _errors(own: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Errors of EDV, ESV and EF, each (subjects, trainings): a training is a seed and the place among a subject's predictions."""
    true, read = ([own[f"{name}{end}_ml"] for name in ("edv", "esv")] for end in ("_true", ""))
    errors = {"edv": read[0] - true[0], "esv": read[1] - true[1], "ef": ejection_fraction(*read) - ejection_fraction(*true)}
    placed = own.assign(place=own.groupby(["seed", "subject"]).cumcount())
    return {name: placed.assign(e=e).pivot(index="subject", columns=["seed", "place"], values="e") for name, e in errors.items()}


def _change(changed: pd.DataFrame, usual: pd.DataFrame, settings: Statistics) -> str:
    """RMSE changed less usual, over the trainings that both have, with its interval over subjects."""
    pair = [table[[column for column in changed if column in usual]].to_numpy() for table in (changed, usual)]
    low, high = bootstrap_interval(lambda weights: bootstrap_rmse(pair[0], weights) - bootstrap_rmse(pair[1], weights), len(changed), settings, 0)
    return f"{rmse(pair[0]).mean() - rmse(pair[1]).mean():+.2f} [{low:+.2f},{NARROW}{high:+.2f}]"
