"""Statistics against closed forms, numbers worked out by hand, simulations and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cardiosynth.judging import measures, tables
from cardiosynth.measuring.predictions import read_predictions
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Statistics
from made_up_predictions import predictions

SETTINGS = Statistics(bootstrap_draws=300)


def test_gaussian_crps_of_a_standard_normal_at_its_mean():
    assert measures.crps_gaussian(0.0, 1.0, 0.0) == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi))
    assert measures.crps_gaussian(10.0, 3.0, 10.0) == pytest.approx(3 * (np.sqrt(2) - 1) / np.sqrt(np.pi))


def test_crps_without_a_spread_is_the_absolute_error():
    assert measures.crps_gaussian([7.0, 7.0], [0.0, np.nan], [4.0, 4.0]) == pytest.approx([3.0, 3.0])


def test_kaggle_crps_of_point_forecasts_is_mae_over_600():
    mean, truth = np.array([100.0, 80.0, 201.0]), np.array([120.0, 80.0, 200.0])
    scores = measures.crps_kaggle(mean, np.nan, truth)
    assert scores == pytest.approx(np.abs(mean - truth) / 600)
    assert scores.mean() == pytest.approx(7 / 600)


def test_kaggle_crps_is_the_gaussian_crps_over_600_when_smooth():
    mean, sd, truth = np.array([150.0, 90.0]), np.array([20.0, 15.0]), np.array([163.5, 85.5])
    assert 600 * measures.crps_kaggle(mean, sd, truth) == pytest.approx(measures.crps_gaussian(mean, sd, truth), abs=0.005)


def test_kaggle_crps_by_hand():
    """Thresholds 0 and 1 lie below the truth 1.5; the forecast N(0, 1) has F = 1/2, 0.8413, then 0.9772, 0.9987, ..."""
    steps = stats.norm.cdf(np.arange(600))
    expected = (steps[0] ** 2 + steps[1] ** 2 + ((steps[2:] - 1) ** 2).sum()) / 600
    assert measures.crps_kaggle(0.0, 1.0, 1.5) == pytest.approx(expected)


def test_bland_altman_by_hand():
    """Differences 1, 2, 3, 4: mean 2.5, SD sqrt(5/3)."""
    found = measures.bland_altman([11.0, 22.0, 33.0, 44.0], [10.0, 20.0, 30.0, 40.0])
    sd = np.sqrt(5 / 3)
    assert found["bias"] == 2.5 and found["n"] == 4
    assert found["sd"] == pytest.approx(sd)
    assert found["upper_limit"] == pytest.approx(2.5 + 1.96 * sd)
    assert found["lower_limit"] == pytest.approx(2.5 - 1.96 * sd)
    assert found["bias_high"] - 2.5 == pytest.approx(3.182446305 * sd / 2)  # t(0.975, 3 degrees of freedom)


def test_proportional_bias_by_hand():
    """Means 10, 20, 30 and differences 1, 2, 6: slope 5 / 20; residuals 0.5, -1, 0.5 leave the standard error sqrt(1.5 / 200)."""
    mean, difference = np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0, 6.0])
    found = measures.bland_altman(mean + difference / 2, mean - difference / 2)
    assert found["slope"] == pytest.approx(0.25)
    assert found["slope_high"] - 0.25 == pytest.approx(12.70620474 * np.sqrt(1.5 / 200))  # t(0.975, 1 degree of freedom)
    assert found["slope"] - found["slope_low"] == pytest.approx(found["slope_high"] - found["slope"])
    assert np.isnan(measures.bland_altman([4.0, 6.0], [6.0, 4.0])["slope"])


@pytest.mark.slow
def test_limits_of_agreement_have_exact_coverage():
    """The interval of the upper limit holds bias + 1.96 SD in 95 % of small samples, where the approximation fails."""
    samples = np.random.default_rng(5).normal(3.0, 2.0, (1500, 6))
    held = [
        found["upper_limit_low"] < 3 + 1.96 * 2 < found["upper_limit_high"]
        for found in (measures.bland_altman(sample, np.zeros(6)) for sample in samples)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.018)  # three standard errors


def test_limits_of_agreement_meet_the_large_sample_approximation():
    values = np.random.default_rng(1).normal(0.0, 5.0, 4000)
    found = measures.bland_altman(values, np.zeros(4000))
    half = 1.96 * found["sd"] * np.sqrt(1 / 4000 + 1.96**2 / (2 * 3999))  # Bland and Altman 1999
    assert found["upper_limit_high"] - found["upper_limit"] == pytest.approx(half, rel=0.05)
    assert found["lower_limit"] - found["lower_limit_low"] == pytest.approx(half, rel=0.05)


@pytest.mark.parametrize("n", [0, 1])
def test_agreement_of_too_few_patients_is_empty(n):
    found = measures.bland_altman(np.full(n, 5.0), np.full(n, 4.0))
    assert found["n"] == n and np.isnan(found["upper_limit"]) and np.isnan(found["bias_low"])


def test_bootstrap_weights_are_draws_of_patients():
    weights = measures.patient_weights(7, 50, 3)
    assert weights.sum(axis=1) == pytest.approx(np.ones(50))
    assert np.array_equal(weights * 7, np.round(weights * 7))
    assert weights.mean(axis=0) == pytest.approx(np.full(7, 1 / 7), abs=0.06)


def test_bootstrap_interval_agrees_with_scipy():
    errors = np.random.default_rng(2).normal(0, 4, (80, 1))
    settings = Statistics(bootstrap_draws=4000)
    ours = measures.bootstrap_interval(lambda weights: measures.bootstrap_rmse(errors, weights), 80, settings, 9)
    theirs = stats.bootstrap(
        (errors[:, 0],), lambda e, axis: np.sqrt(np.mean(e**2, axis)), n_resamples=4000, method="percentile", rng=np.random.default_rng(9)
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), rel=0.02)


def test_bootstrap_interval_covers_the_true_rmse():
    simulated = np.random.default_rng(4).normal(0, 3, (300, 60, 1))
    intervals = [
        measures.bootstrap_interval(lambda weights, e=errors: measures.bootstrap_rmse(e, weights), 60, SETTINGS, seed)
        for seed, errors in enumerate(simulated)
    ]
    covered = np.mean([low < 3 < high for low, high in intervals])
    assert 0.89 < covered < 0.98


def test_a_wider_confidence_gives_a_wider_interval():
    errors = np.random.default_rng(2).normal(0, 4, (50, 2))
    widths = [
        np.ptp(measures.bootstrap_interval(lambda weights: measures.bootstrap_rmse(errors, weights), 50, Statistics(confidence=level), 1))
        for level in (0.5, 0.9, 0.99)
    ]
    assert widths == sorted(widths) and widths[0] < widths[-1] / 2


def test_rank_tests_by_hand():
    """Ranks 1, 2, 3 against 4, 5, 6: H = 12 / 42 (6^2 / 3 + 15^2 / 3) - 21 = 27 / 7 with one degree of freedom."""
    assert measures.kruskal_p(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])) == pytest.approx(stats.chi2.sf(27 / 7, 1))
    first, second = np.array([5.0, 6.0, 7.0, 8.0, 9.0, 10.0]), np.array([4.5, 5.0, 5.5, 6.0, 6.5, 7.0])
    assert measures.wilcoxon_p(first, second) == pytest.approx(2 / 2**6)  # all six differences have one sign
    assert np.isnan(measures.wilcoxon_p(first, first))


def test_a_paired_test_sees_what_kruskal_wallis_misses():
    """A small constant gain over very different patients: paired it is plain, unpaired it drowns."""
    first = np.linspace(1, 30, 40)
    assert measures.wilcoxon_p(first, first - 0.5) < 1e-6 < 0.5 < measures.kruskal_p(first, first - 0.5)


@pytest.mark.slow
def test_table1_by_hand():
    """Seed 1 errs by 3, -4, 0, 0 ml, seed 2 by 6, -8, 0, 0: RMSE 2.5 and 5, MAE 1.75 and 3.5."""
    table = tables.table1(predictions({("RSO", 1): [3, -4, 0, 0], ("RSO", 2): [6, -8, 0, 0]}), SETTINGS, 1)
    cells = table.set_index(["quantity", "group"])
    row = cells.loc[("edv_ml", "all")]
    assert (row.rmse, row.mae, row.n, row.seeds) == (3.75, 2.625, 4, 2)
    assert row.rmse_sd == pytest.approx(2.5 / np.sqrt(2))
    assert np.isnan(row.pearson)  # every true EDV is 100 ml
    assert cells.loc[("edv_ml", "ef<40")].rmse == 4.5
    assert cells.loc[("edv_ml", "ef40-70")].rmse == pytest.approx((np.sqrt(8) + np.sqrt(32)) / 2)
    assert list(cells.n.loc["ef"]) == [4, 1, 2, 1]


def test_perfect_predictions_have_no_error():
    table = predictions({("RSP", 1): np.zeros(8)}, true_ef=np.linspace(15, 78, 8))
    found = tables.table1(table, SETTINGS, 1).set_index(["quantity", "group"])
    assert (found.rmse.dropna() == 0).all() and (found.mae.dropna() == 0).all()
    assert found.loc[("ef", "all")].pearson == pytest.approx(1.0)
    assert found.loc[("ef", "all")][["rmse_low", "rmse_high"]].tolist() == [0, 0]
    assert (tables.agreement(table, SETTINGS)[["bias", "sd"]] == 0).all(axis=None)


def test_empty_and_small_groups_state_their_n():
    table = tables.table1(predictions({("RSO", 1): [1, 2]}, true_ef=[55, 60]), SETTINGS, 1).set_index("group")
    reduced = table[table.quantity == "ef"].loc["ef<40"]
    assert reduced.n == 0 and reduced.seeds == 1 and np.isnan(reduced.rmse)
    assert np.isnan(table.rmse_sd).all() and np.isnan(table.rmse_low).all()
    assert (table.loc["all"].n == 2).all()


def test_one_row_per_cell_over_datasets_and_splits():
    many = pd.concat(
        [
            predictions({("RSO", 1): [1, 2, 3, 4]}, dataset=dataset, split=split)
            for dataset in ("phantom-a", "phantom-b")
            for split in ("validation", "test", "extra_test")
        ]
    )
    table = tables.table1(many, SETTINGS, 1)
    assert len(table) == 2 * 4 * 4 * 3  # the pooled split is the fourth
    assert not table.duplicated(["experiment", "dataset", "split", "group", "quantity"]).any()


def test_agreement_takes_the_mean_prediction_over_seeds():
    """Errors of +4 and -2 in two seeds are a bias of 1 ml, not 8 independent differences."""
    row = tables.agreement(predictions({("RSO", 1): [4] * 4, ("RSO", 2): [-2] * 4}), SETTINGS).iloc[0]
    assert (row.quantity, row.bias, row.sd, row.n) == ("edv_ml", 1.0, 0.0, 4)


def test_comparisons_by_hand():
    errors = {("RSO", 1): [8, -8] * 10, ("RSP", 1): [2, -2] * 10, ("RSP", 2): [4, -4] * 10, ("other", 1): [1] * 20}
    table = tables.tests(predictions(errors, true_ef=np.linspace(20, 80, 20)), SETTINGS, 1)
    row = table.set_index(["group", "quantity"]).loc[("all", "edv_ml")]
    assert (row["first"], row["second"], row.seeds_first, row.seeds_second) == ("RSO", "RSP", 1, 2)
    assert row.rmse_difference == pytest.approx(8 - 3)
    assert (row.rmse_difference_low, row.rmse_difference_high) == pytest.approx((4, 6))  # seed 1 or seed 2 of RSP
    assert (row.mae_difference, row.mae_difference_low, row.mae_difference_high) == pytest.approx((5, 4, 6))
    assert row.wilcoxon_p < 1e-4 and row.kruskal_p < 1e-4
    assert row.wilcoxon_p_holm >= row.wilcoxon_p
    assert len(table) == 4 * 3


def test_trainings_of_one_seed_are_drawn_together():
    """RMSE 8 and 6 against 4 and 2, all patients alike: seed by seed the difference is 4, whichever seeds are drawn."""
    errors = {("RSO", 1): [8] * 6, ("RSO", 2): [6] * 6, ("RSP", 1): [4] * 6, ("RSP", 2): [2] * 6}
    row = tables.tests(predictions(errors, true_ef=[50] * 6), SETTINGS, 1).iloc[0]
    assert (row.rmse_difference_low, row.rmse_difference, row.rmse_difference_high) == pytest.approx((4, 4, 4))


def test_trainings_of_other_seeds_are_drawn_apart():
    """The same numbers under other seeds: the difference may be 8 - 4, 8 - 2, 6 - 4 or 6 - 2."""
    errors = {("RSO", 1): [8] * 6, ("RSO", 2): [6] * 6, ("RSP", 3): [4] * 6, ("RSP", 4): [2] * 6}
    row = tables.tests(predictions(errors, true_ef=[50] * 6), SETTINGS, 1).iloc[0]
    assert (row.rmse_difference_low, row.rmse_difference, row.rmse_difference_high) == pytest.approx((2, 4, 6))


def test_one_training_leaves_the_interval_over_patients():
    rng = np.random.default_rng(8)
    first, second = rng.normal(0, 5, (40, 1)), rng.normal(0, 3, (40, 1))
    joint = measures.joint_interval(measures.bootstrap_rmse, first, second, True, SETTINGS, 1)
    assert joint == measures.bootstrap_interval(
        lambda weights: measures.bootstrap_rmse(first, weights) - measures.bootstrap_rmse(second, weights), 40, SETTINGS, 1
    )


@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_draws_of_trainings_have_the_variance_of_a_mean(trainings):
    """Over many draws the mean over trainings varies by s^2 / R, s^2 with the divisor R - 1."""
    values = np.array([1.0, 4.0, 6.0, 5.0, 9.0])[:trainings]
    means = measures.seed_weights(trainings, 40_000, 3) @ values
    assert means.mean() == pytest.approx(values.mean(), abs=0.05)
    assert means.var() == pytest.approx(values.var(ddof=1) / trainings, rel=0.03)


def test_the_joint_interval_holds_the_difference_of_all_trainings():
    """Trainings that differ much: 95 % of studies of five hold the difference over a thousand others; patients alone do not."""
    rng, settings = np.random.default_rng(6), Statistics(bootstrap_draws=400)

    def study(trainings, patients):
        own = rng.normal(0, 4, (patients, 1))
        return [size * np.exp(0.25 * rng.normal(size=trainings)) * (own + rng.normal(0, 3, (patients, trainings))) for size in (1.0, 0.8)]

    true = np.subtract(*(measures.rmse(errors).mean() for errors in study(1000, 2000)))
    held = {"joint": 0, "patients": 0}
    for seed in range(250):
        first, second = study(5, 50)
        one = measures.joint_interval(measures.bootstrap_rmse, first, second, True, settings, seed)
        other = measures.bootstrap_interval(
            lambda weights: measures.bootstrap_rmse(first, weights) - measures.bootstrap_rmse(second, weights), 50, settings, seed
        )
        held["joint"] += one[0] < true < one[1]
        held["patients"] += other[0] < true < other[1]
    assert 0.90 < held["joint"] / 250 < 0.99
    assert held["patients"] / 250 < 0.75


@pytest.mark.slow
def test_mean_absolute_errors_are_compared_as_well():
    """Patient by patient 3 and 1 against 1 and 1: MAE 2 - 1; the RMSE differ by sqrt 5 - 1."""
    errors = {("RSO", 1): [3, -1] * 5, ("RSP", 1): [1, -1] * 5}
    row = tables.tests(predictions(errors, true_ef=[50] * 10), SETTINGS, 1).iloc[0]
    assert row.mae_difference == pytest.approx(1) and row.rmse_difference == pytest.approx(np.sqrt(5) - 1)
    assert row.mae_difference_low < 1 < row.mae_difference_high


def test_holm_adjusts_what_was_stated_beforehand_and_nothing_else():
    """RSO against RSP states six tests of which three, over all patients, have a p; the smallest is taken three times."""
    rng = np.random.default_rng(1)
    table = predictions({("RSO", 1): rng.normal(0, 9, 30), ("RSP", 1): rng.normal(0, 3, 30)}, true_ef=np.linspace(41, 69, 30))
    table["esv_ml"] += np.where(table.experiment == "RSO", 5.0, 1.0) * rng.normal(size=60)
    table["ef"] += np.where(table.experiment == "RSO", 4.0, 1.0) * rng.normal(size=60)
    found = tables.tests(table, SETTINGS, 1)
    stated = found[found.wilcoxon_p_holm.notna()]
    assert set(zip(stated.group, stated.quantity)) == {("all", name) for name in ("edv_ml", "esv_ml", "ef")}
    ordered = stated.sort_values("wilcoxon_p")
    expected = np.minimum(np.maximum.accumulate(ordered.wilcoxon_p.to_numpy() * [3, 2, 1]), 1)
    assert ordered.wilcoxon_p_holm.tolist() == pytest.approx(expected.tolist())
    assert ("RSO", "RSP", "ef<40", "ef") in tables.family() and ("RSP", "segmentation", "all", "ef") not in tables.family()


@pytest.mark.slow
def test_test_and_extra_test_are_judged_apart_and_together():
    """Errors of 2 ml on four patients and of 4 on four others: RMSE 2, 4 and sqrt 10; a dataset without the second has no pool."""
    parts = [
        predictions({("RSO", 1): [2] * 4}),
        predictions({("RSO", 1): [4] * 4}, split="extra_test"),
        predictions({("RSO", 1): [9] * 4}, split="validation"),
        predictions({("RSO", 1): [1] * 4}, dataset="phantom-b"),
    ]
    table = tables.table1(pd.concat(parts), SETTINGS, 1).query("quantity == 'edv_ml' and group == 'all'")
    cells = table.set_index(["dataset", "split"])
    assert cells.rmse["phantom-a"].to_dict() == pytest.approx({"test": 2, "extra_test": 4, "validation": 9, "test+extra_test": np.sqrt(10)})
    assert cells.n["phantom-a", "test+extra_test"] == 8
    assert cells.rmse["phantom-b"].to_dict() == {"test": 1}
    other = [part.assign(experiment="RSP", edv_ml=101.0) for part in parts[:2]]
    tests = tables.tests(pd.concat(parts[:2] + other), SETTINGS, 1).query("quantity == 'edv_ml' and group == 'all'")
    assert tests.set_index("split").rmse_difference.to_dict() == pytest.approx({"test": 1, "extra_test": 3, "test+extra_test": np.sqrt(10) - 1})


def test_comparison_uses_the_patients_both_predict():
    table = predictions({("RSP", 1): [5] * 4, ("segmentation", 0): [1] * 4})
    table = table[~((table.experiment == "segmentation") & (table.subject == "test-003"))]
    row = tables.tests(table, SETTINGS, 1).iloc[0]
    assert row.n == 3 and row.rmse_difference == pytest.approx(4)


def test_one_experiment_has_nothing_to_compare():
    table = tables.tests(predictions({("RSO", 1): [1] * 4}), SETTINGS, 1)
    assert table.empty and "wilcoxon_p_holm" in table


@pytest.mark.slow
def test_pairing_narrows_the_interval():
    shared = np.random.default_rng(3).normal(0, 10, 200)
    table = predictions({("RSO", 1): shared * 1.1, ("RSP", 1): shared}, true_ef=np.linspace(20, 80, 200))
    row = tables.tests(table, SETTINGS, 1).iloc[0]
    cells = tables.table1(table, SETTINGS, 1).query("quantity == 'edv_ml' and group == 'all'")
    assert row.rmse_difference_low > 0  # though the two intervals overlap:
    assert cells.rmse_low.iloc[0] < cells.rmse_high.iloc[1]
    assert cells.experiment.tolist() == ["RSO", "RSP"]


@pytest.mark.slow
def test_same_seed_same_tables():
    table = predictions({("RSO", 1): np.arange(30), ("RSP", 1): np.arange(30)[::-1]}, true_ef=np.linspace(20, 80, 30))
    first, again, other = (tables.tests(table, SETTINGS, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.rmse_difference_low.equals(other.rmse_difference_low)
    shuffled = tables.tests(table.sample(frac=1, random_state=0), SETTINGS, 1)
    assert shuffled.rmse_difference_low.tolist() == first.rmse_difference_low.tolist()


def test_unreadable_table(tmp_path):
    with pytest.raises(InputError, match="nowhere.csv.*run the study"):
        read_predictions(tmp_path / "nowhere.csv")


def test_a_share_has_its_exact_binomial_interval():
    """None of n: the upper bound solves (1 - p)^n = (1 - confidence) / 2."""
    found = measures.share_interval(0, 20, 0.95)
    assert found[:2] == (0.0, 0.0) and found[2] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert np.isnan(measures.share_interval(0, 0, 0.95)).all()


def test_differences_are_of_the_mean_over_trainings():
    rows = {"experiment": "RSO", "dataset": "d", "subject": "s", "true_edv_ml": 100.0, "true_esv_ml": 50.0, "true_ef": 50.0}
    table = pd.DataFrame(
        [rows | {"seed": 1, "edv_ml": 104.0, "esv_ml": 50.0, "ef": 52.0}, rows | {"seed": 2, "edv_ml": 112.0, "esv_ml": 50.0, "ef": 56.0}]
    )
    found = tables.differences(table).set_index("quantity")
    assert found.loc["edv_ml", ["mean", "difference"]].tolist() == [104.0, 8.0]
    assert found.loc["ef", ["mean", "difference"]].tolist() == [52.0, 4.0]
