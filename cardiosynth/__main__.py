"""``python -m cardiosynth``: one command for a whole study, one for each of its stages."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cardiosynth.study.ending import guarded
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import training_from_path
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import Study, checked, load_study

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

StudyFile = Annotated[Path, typer.Argument(help="study file, such as studies/laptop.yaml")]
Results = Annotated[Path | None, typer.Option(help="results folder; default results/<study>")]
Data = Annotated[str | None, typer.Option(help="folder of the real dataset, or a parent that holds it")]
Workers = Annotated[int, typer.Option(min=1, help="processes")]


def run_study(study: StudyFile, data: Data = None, cores: Workers = 2, again: Annotated[str | None, typer.Option(help="rule to run again")] = None):
    """Run every stage that is not up to date, build the book, print Table 1."""
    _function("runner.run")(study, data, cores, again)


def ingest(
    dataset: Annotated[str, typer.Argument(help="acdc, mnms, ukbb, kaggle, kaggle-png, sunnybrook, phantom-a or phantom-b")],
    root: Annotated[str, typer.Argument(help="the dataset's folder; for a phantom, a study file that says how many")],
    out: Annotated[Path, typer.Option(help="folder of the cohort to make")],
    size_px: int = Grid().size_px,
    extent_mm: float = Grid().extent_mm,
    centre: Annotated[str, typer.Option(help="of the crop: image, or heart (found)")] = Grid().centre,
    slices: Annotated[str, typer.Option(help="annotated, or found from the images")] = Grid().slices,
    workers: Workers = os.cpu_count() or 1,
):
    """Read a dataset into a checked cohort with a quality report; exit status 1 where a subject was left out."""
    grid = checked(Grid, {"size_px": size_px, "extent_mm": extent_mm, "centre": centre, "slices": slices}, "ingest")
    _end(_function("stages.prepare.ingest")(dataset, root, out, grid, workers))


def export(
    cohort: Annotated[Path, typer.Argument(help="folder of a cohort")],
    layout: Annotated[str, typer.Option(help="acdc, mnms, ukbb, kaggle, kaggle-png or sunnybrook")],
    out: Annotated[Path, typer.Option(help="folder to make")],
):
    """Write a cohort in the layout of a public dataset."""
    _function("stages.export_cohort.export")(cohort, layout, out)


def prepare(study: StudyFile, dataset: str, data: Data = None, workers: Workers = 1, results: Results = None):
    """Bring one dataset of the study to its grid, with its splits."""
    _function("stages.prepare.prepare_dataset")(*_open(study, results), dataset, data, workers)


def train(
    study: StudyFile,
    training: Annotated[str, typer.Argument(help="EXPERIMENT/DATASET/seed-N")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan of the training and stop")] = False,
    results: Results = None,
):
    """Train SFERA once and predict the held-out subjects."""
    opened, folder = _open(study, results)
    chosen = training_from_path(training, opened)
    if dry_run:
        _function("stages.train_sfera.print_plan")(opened, folder, chosen)
    else:
        _function("stages.train_sfera.train_sfera")(opened, folder, chosen)


def trainings(
    study: StudyFile,
    group: Annotated[str, typer.Argument(help="real: those that need no painted hearts; synthetic: all others")],
    workers: Workers = 1,
    results: Results = None,
):
    """Do all trainings of a group that are not up to date, side by side."""
    _function("trainings.train_group")(*_open(study, results), group, workers)


def stages(
    study: StudyFile,
    names: Annotated[list[str], typer.Argument(help="commands of a study and nothing else, such as evaluate inference")],
    results: Results = None,
):
    """Run several stages one after another in one process, which loads the libraries once."""
    for name in names:
        if name not in WHOLE:
            raise InputError(f"{name}: no stage of a whole study; expected some of {', '.join(WHOLE)}")
    for name in names:
        COMMANDS[name](study, results)


def predict(
    model: Annotated[Path, typer.Argument(help="model folder, such as results/acdc/model")],
    scans: Annotated[list[str], typer.Argument(help="ed.nii.gz,es.nii.gz; a NIfTI cine; an ACDC patient's folder; a DICOM folder")],
    out: Annotated[Path, typer.Option(help="folder for predictions.csv and a page a scan")],
    level: Annotated[float, typer.Option(help="probability of the intervals")] = 0.9,
    mapped: Annotated[str, typer.Option("--map", help="what the page maps: edv, esv or none")] = "edv",
):
    """Measure scans: EDV, ESV and EF with intervals; exit status 1 where one could not be measured."""
    _end(_function("stages.predict_scans.predict")(model, scans, out, level, mapped))


def notebook(
    source: Annotated[Path, typer.Argument(help="notebook, such as notebooks/04-scatter.ipynb")],
    output: Annotated[Path, typer.Argument(help="where the executed notebook goes")],
    parameters: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="name=value; checked against the notebook")] = None,
):
    """Execute one notebook after checking its parameters."""
    _function("notebooks.run_notebook")(source, output, _function("notebooks.parse_parameters")(parameters or []))


def of_study(target: str, words: str) -> Callable:
    """A command of a study file that hands the study and its results folder to a function."""

    def command(study: StudyFile, results: Results = None):
        _function(target)(*_open(study, results))

    command.__doc__ = words
    return command


def with_workers(target: str, words: str) -> Callable:
    """The same with a number of processes."""

    def command(study: StudyFile, workers: Workers = 1, results: Results = None):
        _function(target)(*_open(study, results), workers)

    command.__doc__ = words
    return command


def _function(name: str) -> Callable:
    """A function of the workflow by its dotted name, imported when it is called: each command loads only what it needs."""
    module, function = name.rsplit(".", 1)
    return getattr(import_module(f"cardiosynth.workflow.{module}"), function)


def _open(study_file: Path, results: Path | None) -> tuple[Study, Path]:
    study = load_study(study_file)
    return study, results or Path("results") / study.name


def _end(complete: bool) -> None:
    if not complete:
        raise typer.Exit(1)


WHOLE = ("masks", "segmentation", "reader", "generator", "fidelity", "realism", "evaluate", "inference", "model", "provenance")
COMMANDS = {
    "study": run_study,
    "ingest": ingest,
    "export": export,
    "prepare": prepare,
    "masks": of_study("stages.choose_masks.synthesise_masks", "Make the candidate recipes of synthetic masks and choose among them by EF."),
    "segmentation": of_study("stages.train_unet.train_segmentation", "Train the U-Net: comparator, and feature network of the perceptual loss."),
    "reader": of_study("stages.train_unet.train_reader", "Train the second U-Net, which reads painted images."),
    "generator": of_study("stages.train_generator.train_generator", "Train the SPADE generator on Dataset 1's training split."),
    "paint": with_workers("stages.paint_masks.paint", "Paint the chosen synthetic masks."),
    "paint-phantom": with_workers("stages.paint_formulas.paint_phantom", "Paint the chosen synthetic masks by the phantom's formulas."),
    "paint-warp": with_workers("stages.paint_warped.paint_warped", "Paint the chosen synthetic masks by moving their sources' images."),
    "outlines": with_workers("stages.paint_outlines.synthesise_outlined", "Make and paint synthetic hearts from the U-Net's outlines of Dataset 2."),
    "fidelity": of_study("stages.check_labels.check_labels", "Read the painted hearts with a U-Net: do they have the size that was asked for?"),
    "realism": of_study(
        "stages.judge_images.judge_images",
        "Judge the painted images: distance from real ones, consistency, sharpness, diversity, copies; the blind test.",
    ),
    "train": train,
    "trainings": trainings,
    "stages": stages,
    "evaluate": of_study("stages.evaluate.evaluate", "Gather all predictions and make the tables."),
    "inference": of_study("stages.time_inference.time_inference", "Time the prediction of one subject."),
    "model": of_study("stages.make_model.make_model", "Gather the RSP trainings on Dataset 1 into a model folder with a card."),
    "predict": predict,
    "notebook": notebook,
    "pages": with_workers("pages.run_pages", "Execute all notebooks of the book that are not up to date, side by side."),
    "book": of_study("publish.build_book", "Compile the executed notebooks and the pages into a book, warnings as errors."),
    "provenance": of_study("publish.collect", "Write provenance.json and collect the small results files at the top of the results folder."),
}
for name, command in COMMANDS.items():
    app.command(name)(command)


def main() -> None:
    """Entry point: whatever goes wrong ends with one sentence and an exit status that is not 0."""
    sys.exit(guarded(app))


if __name__ == "__main__":
    main()
