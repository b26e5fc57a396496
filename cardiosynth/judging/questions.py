"""From the predictions to the answers: errors of the questions' experiments, and how far each is from RSP."""

import numpy as np
import pandas as pd

from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.judging.measures import FEWEST_PATIENTS
from cardiosynth.judging.paper import RMSE_COLUMNS
from cardiosynth.judging.tables import compare, error_summary, table1
from cardiosynth.measuring.predictions import REDUCED_EF, by_seed, check_predictions, errors_by_seed, members
from cardiosynth.study.experiments import experiment, is_question, questions
from cardiosynth.study.study_file import Study

SPLITS = ("test", "extra_test")
BESIDE = {
    "reduced": ("RSO", "RSP"),
    "subjects": ("RSO", "RSP"),
    "zoom": ("RSO", "RSP"),
    "longer": ("RSO", "RSP"),
    "phantom": ("SSO", "RSO", "RSP"),
    "warp": ("SSO", "RSO", "RSP"),
    "outlines": ("SSO", "RSO", "RSP"),
}
CASE = ["question", "x", "experiment", "dataset", "split", "group", "quantity"]
COLUMNS = [*CASE, *RMSE_COLUMNS, "against", "difference", "difference_low", "difference_high"]


def curves(predictions: pd.DataFrame, train: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Errors of every question's experiments and of the paper's beside them, on the splits test and extra_test.

    One row per question, experiment, dataset, split, group and quantity. x: the amount that the question varies; for the
    paper's experiments it is counted in ``train``, the table of Dataset 1's training subjects. rmse: mean over seeds, its
    interval over patients, rmse_sd its SD over seeds. difference: RMSE less that of ``against``, RSP or, for RSO on part of
    the subjects, RSP on the same part: positive where that is better. Its interval is over patients and trainings,
    and corrected for no other comparison.
    """
    counts = {"reduced": int((train["ef"] < REDUCED_EF).sum()), "subjects": len(train)}
    table, experiments, records = check_predictions(predictions), questions(study), []
    for question in dict.fromkeys(chosen.question for chosen in experiments):
        own = table["experiment"].isin([chosen.name for chosen in experiments if chosen.question == question])
        where = table.loc[own & table["split"].isin(SPLITS), ["dataset", "split"]].drop_duplicates()
        beside = table[own | table["experiment"].isin(BESIDE[question])].merge(where)
        for (dataset, split), rows in beside.groupby(["dataset", "split"], sort=False):
            place = {"question": question, "dataset": dataset, "split": split, "x": counts.get(question, np.nan)}
            records += [place | record for record in _answers(dict(list(rows.groupby("experiment"))), study)]
    return pd.DataFrame(records, columns=COLUMNS)


def _answers(by_experiment: dict[str, pd.DataFrame], study: Study):
    """Rows of one question, dataset and split."""
    for name, rows in by_experiment.items():
        named = {"experiment": name}
        if is_question(name) and experiment(name).amount is not None:
            named["x"] = experiment(name).amount
        against = name.replace("RSO", "RSP") if name.startswith("RSO-subjects") else "RSP"
        other = None if name.startswith(("RSP-subjects", "SSO")) or name == against else by_experiment[against]
        for quantity in QUANTITIES:
            predicted, truth = by_seed(rows, quantity), by_seed(rows, f"true_{quantity}").to_numpy()[:, 0]
            for group, belongs in members(rows, predicted.index).items():
                record = named | {"group": group, "quantity": quantity}
                record |= error_summary(predicted.to_numpy()[belongs], truth[belongs], study.statistics, study.seed)
                yield record if other is None else record | {"against": against} | _difference(rows, other, quantity, belongs, study)


def _difference(rows: pd.DataFrame, other: pd.DataFrame, quantity: str, belongs, study: Study) -> dict:
    """RMSE of the rows less that of the other experiment on the same patients."""
    first, second = (errors_by_seed(some, quantity) for some in (rows, other))
    paired = first.columns.equals(second.columns)
    comparison = compare(first.to_numpy()[belongs], second.to_numpy()[belongs], study.statistics, study.seed, paired)
    return {f"difference{end}": comparison[f"rmse_difference{end}"] for end in ("", "_low", "_high")}


def against_reference(predictions: pd.DataFrame, references: dict[str, pd.DataFrame], study: Study) -> pd.DataFrame:
    """Table 1 against published reference volumes instead of the masks', of groups by the reference's EF.

    references: dataset -> a cohort's table with reference_edv_ml, reference_esv_ml and, as edv_ml and esv_ml, the volumes
    of the masks, which stand in the table as the experiment ``masks``. Groups too small for an interval are left out:
    only sums over patients are reported.
    """
    tables = [_with_reference(predictions[predictions["dataset"] == name], name, table) for name, table in references.items()]
    table = table1(pd.concat(tables, ignore_index=True), study.statistics, study.seed)
    return table[table["n"] >= FEWEST_PATIENTS]


def _with_reference(predictions: pd.DataFrame, dataset: str, subjects: pd.DataFrame) -> pd.DataFrame:
    """Predictions, and the masks' own volumes as another experiment, with the reference as the truth."""
    truth = subjects[["reference_edv_ml", "reference_esv_ml"]].set_axis(["true_edv_ml", "true_esv_ml"], axis=1)
    truth["true_ef"] = 100 * (1 - truth["true_esv_ml"] / truth["true_edv_ml"])
    masks = subjects.loc[predictions["subject"].unique(), ["split", "edv_ml", "esv_ml", "ef"]].rename_axis("subject").reset_index()
    rows = pd.concat([predictions, masks.assign(dataset=dataset, experiment="masks", seed=0)], ignore_index=True)
    return rows.drop(columns=truth.columns).join(truth, on="subject")
