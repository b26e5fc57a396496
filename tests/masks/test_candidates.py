"""The table of candidates: every cause for which one is left out, and the first."""

import numpy as np
import pytest

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import volume_ml
from cardiosynth.masks.anatomy import CAUSES, faults
from cardiosynth.masks.candidate_table import read_candidates
from cardiosynth.masks.candidates import candidates
from cardiosynth.masks.recipes import recipes
from cardiosynth.masks.source import apply
from cardiosynth.study.sections import Masks

SIZE = 48
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
SETTINGS = Masks(include_original=True)


def heart(ed=11.0, es=7.0, wall=4.0, column=24.0):
    masks = np.zeros((5, 2, SIZE, SIZE), np.uint8)
    for index, taper in enumerate(np.linspace(1, 0.5, 5)):
        for phase, radius in enumerate((ed, es)):
            distance = np.hypot(ROWS - 24, COLUMNS - column)
            masks[index, phase][distance < radius * taper + wall] = 2
            masks[index, phase][distance < radius * taper] = 3
    return masks


def waisted():
    """At the base, which ES lacks, two cavities joined by a narrow waist: fading parts them."""
    masks = heart()
    masks[0] = 0
    left, right = np.hypot(ROWS - 24, COLUMNS - 19), np.hypot(ROWS - 24, COLUMNS - 29)
    masks[0, 0][np.minimum(left, right) < 10] = 2
    masks[0, 0][np.minimum(left, right) < 6] = 3
    return masks


HEARTS = {"sound": heart(), "weak": heart(11, 10.8), "cut": heart(column=37.0), "waisted": waisted()}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    subjects = [
        Subject(name, "discs", masks, masks, (2.0, 2.0), 10.0, *volume_ml(masks, 4.0, 10.0), {"split": "train"}) for name, masks in HEARTS.items()
    ]
    return candidates(write_cohort(tmp_path_factory.mktemp("cohort"), subjects), SETTINGS)


def test_the_reason_is_the_first_fault_and_the_kept_have_none(table):
    assert (table["reason"] == table["faults"].str.split("; ").str[0]).all()
    assert (table["kept"] == (table["faults"] == "")).all()
    assert set(table.loc[table["source_id"] == "sound", "faults"]) == {"", "ef below 10"}


def test_every_cause_that_holds_is_named(table):
    """Interpolation between the beats of a weak heart lowers its EF; a heart at the edge is cut whatever is done."""
    cut = table[table["source_id"] == "cut"]
    assert cut["faults"].str.startswith("touches border").all()
    weak = table[table["source_id"] == "weak"]
    assert (weak["faults"].str.contains("ef below 10") == (weak["ef"] < 10)).all() and (weak["ef"] < 10).any()


@pytest.mark.slow
def test_the_faults_are_those_of_the_masks_made_again(table):
    for source_id, rows in table.groupby("source_id"):
        for recipe, named in zip(recipes(rows), rows["faults"]):
            again = faults(apply(recipe, HEARTS[source_id]), HEARTS[source_id])
            assert [cause for cause in named.split("; ") if cause in CAUSES] == again


def test_what_synthesis_breaks_is_left_out_and_the_original_stays(table):
    rows = table[table["source_id"] == "waisted"].set_index("operation")
    assert rows.loc["original", "kept"] and rows.loc[["scaled"], "faults"].isin(["", "ef above 80"]).all()
    for operation in ("ed-interpolated", "interpolated-es"):
        parted = rows.loc[operation, "faults"].str.contains("lv in pieces")
        assert parted.any() and not parted.all() and not rows.loc[operation, "kept"][parted].any()


def test_faults_come_back_from_a_csv(table, tmp_path):
    table.to_csv(tmp_path / "candidates.csv", index=False)
    assert read_candidates(tmp_path / "candidates.csv").equals(table)


def test_a_variant_that_grows_over_the_edge_is_left_out(tmp_path):
    rows, columns = np.mgrid[:64, :64]
    distance = np.hypot(rows - 31.5, columns - 31.5)
    masks = np.stack([np.where(distance < lv, 3, np.where(distance < lv + 4, 2, 0)) for lv in (24, 18)])[None].repeat(4, axis=0)
    subject = Subject("big", "discs", masks.astype(np.uint8) * 10, masks.astype(np.uint8), (2.0, 2.0), 8.0, 100.0, 50.0, {"split": "train"})
    table = candidates(write_cohort(tmp_path, [subject]), Masks(variants=["plain", "dilated"]))
    original = table[table["operation"] == "original"].set_index("variant")
    assert original.at["plain", "kept"] and "touches border" in original.at["dilated", "faults"]


def test_volumes_are_larger_by_the_size_of_the_heart(tmp_path):
    sound = Subject("sound", "discs", HEARTS["sound"], HEARTS["sound"], (2.0, 2.0), 10.0, 100.0, 50.0, {"split": "train"})
    table = candidates(write_cohort(tmp_path, [sound]), Masks(sizes=[1.0, 0.75, 1.3]))
    table["size"] = table["id"].str.extract(r"-size-([\d.]+)")[0].fillna(1).astype(float)
    by_size = table[table["kept"]].assign(recipe=table["id"].str[:10]).pivot(index="recipe", columns="size", values=["edv_ml", "esv_ml"]).dropna()
    assert len(by_size) > 20
    for size in (0.75, 1.3):
        for name in ("edv_ml", "esv_ml"):
            assert (by_size[name, size] / by_size[name, 1.0]).mean() == pytest.approx(size, rel=0.03)
