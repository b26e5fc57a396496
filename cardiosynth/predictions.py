"""The predictions table: the one table that every figure and result is made from.

Columns: subject, dataset, split, experiment, seed, edv_ml, esv_ml, ef, edv_sd_ml, esv_sd_ml, ef_sd,
true_edv_ml, true_esv_ml, true_ef. Volumes in ml, EF in percent; the standard deviations are empty for
point predictions (segmentation).
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from cardiosynth.cohort import SPLITS, Cohort
from cardiosynth.errors import InputError
from cardiosynth.volumes import ejection_fraction

QUANTITIES = ("edv_ml", "esv_ml", "ef")
VOLUMES = ("edv_ml", "esv_ml")
REDUCED_EF, HIGH_EF = 40.0, 70.0
GROUPS = ("all", "ef<40", "ef40-70", "ef>70")
CELL = ["experiment", "dataset", "split"]

_number = pa.Check(lambda column: np.isfinite(column), error="a finite number")
_spread = pa.Check(lambda column: np.isfinite(column) & (column >= 0), error="a standard deviation >= 0 or nothing")
_volume = pa.Check(lambda column: np.isfinite(column) & (column > 0), error="a volume > 0 ml")
PREDICTIONS = pa.DataFrameSchema(
    {
        **{name: pa.Column(str) for name in ("subject", "dataset", "experiment")},
        "split": pa.Column(str, pa.Check.isin(SPLITS, error="one of " + ", ".join(SPLITS))),
        "seed": pa.Column("int64", pa.Check.ge(0, error="a whole number >= 0")),
        **{name: pa.Column(float, _number) for name in QUANTITIES},
        **{f"{name}_sd{unit}": pa.Column(float, _spread, nullable=True, required=False)
           for name, unit in (("edv", "_ml"), ("esv", "_ml"), ("ef", ""))},
        **{f"true_{name}": pa.Column(float, _volume) for name in VOLUMES},
        "true_ef": pa.Column(float, pa.Check.in_range(0, 100, error="a percentage, 0 to 100")),
    },
    coerce=True,
)


def check_predictions(table: pd.DataFrame, name: str = "predictions") -> pd.DataFrame:
    """The predictions table with its types set. Raises InputError saying in one sentence what is wrong.

    One row per subject, dataset, experiment and seed; every experiment predicts the same subjects with
    each of its seeds; one subject has one truth, with EDV >= ESV; a model states its standard deviations
    for every row or for none.
    """
    try:
        table = PREDICTIONS.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise InputError(f"{name}: {_schema_reason(error)}") from error
    if table.empty:
        raise InputError(f"{name}: no rows; predict with at least one experiment first")
    for what, broken in _broken_rules(table).items():
        if broken.any():
            row = table[broken].iloc[0]
            raise InputError(f"{name}: {what} (subject {row.subject}, dataset {row.dataset}, experiment "
                             f"{row.experiment}, seed {row.seed}); predict again or remove the row")
    return table


def _broken_rules(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Rules over several columns or rows: what would be wrong, and the rows in which it is."""
    truth = table.groupby(["dataset", "subject"])[["true_edv_ml", "true_esv_ml", "true_ef"]]
    cells = table.assign(has_spread=has_spread(table)).groupby(CELL)
    return {
        "two rows for one subject, dataset, experiment and seed":
            table.duplicated(["subject", "dataset", "experiment", "seed"]),
        "true ESV above true EDV": table.true_esv_ml > table.true_edv_ml,
        "different truths for one subject": (truth.transform("max") - truth.transform("min") > 0.01).any(axis=1),
        "a subject that some seeds of the experiment do not predict":
            table.groupby([*CELL, "subject"]).seed.transform("count") != cells.seed.transform("nunique"),
        "standard deviations in some rows of an experiment only": cells.has_spread.transform("nunique") > 1,
    }


