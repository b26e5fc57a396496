"""``python -m cardiosynth``: one command for a whole study, one for each of its stages."""

import os
import signal
import sys

if __name__ == "__mp_main__":  # a worker: Ctrl-C ends it without a word, as its parent says one
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from pathlib import Path
from typing import Annotated, Optional

import typer

from cardiosynth.ending import guarded
from cardiosynth.experiments import training_from_path
from cardiosynth.sections import Grid
from cardiosynth.study import Study, checked, load_study

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

StudyFile = Annotated[Path, typer.Argument(help="study file, such as studies/laptop.yaml")]
Results = Annotated[Optional[Path], typer.Option(help="results folder; default results/<study>")]
Data = Annotated[Optional[str], typer.Option(help="folder of the real dataset, or a parent that holds it")]
Workers = Annotated[int, typer.Option(min=1, help="processes")]


def _open(study_file: Path, results: Path | None) -> tuple[Study, Path]:
    study = load_study(study_file)
    return study, results or Path("results") / study.name


@app.command("study")
def run_study(
    study: StudyFile,
    data: Data = None,
    cores: Workers = 2,
    again: Annotated[Optional[str], typer.Option(help="rule to run again")] = None,
):
    """Run every stage that is not up to date, build the book, print Table 1."""
    from cardiosynth import runner

    runner.run(study, data, cores, again)


@app.command()
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
    from cardiosynth.stages import cohorts

    grid = checked(Grid, {"size_px": size_px, "extent_mm": extent_mm, "centre": centre, "slices": slices}, "ingest")
    if not cohorts.ingest(dataset, root, out, grid, workers):
        raise typer.Exit(1)


@app.command()
def export(
    cohort: Annotated[Path, typer.Argument(help="folder of a cohort")],
    layout: Annotated[str, typer.Option(help="acdc, mnms, ukbb, kaggle, kaggle-png or sunnybrook")],
    out: Annotated[Path, typer.Option(help="folder to make")],
):
    """Write a cohort in the layout of a public dataset."""
    from cardiosynth.stages import export

    export.export(cohort, layout, out)


@app.command()
def prepare(study: StudyFile, dataset: str, data: Data = None, workers: Workers = 1, results: Results = None):
    """Bring one dataset of the study to its grid, with its splits."""
    from cardiosynth.stages import cohorts

    cohorts.prepare_dataset(*_open(study, results), dataset, data, workers)


@app.command()
def masks(study: StudyFile, results: Results = None):
    """Make the candidate recipes of synthetic masks and choose among them by EF."""
    from cardiosynth.stages import masks

    masks.synthesise_masks(*_open(study, results))


@app.command()
def segmentation(study: StudyFile, results: Results = None):
    """Train the U-Net: comparator, and feature network of the perceptual loss."""
    from cardiosynth.stages import segmentation

    segmentation.train_segmentation(*_open(study, results))


@app.command()
def reader(study: StudyFile, results: Results = None):
    """Train the second U-Net, which reads painted images."""
    from cardiosynth.stages import segmentation

    segmentation.train_reader(*_open(study, results))


@app.command()
def generator(study: StudyFile, results: Results = None):
    """Train the SPADE generator on Dataset 1's training split."""
    from cardiosynth.stages import generator

    generator.train_generator(*_open(study, results))


@app.command()
def paint(study: StudyFile, workers: Workers = 1, results: Results = None):
    """Paint the chosen synthetic masks."""
    from cardiosynth.stages import paint

    paint.paint(*_open(study, results), workers)


@app.command("paint-phantom")
def paint_phantom(study: StudyFile, workers: Workers = 1, results: Results = None):
    """Paint the chosen synthetic masks by the phantom's formulas."""
    from cardiosynth.stages import paint_phantom

    paint_phantom.paint_phantom(*_open(study, results), workers)


@app.command()
def outlines(study: StudyFile, workers: Workers = 1, results: Results = None):
    """Make and paint synthetic hearts from the U-Net's outlines of Dataset 2."""
    from cardiosynth.stages import outlines

    outlines.synthesise_outlined(*_open(study, results), workers)


@app.command("fidelity")
def check_labels(study: StudyFile, results: Results = None):
    """Read the painted hearts with a U-Net: do they have the size that was asked for?"""
    from cardiosynth.stages import fidelity

    fidelity.check_labels(*_open(study, results))


@app.command()
def realism(study: StudyFile, results: Results = None):
    """Judge the painted images: distance from real ones, consistency, sharpness, diversity, copies; the blind test."""
    from cardiosynth.stages import realism

    realism.judge_images(*_open(study, results))


@app.command()
def train(study: StudyFile, training: Annotated[str, typer.Argument(help="EXPERIMENT/DATASET/seed-N")], results: Results = None):
    """Train SFERA once and predict the held-out subjects."""
    from cardiosynth.stages import train

    opened, folder = _open(study, results)
    train.train_sfera(opened, folder, training_from_path(training, opened))


@app.command()
def evaluate(study: StudyFile, results: Results = None):
    """Gather all predictions and make the tables."""
    from cardiosynth.stages import tables

    tables.evaluate(*_open(study, results))


@app.command()
def inference(study: StudyFile, results: Results = None):
    """Time the prediction of one subject."""
    from cardiosynth.stages import inference

    inference.time_inference(*_open(study, results))


@app.command()
def model(study: StudyFile, results: Results = None):
    """Gather the RSP trainings on Dataset 1 into a model folder with a card."""
    from cardiosynth.stages import model

    model.make_model(*_open(study, results))


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="model folder, such as results/acdc/model")],
    scans: Annotated[list[str], typer.Argument(help="ed.nii.gz,es.nii.gz; a NIfTI cine; an ACDC patient's folder; a DICOM folder")],
    out: Annotated[Path, typer.Option(help="folder for predictions.csv and a page a scan")],
    level: Annotated[float, typer.Option(help="probability of the intervals")] = 0.9,
    mapped: Annotated[str, typer.Option("--map", help="what the page maps: edv, esv or none")] = "edv",
):
    """Measure scans: EDV, ESV and EF with intervals; exit status 1 where one could not be measured."""
    from cardiosynth.stages import prediction

    if not prediction.predict(model, scans, out, level, mapped):
        raise typer.Exit(1)


@app.command()
def notebook(
    source: Annotated[Path, typer.Argument(help="notebook, such as notebooks/04-scatter.ipynb")],
    output: Annotated[Path, typer.Argument(help="where the executed notebook goes")],
    parameters: Annotated[Optional[list[str]], typer.Option("--parameter", "-p", help="name=value; checked against the notebook")] = None,
):
    """Execute one notebook after checking its parameters."""
    from cardiosynth import notebooks

    notebooks.run_notebook(source, output, notebooks.parse_parameters(parameters or []))


@app.command()
def book(study: StudyFile, results: Results = None):
    """Compile the executed notebooks and the pages into a book, warnings as errors."""
    from cardiosynth import publish

    publish.build_book(*_open(study, results))


@app.command()
def provenance(study: StudyFile, results: Results = None):
    """Write provenance.json and collect the small results files at the top of the results folder."""
    from cardiosynth import publish

    publish.collect(*_open(study, results))


def main() -> None:
    """Entry point: whatever goes wrong ends with one sentence and an exit status that is not 0."""
    sys.exit(guarded(app))


if __name__ == "__main__":
    main()
