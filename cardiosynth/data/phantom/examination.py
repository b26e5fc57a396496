"""One examination: a stack of short-axis slices at any phase of the cycle."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from cardiosynth.data.phantom.appearance import paint_heart
from cardiosynth.data.phantom.heart import Heart, frame, label
from cardiosynth.data.phantom.imaging import Scanner, acquire, coil_shading
from cardiosynth.data.phantom.patient import draw_heart, draw_scanner, draw_thorax
from cardiosynth.data.phantom.plane import Plane, make_plane
from cardiosynth.data.phantom.sites import Patient, patient
from cardiosynth.data.phantom.thorax import Thorax, paint_thorax
from cardiosynth.data.phantom.tissues import tissue_signals
from cardiosynth.data.phantom.ventricle import ES_PHASE
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import volume_ml

GRID_PX = 160  # samples across the region before k-space is cut: about 1.3 mm
MIDDLE_LAYERS, END_LAYERS = 2, 3  # planes averaged through a slice: mid-heart, near base and apex
BACKGROUND_LAYERS = 2  # and for what surrounds the heart


class Examination:
    """A heart in a thorax in a scanner. The thorax is painted once and serves every phase.

    positions_mm: z of the slice centres, from one beyond the base to one beyond the apex. Each slice is a
    breath-hold with its own small shift, the same at every phase.
    """

    def __init__(self, heart: Heart, thorax: Thorax, scanner: Scanner, rng: np.random.Generator):
        self.heart, self.thorax, self.scanner = heart, thorax, scanner
        self.signals = tissue_signals(scanner.sequence)
        self.positions_mm: list[float] = _positions(heart, scanner, rng)
        self.turn = float(rng.normal(0.0, np.deg2rad(8.0)))
        centre = np.clip(rng.normal((5.0, 0.0), 8.5, 2), -20.0, 20.0)
        self.centres = centre + rng.normal(0.0, 1.3, (len(self.positions_mm), 2))

    def frame(self, phase: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Images (slices, H, W) float32 and masks at a phase; rng draws the noise."""
        signal = np.stack([self._slice(index, phase) for index in range(len(self.positions_mm))])
        return acquire(signal * self._shading, self.scanner, rng), self.masks(phase)

    def masks(self, phase: float) -> np.ndarray:
        """Labels (slices, H, W), uint8: of the pixels' centres in the planes of the slices' centres."""
        return np.stack([self._mask(index, phase) for index in range(len(self.positions_mm))])

    @cached_property
    def _background(self) -> list[np.ndarray]:
        return [self._paint_background(index) for index in range(len(self.positions_mm))]

    @cached_property
    def _shading(self) -> np.ndarray:
        return np.stack([coil_shading(self.scanner, GRID_PX, z) for z in self.positions_mm])

    def _layers(self, index: int, count: int) -> list[Plane]:
        """Planes through the thickness of a slice."""
        step = self.scanner.extent_mm / GRID_PX
        offsets = ((np.arange(count) + 0.5) / count - 0.5) * self.scanner.thickness_mm
        z = self.positions_mm[index] + offsets
        return [make_plane(GRID_PX, step, self.centres[index], self.turn, float(depth)) for depth in z]

    def _paint_background(self, index: int) -> np.ndarray:
        planes = self._layers(index, BACKGROUND_LAYERS)
        return np.mean([paint_thorax(self.thorax, plane, self.signals) for plane in planes], axis=0)

    def _slice(self, index: int, phase: float) -> np.ndarray:
        """Signed signal of a slice: the mean over its layers is the partial volume effect."""
        at = frame(self.heart, self.positions_mm[index], phase)
        count = MIDDLE_LAYERS if at.depth_mm > 12.0 and at.level < 0.5 else END_LAYERS
        image = np.zeros((GRID_PX, GRID_PX), np.float32)
        for plane in self._layers(index, count):
            layer = self._background[index].copy()
            paint_heart(layer, self.heart, plane, phase, self.signals, self.scanner.thickness_mm / count)
            image += layer
        return image / count

    def _mask(self, index: int, phase: float) -> np.ndarray:
        scanner, z = self.scanner, self.positions_mm[index]
        plane = make_plane(scanner.size_px, scanner.pixel_mm, self.centres[index], self.turn, z)
        return label(self.heart, plane, phase)


def _positions(heart: Heart, scanner: Scanner, rng: np.random.Generator) -> list[float]:
    """Slice centres (mm): a grid laid anywhere over the cavity at ED, and one slice more at either end.

    The grid's offset is uniform, which makes the sum of areas times the gap unbiased for the volume.
    """
    lv, gap = heart.lv, scanner.slice_gap_mm
    rise = float(np.hypot(*lv.slope)) * lv.radius_mm
    first = -rise + gap * rng.random()
    inside = np.arange(first, lv.length_mm, gap)
    return [float(inside[0] - gap), *inside.tolist(), float(inside[-1] + gap)]


def examination(who: Patient) -> Examination:
    """Everything about a patient, from the patient's own random streams."""
    heart = draw_heart(who)
    return Examination(heart, draw_thorax(who, heart), draw_scanner(who), who.rng(5))


def subject(site: str, split: str, index: int, count: int, seed: int) -> Subject:
    """Subject ``index`` of ``count`` at ED and ES on its native grid; depends on its arguments alone.

    images: float32 (slices, 2, H, W); masks: uint8. edv_ml, esv_ml: by Simpson's rule from the masks, as
    readers get them; extra has the exact ones. Raises InputError for a site, split or number that is not one.
    """
    who = patient(site, split, index, count, seed)
    exam = examination(who)
    frames = [exam.frame(phase, who.rng(6, number)) for number, phase in enumerate((0.0, ES_PHASE))]
    images, masks = (np.stack(parts, axis=1) for parts in zip(*frames, strict=True))
    edv_ml, esv_ml = volume_ml(masks, who.pixel_mm**2, who.slice_gap_mm)
    extra = {"exact_edv_ml": round(who.edv_ml, 4), "exact_esv_ml": round(who.esv_ml, 4)}
    extra |= {"disease": who.disease, "field_t": who.field_t, "motion": who.motion}
    return Subject(
        id=f"phantom-{site}-{split}-{index:04d}",
        source=f"phantom-{site}",
        images=images,
        masks=masks,
        spacing_mm=(who.pixel_mm, who.pixel_mm),
        slice_gap_mm=who.slice_gap_mm,
        edv_ml=float(edv_ml),
        esv_ml=float(esv_ml),
        extra=extra,
    )


def subjects(site: str, split: str, count: int, seed: int) -> Iterator[Subject]:
    """All subjects of a split, one at a time."""
    return (subject(site, split, index, count, seed) for index in range(count))


def cine(site: str, split: str, index: int, seed: int, phases: int = 25, count: int = 80):
    """The whole cycle of a subject: images (slices, phases, H, W) float32 and masks uint8.

    Phase n of the result is at n / phases of the cycle, ED first. count: size of the split, which the
    subject's EF depends on.
    """
    who = patient(site, split, index, count, seed)
    exam = examination(who)
    frames = [exam.frame(number / phases, who.rng(7, number)) for number in range(phases)]
    return tuple(np.stack(parts, axis=1) for parts in zip(*frames, strict=True))