def _schema_reason(error: pa.errors.SchemaErrors) -> str:
    """The first failure: which column, which value, what was expected."""
    case = error.failure_cases.iloc[0]
    if case.check == "column_in_dataframe":
        return f"no column {case.failure_case!r}; expected the columns {', '.join(PREDICTIONS.columns)}"
    kinds = {"float64": "a number", "int64": "a whole number", "str": "text"}
    kind = kinds[str(PREDICTIONS.columns[case.column].dtype)]
    expected = kind if "dtype" in case.check or case.check == "not_nullable" else case.check
    row = "" if pd.isna(case["index"]) else f", row {case['index']}"
    return f"column {case.column}{row}: {case.failure_case}; expected {expected}"


def has_spread(table: pd.DataFrame) -> np.ndarray:
    """Rows in which both volumes have a standard deviation; a table without these columns has none."""
    return table.reindex(columns=["edv_sd_ml", "esv_sd_ml"]).notna().all(axis=1).to_numpy()


def read_predictions(path) -> pd.DataFrame:
    """Read and check a predictions CSV; subjects stay text (``007`` is not 7)."""
    try:
        table = pd.read_csv(path, dtype={"subject": str, "dataset": str, "experiment": str, "split": str})
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a predictions table ({error}); run the study first") from error
    return check_predictions(table, str(path))


def group_of(true_ef) -> np.ndarray:
    """Subject groups by true EF in percent: ``ef<40``, ``ef40-70`` (both borders included), ``ef>70``."""
    true_ef = np.asarray(true_ef, float)
    return np.select([true_ef < REDUCED_EF, true_ef > HIGH_EF], ["ef<40", "ef>70"], "ef40-70")


def by_seed(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of one experiment, dataset and split as (patients, seeds), patients in sorted order."""
    return rows.pivot(index="subject", columns="seed", values=column)


def errors_by_seed(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Prediction minus truth as (patients, seeds)."""
    return by_seed(rows, quantity) - by_seed(rows, f"true_{quantity}")


def members(rows: pd.DataFrame, patients: pd.Index) -> dict[str, np.ndarray]:
    """For each group, which of the patients belong to it: boolean (patients,)."""
    group = group_of(rows.drop_duplicates("subject").set_index("subject").true_ef.loc[patients])
    return {name: np.full(len(patients), True) if name == "all" else group == name for name in GROUPS}


def predictions_frame(cohort: Cohort, dataset, experiment, seed, volumes, sd=None, correlation=0.0) -> pd.DataFrame:
    """Rows of predictions.csv. volumes, sd: (n, 2) EDV and ESV in ml; predictions are held to EDV >= 1 ml
    and 0 <= ESV <= EDV, which the anatomy imposes."""
    edv = np.maximum(volumes[:, 0], 1.0)
    esv = np.clip(volumes[:, 1], 0.0, edv)
    sd = np.full((len(edv), 2), np.nan) if sd is None else sd
    table = cohort.table
    return pd.DataFrame({
        "subject": table.index, "dataset": dataset, "split": table["split"].to_numpy(), "experiment": experiment, "seed": seed,
        "edv_ml": edv, "esv_ml": esv, "ef": ejection_fraction(edv, esv),
        "edv_sd_ml": sd[:, 0], "esv_sd_ml": sd[:, 1], "ef_sd": ef_sd(edv, esv, sd[:, 0], sd[:, 1], correlation),
        "true_edv_ml": table["edv_ml"].to_numpy(), "true_esv_ml": table["esv_ml"].to_numpy(), "true_ef": table["ef"].to_numpy(),
    }).round(4)


def ef_sd(edv, esv, edv_sd, esv_sd, correlation):
    """Standard deviation of the EF in points, by the delta method on EF = 100 (1 - ESV/EDV)."""
    by_edv, by_esv = 100 * esv / edv**2, -100 / edv
    variance = (by_edv * edv_sd) ** 2 + (by_esv * esv_sd) ** 2 + 2 * correlation * by_edv * by_esv * edv_sd * esv_sd
    return np.sqrt(np.maximum(variance, 0))
