"""The embedded cohort: exact volumes, a conserved wall, the two sites, and what the scanner does."""

import pickle
from itertools import islice

import numpy as np
import pytest
from scipy.integrate import dblquad

from cardiosynth.data import phantom
from cardiosynth.data.phantom.imaging import Scanner, acquire
from cardiosynth.data.phantom.plane import ellipse, make_plane, warped
from cardiosynth.data.phantom.sites import DISEASES
from cardiosynth.data.phantom.tissues import Sequence, bssfp_signal, tissue_signals
from cardiosynth.data.phantom.ventricle import BASE, ES_PHASE, Infarct, LeftVentricle, filling
from cardiosynth.data.volumes import LABELS, ejection_fraction, volume_ml
from cardiosynth.study.errors import InputError

SCAR = Infarct(theta=-1.4, level=0.3, spread=0.5, thinning=0.5)


def ventricle(**changes):
    values = dict(edv_ml=150.0, esv_ml=60.0, length_mm=92.0, wall_mm=8.0, ovality=0.08) | changes
    return LeftVentricle(**values)


def patients(site, count, split="test", seed=3):
    return [phantom.patient(site, split, index, count, seed) for index in range(count)]


def mask_volumes(who, label=LABELS["lv"]):
    exam = phantom.examination(who)
    return [volume_ml(exam.masks(phase), who.pixel_mm**2, who.slice_gap_mm, label) for phase in (0.0, ES_PHASE)]


def enclosed_ml(lv, phase):
    """The volume within the endocardial surface, by scipy's quadrature."""
    integral, _ = dblquad(lambda theta, s: lv.radii(s, theta, phase)[0] ** 2 / 2, BASE, 1.0, 0.0, 2 * np.pi, epsabs=0.1, epsrel=1e-6)
    return integral * lv.half_length_mm * lv.shortening(phase) / 1000.0


@pytest.mark.parametrize("changes", [{}, {"esv_ml": 20.0}, {"infarct": SCAR, "esv_ml": 110.0}, {"septal_bulge": 0.7}])
@pytest.mark.parametrize("phase", [0.0, 0.15, ES_PHASE, 0.5, 0.9])
def test_the_surface_encloses_exactly_the_volume_asked_for(changes, phase):
    lv = ventricle(**changes)
    assert lv.volume_ml(phase) == pytest.approx(enclosed_ml(lv, phase), rel=1e-5)


def test_the_ejection_fraction_asked_for_is_the_one_obtained():
    lv = ventricle(edv_ml=200.0, esv_ml=200.0 * 0.73)
    assert 100 * (1 - enclosed_ml(lv, ES_PHASE) / enclosed_ml(lv, 0.0)) == pytest.approx(27.0, abs=1e-3)


@pytest.mark.parametrize("infarct", [None, SCAR])
def test_every_sector_of_the_wall_keeps_its_volume(infarct):
    lv = ventricle(infarct=infarct)
    s, theta = np.meshgrid(np.linspace(BASE, 1.05, 30), np.linspace(0, 6, 20))
    muscle = []
    for phase in (0.0, 0.2, ES_PHASE):
        endo, epi = lv.radii(s, theta, phase)
        muscle.append((epi**2 - endo**2) * lv.shortening(phase))
    np.testing.assert_allclose(muscle[1:], [muscle[0]] * 2, rtol=1e-9)


def test_a_scar_is_thin_and_stands_still():
    lv = ventricle(infarct=SCAR, esv_ml=100.0)
    (scar_ed, remote_ed), (scar_es, remote_es) = (
        [lv.radii(0.3, theta, phase) for theta in (SCAR.theta, SCAR.theta + np.pi)] for phase in (0.0, ES_PHASE)
    )
    assert scar_es[0] == pytest.approx(scar_ed[0])
    assert remote_es[0] < 0.85 * remote_ed[0]
    assert scar_ed[1] - scar_ed[0] < 0.6 * (remote_ed[1] - remote_ed[0])


def test_the_volume_curve_is_that_of_a_heart():
    curve = np.array([filling(phase) for phase in np.linspace(0, 1, 201)])
    assert curve[0] == curve[-1] == 1.0 and curve.argmin() == 70 and curve.min() == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(curve[:71]) <= 0).all() and (np.diff(curve[70:]) >= 0).all()
    diastasis, early, late = np.diff(curve[120:151]).max(), np.diff(curve[80:110]).max(), np.diff(curve[160:190]).max()
    assert diastasis < 0.5 * late < early


