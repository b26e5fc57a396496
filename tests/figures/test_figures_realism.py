"""Figures and tables of image quality, and the blind test, from made-up results."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.frames import frames
from cardiosynth.figures import blind, realism
from cardiosynth.figures.results import open_results
from cardiosynth.study.errors import InputError
from discs import SIZE, disc_subject

pytestmark = pytest.mark.slow


@pytest.fixture()
def results(tmp_path):
    folder = tmp_path / "tiny"
    rng = np.random.default_rng(0)
    cohort = write_cohort(folder / "cohorts" / "phantom-a", [disc_subject(f"disc-{i}", 6 + i, rng) for i in range(4)])
    write_cohort(folder / "synthetic" / "images", [replace(disc_subject(f"made-{i}", 7 + i, rng), masks=None) for i in range(3)])
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    rows = [(name, 1.0, 0.5) for name in realism.QUANTITIES if "inception" not in name]
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
    return open_results(folder)


def test_tables_hold_every_measure_that_was_made_once(results):
    first, second = realism.image_quality(results).frame, realism.consistency(results).frame
    assert len(first) + len(second) == len(results.table("image_quality"))
    assert (first["painted"] == first[""].str.contains("KID|error").map({True: 500.0, False: 0.5})).all()  # KID times a thousand
    assert "embedded phantom" in realism.consistency(results).caption


def test_measures_by_inception_appear_where_they_were_made(results):
    table = pd.concat([results.table("image_quality"), pd.DataFrame([{"quantity": "fid_inception", "real": 1.0, "painted": 33.0}])])
    table.to_csv(results.folder / "image_quality.csv", index=False)
    frame = realism.image_quality(results).frame.set_index("")
    assert frame.loc["FID, Inception", "painted"] == 33


@pytest.mark.parametrize("draw", [realism.grey_levels, realism.learning_curves, realism.nearest_images])
def test_figures_are_saved_with_their_data_and_name_the_phantom(results, draw):
    picture = draw(results)
    assert picture.path.is_file() and picture.path.with_suffix(".csv").is_file()
    assert "embedded phantom, not patients" in picture.caption


def test_the_most_like_pairs_are_shown_each_training_frame_once(results):
    realism.nearest_images(results, pairs=5)
    shown = pd.read_csv(results.folder / "figures" / "14-nearest.csv")
    assert len(shown) == 5 and shown["training"].is_unique and shown["correlation"].is_monotonic_decreasing
    painted = results.table("nearest").query("kind == 'painted'")
    assert shown["correlation"].max() == painted["correlation"].max()


def test_the_blind_test_shows_every_tile_and_folds_its_answer(results):
    html = blind.blind_test(results)._repr_mimebundle_()["text/html"]
    assert re.findall(r"<details><summary>Image \d</summary>(.+?)</details>", html) == ["real, ED", "painted, ES"]
    tiles = [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in re.findall(r"base64,([^\"]+)", html)]
    assert [tile.mean() for tile in tiles] == [40, 200] and tiles[0].shape == (2 * SIZE, 2 * SIZE)
    assert "embedded phantom, not patients" in html


def test_images_that_may_not_be_passed_on_give_way_to_the_phantom(results, monkeypatch, tmp_path):
    values = yaml.safe_load((results.folder / "study.yaml").read_text())
    restricted = tmp_path / "restricted"
    restricted.mkdir()
    (restricted / "study.yaml").write_text(yaml.safe_dump(values | {"name": "restricted", "datasets": {"a": "ukbb"}}))
    monkeypatch.setattr(blind, "EMBEDDED", results.folder)
    quiz = blind.blind_test(open_results(restricted))
    assert "embedded phantom" in quiz.caption and "restricted may not be passed on" in quiz.caption and len(quiz.tiles) == 2
    (results.folder / "blind.png").unlink()
    with pytest.raises(InputError, match="blind.png: no such picture"):
        blind.blind_test(results)


def test_the_rules_of_the_sources_are_followed():
    assert blind.may_be_shown("phantom-b") and blind.may_be_shown("acdc") and not blind.may_be_shown("kaggle-png")


def test_the_bias_of_trainings_stands_with_its_spread(tmp_path):
    names = ["edv_ml_bias", "edv_ml_rmse", "esv_ml_bias", "esv_ml_rmse", "ef_bias", "ef_rmse", "ef_r"]
    rows = [
        {"trained_on": kind, "read_on": "real", "seed": seed} | dict.fromkeys(names, value)
        for kind, values in (("real", (1.0, 3.0)), ("painted", (-8.0, -12.0)))
        for seed, value in enumerate(values)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "label_shift_acdc.csv", index=False)
    table = realism.label_shift(tmp_path).frame
    assert table["trained on"].tolist() == ["real", "painted"] and table["trainings"].tolist() == [2, 2]
    assert table["EDV bias, ml"].tolist() == ["2.0 ± 1.4", "-10.0 ± 2.8"]
