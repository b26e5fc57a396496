"""The pages of image quality and of the blind test, from made-up results."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth import ROOT
from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.frames import frames
from cardiosynth.figures.formatting import Table
from cardiosynth.figures.results import open_results
from cardiosynth.figures.style import Picture
from cardiosynth.study.errors import InputError
from discs import SIZE, disc_subject
from page_foot import write_provenance
from pages import run_page

pytestmark = pytest.mark.slow

RECORDED = ROOT / "data" / "results" / "generators"
QUANTITIES = [
    "kid", "kid_se", "fid", "auc_real_or_painted", "sharpness", "diversity", "ed_es_change", "ed_es_change_ratio", "ed_es_change_smooth",
    "ed_es_change_smooth_ratio", "slice_change", "slice_change_ratio", "slice_change_smooth", "slice_change_smooth_ratio",
]  # fmt: skip


@pytest.fixture()
def results(tmp_path):
    folder = tmp_path / "tiny"
    rng = np.random.default_rng(0)
    cohort = write_cohort(folder / "cohorts" / "phantom-a", [disc_subject(f"disc-{i}", 6 + i, rng) for i in range(4)])
    write_cohort(folder / "synthetic" / "images", [replace(disc_subject(f"made-{i}", 7 + i, rng), masks=None) for i in range(3)])
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    rows = [(name, 1.0, 0.5) for name in QUANTITIES]
    pd.DataFrame(rows, columns=["quantity", "real", "painted"]).to_csv(folder / "image_quality.csv", index=False)
    pd.DataFrame({"structure": ["background", "lv"], "real_mean": [50.0, 200], "real_sd": 9.0, "painted_mean": [55.0, 190], "painted_sd": 8.0,
                  "wasserstein": 5.0}).to_csv(folder / "intensities.csv", index=False)  # fmt: skip
    pd.DataFrame({"frequency": np.linspace(0, 0.5, 9), "real": 2.0, "painted": 1.0}).to_csv(folder / "spectrum.csv", index=False)
    pd.DataFrame({"step": [10, 20], "kid": [0.2, 0.1], "kid_se": 0.01, "lv_dice": [0.5, 0.8]}).to_csv(folder / "checkpoints.csv", index=False)
    count = len(frames(cohort)[0])
    pd.DataFrame({"kind": ["painted"] * 12 + ["real"] * 4, "frame": [*range(12), *range(4)], "training": [i % count for i in range(16)],
                  "correlation": np.linspace(0.1, 0.9, 16)}).to_csv(folder / "nearest.csv", index=False)  # fmt: skip
    strip = np.hstack([np.full((SIZE, SIZE), level, np.uint8) for level in (40, 200)])
    Image.fromarray(strip).save(folder / "blind.png")
    pd.DataFrame({"tile": [1, 2], "kind": ["real", "painted"], "phase": ["ED", "ES"]}).to_csv(folder / "blind.csv", index=False)
    write_provenance(folder)
    return open_results(folder)


def quality_page(results, recorded=RECORDED, **parameters) -> list:
    return run_page("14-image-quality", results=str(results.folder), recorded=str(recorded), **parameters)["shown"]


def tables(shown) -> list[pd.DataFrame]:
    return [table.frame for table in shown if isinstance(table, Table)]


def test_tables_hold_every_measure_that_was_made_once(results):
    shown = quality_page(results)
    first, second, *_ = tables(shown)
    assert len(first) + len(second) == len(QUANTITIES) and first[""].str.len().all()
    assert (first["painted"] == first[""].str.contains("KID|error").map({True: 500.0, False: 0.5})).all()  # KID times a thousand
    assert all("embedded phantom" in table.caption for table in shown[:3:2])


def test_figures_are_saved_with_their_data_and_name_the_phantom(results):
    pictures = [picture for picture in quality_page(results) if isinstance(picture, Picture)]
    assert [picture.path.stem for picture in pictures] == ["14-grey-levels", "14-nearest", "14-learning-curves"]
    for picture in pictures:
        assert picture.path.is_file() and "embedded phantom, not patients" in picture.caption
    kept = {picture.path.stem: pd.read_csv(picture.path.with_suffix(".csv")) for picture in pictures}
    pd.testing.assert_frame_equal(kept["14-grey-levels"], results.table("intensities"))
    pd.testing.assert_frame_equal(kept["14-learning-curves"], results.table("checkpoints"))
    assert "lv 200 and 190" in pictures[0].alt and "Dice 0.80" in pictures[2].alt


@pytest.mark.parametrize("pairs", [2, 5])
def test_the_most_like_pairs_are_shown_each_training_frame_once(results, pairs):
    quality_page(results, pairs=pairs)
    shown = pd.read_csv(results.folder / "figures" / "14-nearest.csv")
    assert len(shown) == pairs and shown["training"].is_unique and shown["correlation"].is_monotonic_decreasing
    painted = results.table("nearest").query("kind == 'painted'")
    assert shown["correlation"].max() == painted["correlation"].max()


def test_recorded_generators_are_shown_with_their_cohorts(results, tmp_path):
    *_, generators, _, speed = tables(quality_page(results))
    assert {"acdc", "phantom-a"} == set(generators["cohort"])
    recorded = pd.read_csv(RECORDED / "acdc.csv")
    assert generators["1000 × KID"].iloc[0] == pytest.approx(1000 * recorded["kid"][0])
    assert speed["ours, times as fast"].max() > 1
    with pytest.raises(InputError, match="no such recorded table"):
        quality_page(results, recorded=tmp_path)


def test_the_bias_of_trainings_stands_with_its_spread(results, tmp_path):
    folder = shutil.copytree(RECORDED, tmp_path / "generators")
    names = ["edv_ml_bias", "edv_ml_rmse", "esv_ml_bias", "esv_ml_rmse", "ef_bias", "ef_rmse", "ef_r"]
    rows = [
        {"trained_on": kind, "read_on": "real", "seed": seed} | dict.fromkeys(names, value)
        for kind, values in (("real", (1.0, 3.0)), ("painted", (-8.0, -12.0)))
        for seed, value in enumerate(values)
    ]
    pd.DataFrame(rows).to_csv(folder / "label_shift_acdc.csv", index=False)
    *_, table, _ = tables(quality_page(results, recorded=folder))
    assert table["trained on"].tolist() == ["real", "painted"] and table["trainings"].tolist() == [2, 2]
    assert table["EDV bias, ml"].tolist() == ["2.0 ± 1.4", "-10.0 ± 2.8"]


def blind_page(folder, phantom):
    shown = run_page("15-blind-test", results=str(folder), phantom=str(phantom))["shown"]
    return shown[0], shown[1].data


def test_the_blind_test_shows_every_tile_and_folds_its_answer(results):
    picture, html = blind_page(results.folder, "nowhere")
    assert re.findall(r"<details><summary>(.+?)</summary>(.+?)</details>", html) == [("Image 1", "real, ED"), ("Image 2", "painted, ES")]
    assert "2 frames" in picture.alt and "embedded phantom, not patients" in picture.caption
    drawn = np.asarray(Image.open(picture.path).convert("L"))
    first, second = drawn[:, : drawn.shape[1] // 6], drawn[:, drawn.shape[1] // 6 : drawn.shape[1] // 3]
    assert abs(np.median(first[first < 250]) - 40) < 2 and abs(np.median(second[second < 250]) - 200) < 2


def test_images_that_may_not_be_passed_on_give_way_to_the_phantom(results, tmp_path):
    values = yaml.safe_load((results.folder / "study.yaml").read_text())
    restricted = tmp_path / "restricted"
    restricted.mkdir()
    (restricted / "study.yaml").write_text(yaml.safe_dump(values | {"name": "restricted", "datasets": {"a": "ukbb"}}))
    write_provenance(restricted)
    picture, _ = blind_page(restricted, results.folder)
    assert "embedded phantom" in picture.caption and picture.path.parent.parent == restricted
    assert not (results.folder / "figures").exists()
    (results.folder / "blind.png").unlink()
    with pytest.raises(InputError, match="blind.png: no such picture"):
        blind_page(restricted, results.folder)
