"""The findings of the audit that rest on a calculation, worked out again from the printed numbers."""

import numpy as np
import pytest

from cardiosynth.judging import paper


def implied_sd(rmse, r):
    """SD of the truth behind a calibrated linear predictor with this RMSE and correlation."""
    return rmse / np.sqrt(1 - r**2)


def value(statistic, experiment, quantity, dataset, where=None):
    conditions = {"experiment": experiment, "quantity": quantity, "dataset": dataset, "group": "all"}
    return paper.published_value(statistic, **conditions, **({"where": where} if where else {}))


def count(split, dataset, experiment="", where="text"):
    return paper.published_value("count", quantity=split, dataset=dataset, experiment=experiment, where=where)


def test_mae_stays_below_rmse_and_inside_its_interval():
    for experiment in ("RSO", "RSP"):
        for dataset in (1, 2):
            for quantity in paper.HEADINGS:
                assert value("mae", experiment, quantity, dataset) < value("rmse", experiment, quantity, dataset)
            low, high = (value(side, experiment, "ef", dataset) for side in ("mae_low", "mae_high"))
            assert low <= value("mae", experiment, "ef", dataset) <= high


def test_audit_is_complete():
    audit = paper.audit()
    assert audit.number.tolist() == list(range(1, 24))
    assert set(audit.calculated) == {"yes", "no"}
    assert (audit.printed.str.len() > 10).all() and (audit.finding.str.len() > 10).all()


def test_audit_1_all_interpolated_masks_are_equal():
    alpha, frames = np.arange(1.0, 11.0), 11.0
    assert 1 - (frames - alpha) / frames == pytest.approx(alpha / frames)
    assert len(alpha) == 10  # audit 2: whole numbers in the open interval (0, 11)


def test_audit_3_to_5_counts():
    train, validation = count("train", 1, "synthetic"), count("validation", 1, "synthetic")
    total, caption = count("all", 1, "synthetic"), count("all", 1, "synthetic", "Fig. 1")
    assert train + validation == total and caption - total == 208
    assert total / (count("train", 1) + count("validation", 1)) == pytest.approx(33.4, abs=0.05)
    assert total / count("train", 1) == pytest.approx(46.1, abs=0.05)
    assert train / count("train", 1) == pytest.approx(33.59, abs=0.005)
    assert validation / count("validation", 1) == pytest.approx(32.95, abs=0.005)
    assert count("half", 1, "synthetic") == train // 2
    assert count("test", 1) == 440 and count("test", 2) == 412 and count("train", 2) == 3975


def test_audit_7_and_8_the_spread_of_the_test_set():
    def spread(experiment, quantity, dataset, where):
        return implied_sd(value("rmse", experiment, quantity, dataset, where), value("pearson", experiment, quantity, dataset))

    assert spread("RSO", "esv_ml", 1, "Table 1") == pytest.approx(36.9, abs=0.05)
    assert spread("RSP", "esv_ml", 1, "Table 1") == pytest.approx(36.6, abs=0.05)
    assert spread("RSP", "esv_ml", 1, "text") == pytest.approx(40.7, abs=0.05)
    assert spread("RSO", "edv_ml", 2, "text") == pytest.approx(34.6, abs=0.05)
    assert spread("RSO", "edv_ml", 2, "Table 1") == pytest.approx(36.8, abs=0.05)
    assert spread("RSP", "edv_ml", 2, "Table 1") == pytest.approx(35.1, abs=0.05)


def test_audit_9_the_fourth_team():
    assert value("rmse", "Kaggle fourth", "esv_ml", 1) < value("rmse", "Kaggle first", "esv_ml", 1)


def cases_for(half_width, absolute_error_sd):
    """Patients that an interval of a mean absolute error of this half width takes."""
    return (1.96 * absolute_error_sd / half_width) ** 2


def test_audit_10_the_interval_of_sso():
    """Even for normal errors, the least spread that fits, and the widest interval that rounds to [2.0, 2.1]."""
    low, high = (value(side, "SSO", "ef", 1) for side in ("mae_low", "mae_high"))
    sd = (low + high) / 2 * np.sqrt(np.pi / 2 - 1)
    assert cases_for((high - low) / 2 + 0.05, sd) > 900 > 2 * count("test", 1)
    assert cases_for((high - low) / 2, sd) > 3500


def test_audit_11_the_intervals_of_dataset_2():
    fewest, most = [], []
    for experiment in ("RSO", "RSP"):
        mae, rmse = (value(statistic, experiment, "ef", 2) for statistic in ("mae", "rmse"))
        half = (value("mae_high", experiment, "ef", 2) - value("mae_low", experiment, "ef", 2)) / 2
        fewest.append(cases_for(half + 0.05, np.sqrt(rmse**2 - mae**2)))
        most.append(cases_for(half - 0.05, np.sqrt(rmse**2 - mae**2)))
    assert max(fewest) == pytest.approx(1000, rel=0.02) and min(most) == pytest.approx(6100, rel=0.02)
    assert min(fewest) > count("test", 2)


def test_audit_12_sso_against_the_spread_of_the_test_set():
    for quantity, low, high in (("edv_ml", 0.9, 1.1), ("esv_ml", 0.9, 1.1), ("ef", 0.6, 0.75)):
        spread = implied_sd(value("rmse", "RSP", quantity, 1), value("pearson", "RSP", quantity, 1))
        assert low < value("rmse", "SSO", quantity, 1) / spread < high


def test_kaggle_winner_in_ml():
    winner = paper.context().query("statistic == 'crps_kaggle'").value.item()
    assert 600 * winner == pytest.approx(5.69, abs=0.005)
    assert paper.published_value("crps_kaggle") == pytest.approx(winner, abs=1e-5)
