"""How much a measurement of the left ventricle differs when it is drawn again: by the same observer, and by another.

    python evidence/observers.py --csv /path/to/pig_volumes_px.csv

The table has one row an exam and drawing: obs (``obs0_rep0``, ``obs0_rep1``: one observer twice; ``obs1_rep0``: another), id,
pig, and the LV volumes ED and ES in pixels. Rewrites data/results/observers.csv, which holds derived numbers only. The drawings
are of cine MRI of pigs at 7 T (Zenodo, doi 10.5281/zenodo.7684034), each pig scanned several times. Volumes come without the
size of a pixel, so that their differences are relative, in percent of the mean of both drawings; those of the EF are in points.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from cardiosynth.data.volumes import ejection_fraction
from cardiosynth.judging.measures import bland_altman, bootstrap_interval
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole
from cardiosynth.study.sections import Statistics

OUT = Path(__file__).parent.parent / "data" / "results" / "observers.csv"
COLUMNS = ["obs", "id", "pig", "ED", "ES"]
PAIRS = {"one observer, twice": ("obs0_rep0", "obs0_rep1"), "two observers": ("obs0_rep0", "obs1_rep0")}


def main(csv: Annotated[Path, typer.Option(help="the table of drawings")], out: Path = OUT) -> None:
    """Write and print the differences of both pairs of drawings."""
    table = variability(read(csv), Statistics(), seed=2022)
    with whole(out) as partial:
        table.round(4).to_csv(partial, index=False)
    print(table.round(2).to_string(index=False))


def read(path: Path) -> pd.DataFrame:
    """The table of drawings. Raises InputError where it cannot be read or lacks a column."""
    try:
        drawings = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table of drawings ({error})") from error
    if missing := [name for name in COLUMNS if name not in drawings]:
        raise InputError(f"{path}: no column {missing[0]!r}; expected the columns {', '.join(COLUMNS)}")
    return drawings


def variability(drawings: pd.DataFrame, settings, seed: int) -> pd.DataFrame:
    """Second less first drawing, one row a pair and quantity, over the exams that have both.

    bias, sd and limits of agreement as in ``measures.bland_altman``. rms: root mean square difference, which is what an RMSE
    against one reader compares with, its interval over pigs, whose exams are no independent subjects. sd_one: the deviation of
    one drawing, rms over the square root of 2.
    """
    drawings = drawings.assign(EF=ejection_fraction(drawings["ED"], drawings["ES"]))
    pigs = drawings.drop_duplicates("id").set_index("id")["pig"]
    records = []
    for pair, names in PAIRS.items():
        first, second = (drawings[drawings["obs"] == name].set_index("id")[["ED", "ES", "EF"]] for name in names)
        shared = first.index.intersection(second.index)
        for column, quantity in (("ED", "edv_ml"), ("ES", "esv_ml"), ("EF", "ef")):
            one, other = first.loc[shared, column], second.loc[shared, column]
            unit, share = ("points", 1) if quantity == "ef" else ("%", 100 * 2 / (one + other))
            difference = share * (other - one)
            found = bland_altman(difference, 0 * difference, settings.confidence)
            squares = difference.pow(2).groupby(pigs.loc[shared]).agg(["sum", "count"]).to_numpy()
            low, high = bootstrap_interval(lambda weights: np.sqrt(np.divide(*(weights @ squares).T)), len(squares), settings, seed)
            rms = np.sqrt(squares[:, 0].sum() / squares[:, 1].sum())
            records.append({"pair": pair, "quantity": quantity, "unit": unit, "exams": found["n"], "pigs": len(squares)}
                           | {name: found[name] for name in ("bias", "sd", "lower_limit", "upper_limit")}
                           | {"rms": rms, "rms_low": low, "rms_high": high, "sd_one": rms / np.sqrt(2)})  # fmt: skip
    return pd.DataFrame(records)


if __name__ == "__main__":
    typer.run(main)
