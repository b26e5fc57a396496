"""Experiments as data: names, order, what a study asks, and which subjects a question draws."""

import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring import plan
from cardiosynth.measuring.sfera_training import Schedule
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import EXPERIMENTS, Training, experiment, is_question, painted, questions, training_from_path, trainings
from cardiosynth.study.study_file import Study, load_study

STUDIES = ROOT / "studies"


def study(b="phantom-b", **asked):
    return Study(name="s", title="t", seeds=[1, 2], datasets={"a": "phantom-a", "b": b}, questions=asked)


def names(*arguments, **asked):
    return [t.path for t in trainings(study(*arguments, **asked)) if is_question(t.experiment)]


def test_a_study_asks_nothing_by_default():
    for name in ("laptop", "acdc", "paper"):
        assert {t.experiment for t in trainings(load_study(STUDIES / f"{name}.yaml"))} <= set(EXPERIMENTS)


def test_each_question_adds_its_trainings_with_every_seed():
    assert names(reduced=[0, 8]) == [f"RSO-reduced-{k}/phantom-a/seed-{seed}" for k in (0, 8) for seed in (1, 2)]
    assert names(zoom=True) == ["RSO-zoom/phantom-a/seed-1", "RSO-zoom/phantom-a/seed-2"]
    assert names(subjects=[20])[::2] == ["RSO-subjects-20/phantom-a/seed-1", "SSO-subjects-20/both/seed-1", "RSP-subjects-20/phantom-a/seed-1"]
    assert names(outlines=True)[::2] == ["SSO-outlines/both/seed-1", "RSP-outlines/phantom-b/seed-1"]
    assert names(synthetic=True) == []


def test_a_training_starts_from_the_one_of_its_own_amount():
    assert Training("RSP-subjects-20", "phantom-a", 2).start == Training("SSO-subjects-20", "both", 2)
    assert Training("RSP-phantom", "phantom-a", 1).start == Training("SSO-phantom", "both", 1)
    order = trainings(study(subjects=[10, 20], phantom=True, outlines=True))
    assert all(t.start is None or t.start in order[:place] for place, t in enumerate(order))


def test_names_lead_to_experiments_and_to_their_painted_hearts():
    assert experiment("RSO-reduced-16").amount == 16 and experiment("RSP") is EXPERIMENTS["RSP"]
    assert not is_question("RSP-half-random") and not is_question("segmentation") and is_question("RSO-reduced-0")
    assert [painted(name) for name in ("SSO", "SSO-subjects-10", "SSO-phantom", "SSO-warp", "SSO-outlines")] == [
        "synthetic/images",
        "synthetic/images",
        "synthetic/phantom",
        "synthetic/warp",
        "synthetic/outlines/images",
    ]
    with pytest.raises(InputError, match="RSO-zoom/phantom-a/seed-1: study s has no such training"):
        training_from_path("RSO-zoom/phantom-a/seed-1", study())


def test_outlines_need_a_second_dataset():
    with pytest.raises(InputError, match="questions.outlines needs a Dataset 2"):
        questions(study(b=None, outlines=True))


def test_the_full_study_differs_from_acdc_in_what_it_adds_alone():
    full, acdc = (load_study(STUDIES / f"{name}.yaml") for name in ("acdc-full", "acdc"))
    assert full.subset("grid", "masks", "generator", "segmentation", "sfera") == acdc.subset("grid", "masks", "generator", "segmentation", "sfera")
    assert len(full.seeds) == len(full.ablation_seeds) == 5
    assert len([t for t in trainings(full) if is_question(t.experiment)]) == 5 * (5 + 3 * 3 + 1 + 1 + 2 + 2)


@pytest.fixture
def cohort(tmp_path):
    """Twenty training subjects, two of EF below 40 %; six such in extra_test; others elsewhere."""
    rows = [(f"t{i:02d}", "train", 30.0 if i < 2 else 60.0) for i in range(20)]
    rows += [(f"x{i}", "extra_test", 25.0 + i) for i in range(6)] + [("v0", "validation", 30.0), ("e0", "test", 30.0)]
    return Cohort(tmp_path, pd.DataFrame(rows, columns=["id", "split", "ef"]).set_index("id"))


def drawn(cohort, name, seed=1):
    return list(plan.drawn(cohort, experiment(name), seed).table.index)


def test_parts_are_nested_drawn_by_the_seed_and_of_the_right_subjects(cohort):
    assert drawn(cohort, "RSO") == [f"t{i:02d}" for i in range(20)]
    few, many = drawn(cohort, "RSO-subjects-5"), drawn(cohort, "RSO-subjects-12")
    assert len(few) == 5 and set(few) < set(many) and few == sorted(few)
    assert few == drawn(cohort, "SSO-subjects-5") == drawn(cohort, "RSP-subjects-5") != drawn(cohort, "RSO-subjects-5", seed=2)


def test_reduced_subjects_join_the_others_whoever_held_them_back(cohort):
    whole = {f"t{i:02d}" for i in range(2, 20)}
    assert set(drawn(cohort, "RSO-reduced-0")) == whole
    three, eight = set(drawn(cohort, "RSO-reduced-3")), set(drawn(cohort, "RSO-reduced-8"))
    assert len(three) == 21 and three < eight == whole | {"t00", "t01"} | {f"x{i}" for i in range(6)}
    with pytest.raises(InputError, match="questions.reduced: 9 subjects to be drawn, but .* has 8 of that kind"):
        drawn(cohort, "RSO-reduced-9")


def test_every_second_source_is_held_back(tmp_path):
    table = pd.DataFrame({"id": list("abcdef"), "source_id": ["p1", "p2", "p1", "p3", "p4", "p2"], "split": "validation"})
    painted_cohort = Cohort(tmp_path, table.set_index("id"))
    held = plan.held_back(painted_cohort)
    assert list(held.table.index) == ["b", "e", "f"] and set(held.table["split"]) == {"test"}
    assert list(plan.without(painted_cohort, held).table.index) == ["a", "c", "d"]
    with pytest.raises(InputError, match="one source of synthetic validation subjects"):
        plan.held_back(painted_cohort.take(["a", "c"]))


def test_a_part_gets_as_many_updates_as_the_whole():
    whole = Schedule(150, 8, 1e-3)
    assert whole.batches(50) == 6 and whole.batches(3) == 1
    part = whole.spread_over(10, 50)
    assert part.epochs * part.batches(10) == 150 * 6 and (part.batch, part.rate) == (8, 1e-3)
    assert whole.spread_over(50, 50) == whole
