import pytest

from cardiosynth import ROOT
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import EXPERIMENTS, Training, evaluated_on, training_from_path, trainings
from cardiosynth.study.study_file import fingerprint, load_study

GOOD = "name: mine\ntitle: mine\ndatasets: {a: phantom-a}\n"


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_committed_study_loads_under_its_own_name(path):
    assert load_study(path).name == path.stem


@pytest.mark.parametrize(
    "text, message",
    [
        (GOOD + "sfera: {widht: 3}", r"sfera.widht: unknown key"),
        (GOOD + "sfera: {features: many}", r"sfera.features: 'many': "),
        (GOOD + "seeds: []", r"seeds: \[\]: "),
        (GOOD + "seeds: [1, 1]", r"seeds: \[1, 1\]: .*a seed stands there twice"),
        (GOOD + "grid: {size_px: 8}", r"grid.size_px: 8: "),
        (GOOD + "masks: {target: flat}", r"masks.target: 'flat': "),
        (GOOD + "masks: {es_scale: [0.7]}", r"masks.es_scale.1: .*Field required"),
        (GOOD + "masks: {target_bins: [[10, 40, 0]]}", r"masks.target_bins.0.2: 0: "),
        ("name: mine\ntitle: mine\ndatasets: {a: mnist}", r"datasets.a: 'mnist': "),
        ("- a list", "expected a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_bad_study_names_file_and_key(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match="mine.yaml: " + message):
        load_study(tmp_path / "mine.yaml")


def test_a_missing_study_is_named():
    with pytest.raises(InputError, match="nowhere.yaml: no such study file"):
        load_study("nowhere.yaml")


def test_a_training_follows_the_one_it_starts_from():
    for name in ("laptop", "acdc"):
        order = trainings(load_study(ROOT / "studies" / f"{name}.yaml"))
        for place, training in enumerate(order):
            assert training.start is None or training.start in order[:place]


def test_two_datasets_have_all_experiments_and_one_has_no_rsa():
    both, one = (load_study(ROOT / "studies" / f"{name}.yaml") for name in ("laptop", "acdc"))
    assert {t.experiment for t in trainings(both)} == set(EXPERIMENTS)
    assert {t.experiment for t in trainings(one)} == set(EXPERIMENTS) - {"RSA"}
    assert evaluated_on(Training("SSO", "both", 1), both) == ["phantom-a", "phantom-b"]
    assert evaluated_on(Training("RSP", "phantom-b", 1), both) == ["phantom-b"]


def test_an_unknown_training_is_refused_with_the_list():
    study = load_study(ROOT / "studies" / "smoke.yaml")
    assert training_from_path("RSP/phantom-a/seed-1", study) == Training("RSP", "phantom-a", 1)
    with pytest.raises(InputError, match="RSX/phantom-a/seed-1: study smoke has no such training; it has RSO/phantom-a/seed-1"):
        training_from_path("RSX/phantom-a/seed-1", study)


def test_fingerprints_ignore_order_and_see_values():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})
