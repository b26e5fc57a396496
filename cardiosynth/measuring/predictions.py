"""The predictions table: the one table that every figure and result is made from.

Columns: subject, dataset, split, experiment, seed, edv_ml, esv_ml, ef, edv_sd_ml, esv_sd_ml, ef_sd,
volume_correlation, true_edv_ml, true_esv_ml, true_ef. Volumes in ml, EF in percent; the standard deviations
and the correlation of the errors of both volumes are empty for point predictions (segmentation).
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from cardiosynth.data.cohort import SPLITS, Cohort
from cardiosynth.data.splits import REDUCED_EF
from cardiosynth.data.volumes import QUANTITIES, VOLUMES, ejection_fraction
from cardiosynth.study.errors import InputError

HIGH_EF = 70.0  # and REDUCED_EF: borders of the groups
GROUPS = ("all", "ef<40", "ef40-70", "ef>70")
CELL = ["experiment", "dataset", "split"]
POOLED = "test+extra_test"

_number = pa.Check(lambda column: np.isfinite(column), error="a finite number")
_spread = pa.Check(lambda column: np.isfinite(column) & (column >= 0), error="a standard deviation >= 0 or nothing")
_volume = pa.Check(lambda column: np.isfinite(column) & (column > 0), error="a volume > 0 ml")
PREDICTIONS = pa.DataFrameSchema(
    {
        **{name: pa.Column(str) for name in ("subject", "dataset", "experiment")},
        "split": pa.Column(str, pa.Check.isin(SPLITS, error="one of " + ", ".join(SPLITS))),
        "seed": pa.Column("int64", pa.Check.ge(0, error="a whole number >= 0")),
        **{name: pa.Column(float, _number) for name in QUANTITIES},
        **{
            f"{name}_sd{unit}": pa.Column(float, _spread, nullable=True, required=False)
            for name, unit in (("edv", "_ml"), ("esv", "_ml"), ("ef", ""))
        },
        "volume_correlation": pa.Column(float, pa.Check.in_range(-1, 1, error="a correlation, -1 to 1, or nothing"), nullable=True, required=False),
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
            raise InputError(
                f"{name}: {what} (subject {row.subject}, dataset {row.dataset}, experiment "
                f"{row.experiment}, seed {row.seed}); predict again or remove the row"
            )
    return table


def _broken_rules(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Rules over several columns or rows: what would be wrong, and the rows in which it is."""
    truth = table.groupby(["dataset", "subject"])[["true_edv_ml", "true_esv_ml", "true_ef"]]
    cells = table.assign(has_spread=has_spread(table)).groupby(CELL)
    return {
        "two rows for one subject, dataset, experiment and seed": table.duplicated(["subject", "dataset", "experiment", "seed"]),
        "true ESV above true EDV": table.true_esv_ml > table.true_edv_ml,
        "different truths for one subject": (truth.transform("max") - truth.transform("min") > 0.01).any(axis=1),
        "a subject that some seeds of the experiment do not predict": table.groupby([*CELL, "subject"]).seed.transform("count")
        != cells.seed.transform("nunique"),
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


def with_pooled(table: pd.DataFrame) -> pd.DataFrame:
    """The table and, for datasets that have both, the rows of ``test`` and ``extra_test`` once more as split POOLED.

    The two are patients held back from training. Together they have the most with a reduced EF and are where that group is
    judged; over all groups they are no sample of any clinic, since ``extra_test`` was chosen by its EF.
    """
    parts = [table[table["split"] == split] for split in POOLED.split("+")]
    has_both = set(parts[0]["dataset"]) & set(parts[1]["dataset"])
    both = pd.concat(parts)[lambda rows: rows["dataset"].isin(has_both)]
    return pd.concat([table, both.assign(split=POOLED)], ignore_index=True)


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
    return pd.DataFrame(
        {
            "subject": table.index,
            "dataset": dataset,
            "split": table["split"].to_numpy(),
            "experiment": experiment,
            "seed": seed,
            "edv_ml": edv,
            "esv_ml": esv,
            "ef": ejection_fraction(edv, esv),
            "edv_sd_ml": sd[:, 0],
            "esv_sd_ml": sd[:, 1],
            "ef_sd": ef_sd(edv, esv, sd[:, 0], sd[:, 1], correlation),
            "volume_correlation": np.where(np.isnan(sd[:, 0]), np.nan, correlation),
            "true_edv_ml": table["edv_ml"].to_numpy(),
            "true_esv_ml": table["esv_ml"].to_numpy(),
            "true_ef": table["ef"].to_numpy(),
        }
    ).round(4)


def ef_sd(edv, esv, edv_sd, esv_sd, correlation):
    """Standard deviation of the EF in points, by the delta method on EF = 100 (1 - ESV/EDV)."""
    by_edv, by_esv = 100 * esv / edv**2, -100 / edv
    variance = (by_edv * edv_sd) ** 2 + (by_esv * esv_sd) ** 2 + 2 * correlation * by_edv * by_esv * edv_sd * esv_sd
    return np.sqrt(np.maximum(variance, 0))


def error_correlation(table: pd.DataFrame) -> pd.Series:
    """Correlation of the errors of EDV and ESV in every row: ``volume_correlation``, where absent solved from ``ef_sd``.

    Solving inverts the delta method; the median over the rows of one training takes out their rounding. 0 where the row does
    not tell (no standard deviations, or an ESV of 0).
    """
    by_edv, by_esv = 100 * table.esv_ml / table.edv_ml**2 * table.edv_sd_ml, -100 / table.edv_ml * table.esv_sd_ml
    solved = ((table.ef_sd**2 - by_edv**2 - by_esv**2) / (2 * by_edv * by_esv)).where(by_edv * by_esv != 0)
    solved = solved.groupby([table.experiment, table.dataset, table.seed]).transform("median").clip(-1, 1)
    stated = table.get("volume_correlation", pd.Series(np.nan, table.index))
    return stated.fillna(solved).fillna(0.0)