def test_the_waves_keep_areas():
    plane = make_plane(400, 0.5, (0.0, 0.0), 0.3, 10.0)
    waves = [(3.0, 0.1, 0.05, 1.0), (2.0, -0.08, 0.1, 2.0), (1.5, 0.06, 0.0, 0.5), (2.5, 0.12, 0.0, 0.1)]
    x, y = warped(plane.x, plane.y, plane.z, waves)
    inside = ellipse(x, y, (4.0, -6.0), (30.0, 40.0)) > 0
    assert np.abs(inside ^ (ellipse(plane.x, plane.y, (4.0, -6.0), (30.0, 40.0)) > 0)).sum() > 1000
    assert inside.sum() * 0.25 == pytest.approx(np.pi * 1200, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("site", ["a", "b"])
def test_masks_measure_the_exact_volumes(site):
    """Simpson's rule on the acquisition grid: within 3 % on average (asked), and without bias."""
    cohort = patients(site, 24)
    measured = np.array([mask_volumes(who) for who in cohort])
    exact = np.array([[who.edv_ml, who.esv_ml] for who in cohort])
    relative = measured / exact - 1.0
    assert (np.abs(relative).mean(axis=0) < 0.03).all()
    assert (np.abs(relative.mean(axis=0)) < 0.012).all()
    assert np.abs(ejection_fraction(*measured.T) - [who.ef for who in cohort]).mean() < 1.5


def test_masks_keep_the_muscle_and_lose_basal_slices_in_systole():
    who = next(who for who in patients("a", 24) if who.disease == "normal" and who.ef > 60)
    ed, es = mask_volumes(who, LABELS["myocardium"])
    assert es == pytest.approx(ed, rel=0.05)
    exam = phantom.examination(who)
    shown = [[(mask == LABELS["lv"]).any() for mask in exam.masks(phase)] for phase in (0.0, ES_PHASE)]
    assert np.argmax(shown[1]) > np.argmax(shown[0]) and sum(shown[1]) < sum(shown[0])


def test_site_a_has_the_papers_share_of_rare_ejection_fractions():
    ef = phantom.ejection_fractions("a", "train", 20000, 1)
    assert (ef < 40).mean() == pytest.approx(0.063, abs=0.001)
    assert (ef > 70).mean() == pytest.approx(0.105, abs=0.001)
    healthy = phantom.ejection_fractions("b", "train", 20000, 1)
    assert ((healthy > 50) & (healthy < 65)).mean() > 0.8


@pytest.mark.parametrize("seed", range(8))
def test_a_small_split_has_its_rare_hearts_too(seed):
    ef = phantom.ejection_fractions("a", "test", 80, seed)
    assert ((ef < 40).sum(), (ef > 70).sum()) == (5, 8)


@pytest.mark.slow
def test_the_sites_scan_as_the_paper_says():
    a, b = patients("a", 1500), patients("b", 1500)
    gap = {"a": np.array([who.slice_gap_mm for who in a]), "b": np.array([who.slice_gap_mm for who in b])}
    pixel = {"a": np.array([who.pixel_mm for who in a]), "b": np.array([who.pixel_mm for who in b])}
    assert (gap["a"].mean(), gap["a"].std()) == pytest.approx((9.8, 0.6), abs=0.06)
    assert (gap["b"].mean(), gap["b"].std()) == pytest.approx((8.89, 0.88), abs=0.06)
    assert pixel["a"].min() >= 0.61 and pixel["a"].max() <= 1.95 and pixel["b"].min() >= 1.8 and pixel["b"].max() <= 2.1
    assert {who.field_t for who in a} == {1.5, 3.0} and {who.field_t for who in b} == {1.5}
    assert all(8.0 <= who.thickness_mm <= min(10.0, who.slice_gap_mm) for who in a)
    assert {who.thickness_mm for who in b} == {8.0}
    assert sum(who.motion for who in a) == 45 and not any(who.motion for who in b)
    assert {who.disease for who in a} == set(DISEASES)
    assert all(60 <= who.edv_ml <= 350 for who in a + b)
    failing = np.mean([who.edv_ml for who in a if who.ef < 40])
    assert failing > 1.3 * np.mean([who.edv_ml for who in a if who.ef > 50])


def test_the_signal_equation_at_its_limit():
    """For TR far below T1 and T2: M0 sin(a) / (1 + cos(a) + (1 - cos(a)) T1/T2) (Scheffler and Lehnhardt 2003)."""
    a = np.deg2rad(50.0)
    expected = 0.9 * np.sin(a) / (1 + np.cos(a) + (1 - np.cos(a)) * 1000 / 50)
    assert bssfp_signal(0.9, 1000, 50, 50.0, 1e-3) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_tissues_rank_as_readers_know_them(field_t):
    signals = tissue_signals(Sequence(field_t, 50.0))
    assert signals["blood"] == 1.0 and signals["fat"] == pytest.approx(-1.0, abs=0.2)
    assert 0.8 > signals["liver"] > signals["myocardium"] > signals["lung"]
    with pytest.raises(InputError, match="7.0 T"):
        tissue_signals(Sequence(7.0))


def scanner(**changes):
    values = dict(sequence=Sequence(), pixel_mm=1.25, size_px=160, thickness_mm=8.0, slice_gap_mm=9.0)
    values |= dict(resolution_mm=(1.6, 2.0), noise=0.0, coils=np.zeros((0, 5)), gain=1.0)
    return Scanner(**values | changes)


def test_the_scanner_keeps_signal_and_position():
    plane = make_plane(128, 200.0 / 128, (12.0, -7.0), 0.0, 0.0)
    disc = np.clip(ellipse(plane.x, plane.y, (0.0, 0.0), (20.0, 20.0)) / 1.5 + 0.5, 0, 1)
    image = acquire(disc[None], scanner(), np.random.default_rng(0))[0]
    rows, columns = np.indices(image.shape)
    centre = [((axis * image).sum() / image.sum() - 79.5) * 1.25 for axis in (columns, rows)]
    assert centre == pytest.approx([12.0, -7.0], abs=0.3)
    assert image[70:79, 85:94].mean() == pytest.approx(1.0, abs=0.02)


def test_noise_is_rician_and_of_the_size_asked_for():
    quiet = acquire(np.zeros((4, 128, 128)), scanner(noise=0.1, gain=3.0), np.random.default_rng(0))
    assert quiet.mean() == pytest.approx(0.3 * np.sqrt(np.pi / 2), rel=0.03)  # Rayleigh where there is no signal


def test_motion_throws_ghosts_along_the_phase_encoding():
    signal = np.zeros((1, 128, 128))
    signal[:, 55:75, 55:75] = 1.0
    still, moved = (acquire(signal, scanner(ghost_mm=mm), np.random.default_rng(0))[0] for mm in (0.0, 1.5))
    above, beside = (slice(0, 45), slice(70, 90)), (slice(70, 90), slice(0, 45))
    assert moved[above].max() > 3 * still[above].max() and moved[beside].max() < 1.5 * still[beside].max() + 0.01


@pytest.mark.slow
def test_a_subject_follows_from_its_arguments_alone():
    first, (second, again) = phantom.subject("b", "train", 1, 5, 11), islice(phantom.subjects("b", "train", 5, 11), 2)
    again = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(first.images, again.images)
    assert first.images.dtype == np.float32 and first.masks.dtype == np.uint8
    assert (first.id, first.source) == ("phantom-b-train-0001", "phantom-b")
    assert first.images.shape != second.images.shape or not np.array_equal(first.images, second.images)
    assert first.edv_ml == pytest.approx(volume_ml(first.masks, first.spacing_mm[0] ** 2, first.slice_gap_mm)[0])
    assert first.extra["exact_edv_ml"] == pytest.approx(first.edv_ml, rel=0.06)
    outside = ~(first.masks.any(axis=(0, 1)))
    change = np.abs(first.images[:, 0] - first.images[:, 1])[:, outside]
    assert np.median(change) < 0.1 * np.quantile(first.images, 0.98)  # both phases share the background


def test_the_labels_lie_where_the_picture_says():
    subject = phantom.subject("a", "train", 1, 6, 5)
    middle = len(subject.images) // 2
    image, mask = subject.images[middle, 0], subject.masks[middle, 0]
    blood, wall = np.median(image[mask == LABELS["lv"]]), np.median(image[mask == LABELS["myocardium"]])
    assert blood > 2 * wall
    column = {name: np.nonzero(mask == value)[1].mean() for name, value in LABELS.items()}
    assert column["rv"] < column["myocardium"] < mask.shape[1]  # the RV lies to the left of the LV


def test_a_cine_fills_and_empties():
    images, masks = phantom.cine("b", "train", 0, 11, phases=6, count=5)
    assert images.shape == masks.shape and images.shape[1] == 6
    volumes = volume_ml(masks, 1.0, 1.0)
    assert volumes.argmax() == 0 and volumes.argmin() == 2


def test_bad_requests_are_refused():
    for call, said in [
        (lambda: phantom.patient("c", "train", 0, 5, 1), "site 'c'"),
        (lambda: phantom.patient("a", "dev", 0, 5, 1), "split 'dev'"),
        (lambda: phantom.patient("a", "train", 5, 5, 1), "subject 5"),
        (lambda: phantom.ejection_fractions("a", "train", 0, 1), "0 subjects"),
    ]:
        with pytest.raises(InputError, match=said):
            call()
