"""What was tried for the settings of SFERA that the paper leaves open, on validation data."""

from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data.volumes import ejection_fraction
from cardiosynth.figures.results import recorded
from cardiosynth.figures.style import QUANTITY
from cardiosynth.figures.tables import Table, interval
from cardiosynth.judging.measures import bootstrap_interval, bootstrap_rmse, mae, rmse
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import COHORTS
from cardiosynth.study.sections import Statistics

NAMES = {
    "readout": "LSTM output read", "augmentation": "augmentation", "convolutions": "convolutions a block", "ridge": "ridge",
    "ridge-after-synthetic": "ridge, after synthetic hearts",
}  # fmt: skip
SIZES = {"pixels": "RSO", "pixels-after-synthetic": "RSP"}
PAPER_PX = 150


def sfera_choices(folder, settings: Statistics = Statistics()) -> Table:
    """Errors by choice and value, and the change of the EF's RMSE against the study's own setting, for every recorded cohort.

    folder: data/results/choices. settings: of the interval, which is over subjects; in every draw the mean over trainings is taken.
    Raises InputError where there is no record.
    """
    table = pd.concat([_lines(*record, settings) for record in _records(folder)], ignore_index=True)
    caption = (
        "SFERA with one setting changed at a time, on subjects of the training and validation splits that it did not learn from "
        "(after synthetic hearts: of the validation split). Mean over trainings, epochs over real hearts as in RSO; "
        "volumes in ml, EF in points; change against the "
        f"study's setting [interval over subjects]. {_whose(table)}."
    )
    return Table(table, caption)


def sfera_sizes(folder, settings: Statistics = Statistics()) -> Table:
    """Errors by the pixels of the images, their change for every doubling, and what a line through them says of the paper's size.

    The line is fitted to the logarithms of the RMSE (mean over trainings) and of the pixels along an edge; its intervals are
    over subjects. Arguments and errors raised as for ``sfera_choices``, also where a record holds no sizes.
    """
    table = pd.DataFrame([line for record in _records(folder) for line in _sizes(*record, settings)])
    if table.empty:
        raise InputError(f"{folder}: no sizes among the choices; evidence/sizes.py adds them")
    caption = (
        f"SFERA on images of so many pixels along an edge, of one width in mm and networks of one width; RMSE, mean over trainings, of subjects "
        f"held out as above. Projected: a power law through the sizes, read at the paper's {PAPER_PX} pixels [interval over "
        f"subjects]. It does not know of the paper's wider networks; RSP learns from hearts painted at the study's size. {_whose(table)}."
    )
    return Table(table, caption)


def _records(folder):
    """Rows and predictions of every cohort tried. Raises InputError where there is none."""
    names = sorted(path.name for path in Path(folder).glob("*.csv") if not path.stem.endswith("_subjects")) or ["acdc.csv"]
    return [(recorded(folder, name), recorded(folder, name.replace(".csv", "_subjects.csv"))) for name in names]


def _whose(table: pd.DataFrame) -> str:
    return "; ".join(f"{cohort}: {COHORTS[cohort]}" for cohort in table["cohort"].unique())


def _sizes(rows: pd.DataFrame, subjects: pd.DataFrame, settings: Statistics):
    """One line an experiment and volume."""
    for choice, experiment in SIZES.items():
        own = subjects[subjects["choice"] == choice].astype({"value": int})
        errors = {size: _errors(rows_of_size) for size, rows_of_size in own.groupby("value")}
        for key, name in zip(("edv", "esv", "ef"), QUANTITY.values()) if errors else ():
            found = [by_name[key].to_numpy() for by_name in errors.values()]
            line = {"cohort": rows["cohort"].iloc[0], "experiment": experiment, "RMSE of": " in ".join(name)}
            line |= {f"{size} px": float(rmse(one).mean()) for size, one in zip(errors, found)}
            yield line | _projected(found, list(errors), settings)


def _projected(errors: list, sizes: list[int], settings: Statistics) -> dict:
    """A power law through RMSE by size: the factor of a doubling, and its value at the paper's size."""

    def law(weights):
        found = np.log([bootstrap_rmse(one, weights) for one in errors])  # (sizes, draws)
        return np.polyfit(np.log(sizes), found, 1)

    whole = np.full((1, len(errors[0])), 1 / len(errors[0]))

    def cell(read):
        low, high = bootstrap_interval(lambda weights: read(*law(weights)), len(errors[0]), settings, 0)
        return interval(read(*law(whole))[0], low, high, "")

    return {
        "factor of a doubling": cell(lambda slope, _: 2**slope),
        f"projected, {PAPER_PX} px": cell(lambda slope, level: np.exp(level + slope * np.log(PAPER_PX))),
    }


def _lines(rows: pd.DataFrame, subjects: pd.DataFrame, settings: Statistics) -> pd.DataFrame:
    """One line a choice and value, in the order of NAMES, the study's value first."""
    lines, order = [], list(NAMES)
    rows = rows[rows["choice"].isin(order)]
    for (choice, value), own in sorted(rows.groupby(["choice", "value"], sort=False), key=lambda group: order.index(group[0][0])):
        usual = rows[(rows["choice"] == choice) & rows["in_study"]]["value"].iloc[0]
        errors, its = (_errors(subjects[(subjects["choice"] == choice) & (subjects["value"] == v)]) for v in (value, usual))
        line = {
            "cohort": own["cohort"].iloc[0],
            "choice": NAMES[choice],
            "value": value,
            "trainings": own["folds"].sum(),
            "epochs": own["epochs"].max(),
        }
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
    return interval(rmse(pair[0]).mean() - rmse(pair[1]).mean(), low, high)
