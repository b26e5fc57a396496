"""What was tried for the settings of SFERA that the paper leaves open, on validation data: errors, and what they say of more pixels.

rows: one a cohort, choice, value and seed, as ``evidence/choices.py`` writes them (in_study marks the study's own value).
subjects: the predictions of single subjects beside it, volumes in ml. Intervals are over subjects; in every draw the mean
over trainings is taken.
"""

import numpy as np
import pandas as pd

from cardiosynth.data.volumes import QUANTITIES, ejection_fraction
from cardiosynth.judging.measures import bootstrap_interval, bootstrap_rmse, mae, rmse
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Statistics

CHOICES = ("readout", "augmentation", "convolutions", "ridge", "ridge-after-synthetic")
SIZES = {"pixels": "RSO", "pixels-after-synthetic": "RSP"}
PAPER_PX = 150


def choice_errors(rows: pd.DataFrame, subjects: pd.DataFrame, settings: Statistics = Statistics()) -> pd.DataFrame:
    """One row a choice and value, in the order of CHOICES, the study's value first.

    Columns: cohort, choice, value, in_study, trainings, epochs, RMSE of EDV and ESV in ml and of EF in points, mean absolute error
    of EF, and change: the EF's RMSE less that of the study's value over the trainings that both have, with change_low and
    change_high; all three NaN for the study's own.
    """
    lines = []
    for choice in CHOICES:
        tried, own = rows[rows["choice"] == choice], subjects[subjects["choice"] == choice]
        usual = tried.loc[tried["in_study"], "value"].iloc[:1].item() if len(tried) else ""
        errors = {value: _errors(own[own["value"] == value]) for value in tried["value"].unique()}
        for value, its in errors.items():
            trainings = tried[tried["value"] == value]
            line = {"cohort": trainings["cohort"].iloc[0], "choice": choice, "value": value, "in_study": value == usual}
            line |= {"trainings": trainings["folds"].sum(), "epochs": trainings["epochs"].max()}
            line |= {f"{name}_rmse": float(rmse(its[name].to_numpy()).mean()) for name in QUANTITIES}
            line |= {"ef_mae": float(mae(its["ef"].to_numpy()).mean())}
            lines.append(line | _change(its["ef"], errors[usual]["ef"], settings, value == usual))
    return pd.DataFrame(lines)


def size_errors(subjects: pd.DataFrame, settings: Statistics = Statistics()) -> pd.DataFrame:
    """RMSE by the pixels of the images along an edge, one row an experiment and quantity, and a power law through them.

    The law is a line fitted to the logarithms of the RMSE (mean over trainings) and of the pixels. Columns: experiment, quantity,
    one "<pixels> px" for every size (ml, EF in points), doubling (the factor by which twice the pixels change the RMSE) and projected
    (the law read at PAPER_PX), both with _low and _high. Raises InputError where no sizes were tried.
    """
    lines = []
    for choice, experiment in SIZES.items():
        own = subjects[subjects["choice"] == choice].astype({"value": int})
        errors = {size: _errors(of_size) for size, of_size in own.groupby("value")}
        for quantity in QUANTITIES if errors else ():
            found = [its[quantity].to_numpy() for its in errors.values()]
            line = {"experiment": experiment, "quantity": quantity}
            line |= {f"{size} px": float(rmse(one).mean()) for size, one in zip(errors, found)}
            lines.append(line | _power_law(found, list(errors), settings))
    if not lines:
        raise InputError("no sizes among the recorded choices; evidence/sizes.py adds them")
    return pd.DataFrame(lines)


def _power_law(errors: list, sizes: list[int], settings: Statistics) -> dict:
    """Through the RMSE of errors (subjects, trainings) by size: the factor of a doubling and the value at PAPER_PX, with intervals."""
    n = len(errors[0])

    def law(weights):
        found = np.log([bootstrap_rmse(one, weights) for one in errors])  # (sizes, draws)
        slope, level = np.polyfit(np.log(sizes), found, 1)
        return {"doubling": 2**slope, "projected": np.exp(level + slope * np.log(PAPER_PX))}

    found = {}
    for name, values in law(np.full((1, n), 1 / n)).items():
        low, high = bootstrap_interval(lambda weights: law(weights)[name], n, settings, 0)
        found |= {name: float(values[0]), f"{name}_low": low, f"{name}_high": high}
    return found


def _errors(own: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Errors by quantity, each (subjects, trainings): a training is a seed and the place among a subject's predictions."""
    true, read = ([own[f"{name}{end}_ml"] for name in ("edv", "esv")] for end in ("_true", ""))
    errors = {"edv_ml": read[0] - true[0], "esv_ml": read[1] - true[1], "ef": ejection_fraction(*read) - ejection_fraction(*true)}
    placed = own.assign(place=own.groupby(["seed", "subject"]).cumcount())
    return {name: placed.assign(e=e).pivot(index="subject", columns=["seed", "place"], values="e") for name, e in errors.items()}


def _change(changed: pd.DataFrame, usual: pd.DataFrame, settings: Statistics, is_usual: bool) -> dict:
    """RMSE changed less usual, over the trainings that both have, with its interval over subjects."""
    if is_usual:
        return dict.fromkeys(("change", "change_low", "change_high"), np.nan)
    one, other = (table[[column for column in changed if column in usual]].to_numpy() for table in (changed, usual))
    low, high = bootstrap_interval(lambda weights: bootstrap_rmse(one, weights) - bootstrap_rmse(other, weights), len(changed), settings, 0)
    return {"change": rmse(one).mean() - rmse(other).mean(), "change_low": low, "change_high": high}
