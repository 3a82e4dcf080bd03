"""Scales, tiles and padding of a prediction, with a stand-in for the network whose right answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference import predictor as predictor_module
from inference.errors import Cancelled
from inference.evaluation import correlation
from inference.lowpass import lowpass, resized_height
from inference.normalisation import lit, standardise, standardise_around
from inference.photo import KEPT_PIXELS, photo_from_array
from inference.prediction import Prediction
from inference.predictor import (
    CHANNELS,
    CONFIDENCE,
    DEPTH,
    FADE_PX,
    HEIGHT,
    SEGMENTS,
    SLOPES,
    SOFT_EDGES,
    Predictor,
    Tile,
    levels,
    map_size,
    merge,
    tiles,
)
from inference.refinement import refine
from inference.runtime import RawPrediction
from inference.settings import RefinementSettings

ROOT = Path(__file__).resolve().parents[2]
TRIED = 4
"""Lights under which a photograph is read before the passes that count."""


class Linear:
    """Answers every pixel by its grey alone, and the slopes by central differences of it."""

    name = "linear"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.towards: list[tuple[float, float]] = []
        self.looked_at: list[tuple[int, ...]] = []

    def run(self, x: np.ndarray) -> RawPrediction:
        self.shapes.append(x.shape[1:])
        strength = (x[0] * x[0]).sum() + 1e-9
        self.towards.append((float((x[1] * x[0]).sum() / strength), float((x[2] * x[0]).sum() / strength)))
        x = x[0]
        down, across = np.gradient(x)
        share = 1.0 / (1.0 + np.exp(-x))
        edges = np.stack((share, 1.0 - share, 0.0 * x, 0.0 * x))
        segments = np.stack((1.0 - share, share, *(0.0 * x for _ in range(4))))
        parts = (x, np.stack((across, down)), edges, segments, share)
        return RawPrediction(*(np.asarray(part, np.float32) for part in parts))

    def find_light(self, grey: np.ndarray) -> np.ndarray:
        """From the upper right."""
        self.looked_at.append(grey.shape)
        return np.array([3.0, 3.0, 0.0], np.float32)


@pytest.fixture(autouse=True)
def _as_they_are(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs of tests are small, and but for the tests of that they are read at their own size."""
    if "enlarged" not in request.node.name:
        monkeypatch.setattr(predictor_module, "SMALL_PX", 0)
        monkeypatch.setattr(predictor_module, "FINER", 1.0)


def photo(grey: np.ndarray):  # type: ignore[no-untyped-def]
    return photo_from_array(np.repeat((grey * 255).round().astype(np.uint8)[..., None], 3, axis=2), "panel")


def smooth(height: int, width: int, sigma: float, seed: int = 0) -> np.ndarray:
    """Noise of one scale, 0 to 1."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(height, width)), (0, 0), sigma)
    return (field - field.min()) / np.ptp(field)


def predict(grey: np.ndarray, runtime: Linear | None = None) -> Prediction:
    return Predictor(runtime or Linear(), "test").predict(photo(grey))


def test_prediction_is_at_the_size_of_the_photograph() -> None:
    runtime = Linear()
    prediction = predict(smooth(70, 101, 4.0), runtime)
    assert prediction.height.shape == prediction.confidence.shape == (70, 101)
    assert prediction.slopes.shape == (70, 101, 2)
    assert prediction.soft_edges.shape == (70, 101, 4)
    assert prediction.segments.shape == (70, 101, 6)
    assert all(
        a.dtype == np.float32
        for a in (prediction.height, prediction.slopes, prediction.soft_edges, prediction.segments, prediction.light)
    )
    assert (prediction.weights, prediction.runtime) == ("test", "linear")
    large = predict(smooth(1640, 1660, 40.0))  # whose maps are not reduced
    assert large.height.shape == (1640, 1660)
    for held in (large.height, large.slopes, large.soft_edges, large.segments, large.confidence):
        assert held.flags.c_contiguous and held.base is None, "else it keeps the memory of all, and is slow to refine"
    assert prediction.light[0] > 0.3 and prediction.light[1] > 0.3
    assert prediction.light[2] == pytest.approx(0.5, abs=1e-6)
    assert np.linalg.norm(prediction.light) == pytest.approx(1.0, abs=1e-6)
    assert all(height % 32 == 0 and width % 32 == 0 for height, width in runtime.shapes)


def test_light_is_found_first_and_then_known_to_every_pass() -> None:
    runtime = Linear()
    predict(smooth(700, 900, 4.0), runtime)
    # Small passes are of the photograph and of its mirror image.
    assert [shape[0] for shape in runtime.shapes[TRIED:]] == [384, 384, 704]
    for (x, y), side in zip(runtime.towards[TRIED:], (1, -1, 1), strict=True):
        # Beside three of evidence each way the belief that light is from above.
        counted = 3.0 * predictor_module.LIGHT_EVIDENCE
        expected = math.atan2(counted + predictor_module.LIGHT_ABOVE, counted)
        assert math.atan2(y, side * x) == pytest.approx(expected, abs=0.02)
        assert 0.7 < math.hypot(x, y) < 1.0


def test_light_is_looked_for_in_the_middle_at_several_sizes() -> None:
    runtime = Linear()
    predict(smooth(1200, 2400, 4.0), runtime)
    for (rows, columns), look in zip(runtime.looked_at, predictor_module.LOOKS, strict=True):
        side = look * predictor_module.MOST_LIGHT_PX
        assert math.sqrt(rows * columns) == pytest.approx(predictor_module.MIDDLE * side, rel=0.01)
        assert columns == pytest.approx(2 * rows, abs=4)
    runtime = Linear()
    predict(smooth(66, 900, 4.0), runtime)
    assert all(min(shape) >= 64 for shape in runtime.looked_at)


def test_light_that_makes_the_network_surest_is_believed() -> None:
    class Surer(Linear):
        """Finds no light, but sees figures where it is told light from the left."""

        def run(self, x: np.ndarray) -> RawPrediction:
            raw = super().run(x)
            sure = 0.5 + 0.4 * max(-self.towards[-1][0], 0.0)
            shares = np.array([sure, 1.0 - sure, 0.0, 0.0, 0.0, 0.0], np.float32)
            return raw._replace(segments=np.broadcast_to(shares[:, None, None], raw.segments.shape).copy())

        def find_light(self, grey: np.ndarray) -> np.ndarray:
            return np.zeros(3, np.float32)

    runtime = Surer()
    predict(smooth(400, 500, 4.0), runtime)
    assert runtime.towards[:TRIED] == [
        pytest.approx(light, abs=1e-4) for light in ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
    ]
    # Its middle, within whole multiples of 32.
    assert set(runtime.shapes[:TRIED]) == {(352, 416)}
    x, y = runtime.towards[TRIED]
    surer = 0.4 / 2 * predictor_module.LIGHT_SURENESS
    assert math.atan2(y, x) == pytest.approx(math.atan2(predictor_module.LIGHT_ABOVE, -surer), abs=0.01)


def test_what_leans_to_one_side_is_balanced_by_the_mirror_image() -> None:
    class Leaning(Linear):
        """Sees every panel rise to the right, and lean upward."""

        def run(self, x: np.ndarray) -> RawPrediction:
            raw = super().run(x)
            to_the_right = np.linspace(0.0, 1.0, x.shape[2], dtype=np.float32)
            slopes = raw.slopes + np.array([1.0, 0.5], np.float32)[:, None, None]
            return raw._replace(height=raw.height + to_the_right, slopes=slopes)

    grey = smooth(192, 256, 4.0)
    fair, leaning = (Predictor(runtime, "test").read(photo(grey)) for runtime in (Linear(), Leaning()))
    np.testing.assert_allclose(leaning.height, fair.height + 0.5, atol=1e-5)
    np.testing.assert_allclose(leaning.slopes[..., 0], fair.slopes[..., 0], atol=1e-5)
    # All of it: only what is fine is shared with the height's slopes, which do not lean upward.
    np.testing.assert_allclose(leaning.slopes[..., 1], fair.slopes[..., 1] + 0.5, atol=1e-5)


def test_slopes_decide_over_forms_and_the_height_over_where_they_stand() -> None:
    class Torn(Linear):
        """Heights that know no form, slopes that know nothing else."""

        def run(self, x: np.ndarray) -> RawPrediction:
            raw = super().run(x)
            return raw._replace(height=np.full_like(raw.height, 0.3))

    waves = np.broadcast_to(0.5 + 0.3 * np.sin(2 * np.pi * np.arange(256) / 64), (256, 256))
    prediction = predict(waves, Torn())
    given = photo(waves).grey
    form = (given - given.mean()) / (given.std() + 0.05)
    assert prediction.height.mean() == pytest.approx(DEPTH * 0.3, abs=0.01)
    middle = np.s_[64:192, 64:192]
    assert np.corrcoef(prediction.height[middle].ravel(), form[middle].ravel())[0, 1] > 0.98
    # A wave a quarter as long as the panel: half of what is sharpened is lost, and what FORMS leaves to the height.
    kept = 1 - (1 - math.exp(-2 * (math.pi * predictor_module.SHARPENED_PX / 64) ** 2)) / 2
    kept /= 1 + (64 / (256 * predictor_module.FORMS)) ** 2
    assert prediction.height[middle].std() == pytest.approx(DEPTH * kept * form[middle].std(), rel=0.03)


def test_fine_slopes_are_half_the_sharpened_height_s() -> None:
    class Blunt(Linear):
        """Its own slopes are none."""

        def run(self, x: np.ndarray) -> RawPrediction:
            raw = super().run(x)
            return raw._replace(slopes=np.zeros_like(raw.slopes))

    for wavelength, share in ((8, 0.5), (256, 0.0)):
        waves = 0.5 + 0.3 * np.sin(2 * np.pi * np.arange(512) / wavelength)
        seen = lit(np.broadcast_to(waves, (64, 512)).astype(np.float32), np.zeros(2, np.float32))
        maps = Predictor(Blunt(), "test")._run(seen)
        expected = share * np.gradient(seen[0], axis=1)
        np.testing.assert_allclose(maps[SLOPES][0][:, 64:-64], expected[:, 64:-64], atol=0.02 * np.ptp(expected) + 5e-4)


def test_without_evidence_light_is_believed_to_come_from_above() -> None:
    class Undecided(Linear):
        def find_light(self, grey: np.ndarray) -> np.ndarray:
            return np.zeros(3, np.float32)

    runtime = Undecided()
    predict(smooth(200, 300, 4.0), runtime)
    for x, y in runtime.towards[TRIED:]:
        assert x == pytest.approx(0.0, abs=1e-6) and 0.2 < y < 0.9


def test_light_that_is_told_is_certain() -> None:
    runtime = Linear()
    grey = smooth(200, 300, 4.0)
    prediction = Predictor(runtime, "test").predict(photo(grey), light_deg=180.0)
    assert runtime.towards[-2] == pytest.approx((-1.0, 0.0), abs=1e-4)
    assert prediction.light[0] < -0.8 and prediction.light[1] == pytest.approx(0.0, abs=1e-6)


def test_padding_leaves_the_photograph_in_the_top_left_corner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_module, "levels", lambda height, width: [(height, width)])
    # A ramp to the right, steeper than the one down: (x + y / 2) / 255, in whole grey values, nowhere black.
    y, x = np.mgrid[0:70, 0:101]
    grey = (60 + x + 2 * (y // 4)) / 255.0
    prediction = Predictor(Linear(), "test").read(photo(grey))
    given = photo(grey).grey
    np.testing.assert_allclose(prediction.height, (given - given.mean()) / (given.std() + 0.05), atol=1e-5)
    unit = 1.0 / 255.0 / (given.std() + 0.05)
    np.testing.assert_allclose(prediction.slopes[10:60, 5:95, 0], unit, rtol=1e-3)
    assert prediction.slopes[..., 1].min() >= 0.0 and prediction.slopes[10:60, 5:95, 1].mean() == pytest.approx(
        0.5 * unit, rel=0.05
    )


@pytest.mark.parametrize(("height", "width"), [(64, 64), (1024, 1024), (1025, 300), (2500, 1030), (3333, 4096)])
def test_windows_of_the_tiles_add_up_to_one(height: int, width: int) -> None:
    total = np.zeros((height, width))
    for tile in tiles(height, width):
        assert tile.window.shape == total[tile.rows, tile.columns].shape
        assert max(tile.window.shape) <= 1024
        total[tile.rows, tile.columns] += tile.window
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_thin_passes_are_padded_to_two_cells_either_way() -> None:
    runtime = Linear()
    grey = smooth(33, 70, 3.0).astype(np.float32)
    maps = Predictor(runtime, "test")._run(lit(grey, np.zeros(2, np.float32)))
    assert maps.shape == (CHANNELS, 33, 70) and runtime.shapes == [(64, 96)]
    np.testing.assert_array_equal(maps[HEIGHT][0], grey)


def test_neighbouring_tiles_overlap() -> None:
    columns = [tile.columns for tile in tiles(100, 2300)]
    assert len(columns) == 3 and columns[-1].stop == 2300
    assert all(a.stop - b.start >= 128 for a, b in zip(columns, columns[1:], strict=False))


def test_tiles_are_no_larger_than_their_number_asks_for() -> None:
    for height, width in ((1150, 1500), (1500, 2000), (3000, 4000)):
        pixels = sum(tile.window.size for tile in tiles(height, width))
        assert pixels < 1.4 * height * width, (height, width)


def test_a_tiled_photograph_gives_what_a_whole_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_module, "levels", lambda height, width: [(80, 384), (320, 1536)])
    grey = smooth(320, 1536, 6.0)
    runtime = Linear()
    tiled = predict(grey, runtime)
    assert len(runtime.shapes) == TRIED + 2 + 2 * 2  # overview and tiles, each with its mirror image
    monkeypatch.setattr(predictor_module, "tiles", lambda height, width, tile: tiles(height, width, 4096))
    runtime = Linear()
    whole = predict(grey, runtime)
    assert len(runtime.shapes) == TRIED + 2 + 2
    for name in ("soft_edges", "light"):  # the finest pass alone decides them
        np.testing.assert_allclose(getattr(tiled, name), getattr(whole, name), atol=2e-5, err_msg=name)
    for name in ("slopes", "segments"):
        np.testing.assert_allclose(getattr(tiled, name), getattr(whole, name), atol=0.003, err_msg=name)
    assert np.corrcoef(tiled.height.ravel(), whole.height.ravel())[0, 1] > 0.998


def test_heights_of_tiles_are_never_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uneven(Linear):
        """Each pass over a tile stands on a level of its own."""

        def run(self, x: np.ndarray) -> RawPrediction:
            raw = super().run(x)
            return raw._replace(height=raw.height + (len(self.shapes) if x.shape[2] == 1024 else 0))

    monkeypatch.setattr(predictor_module, "levels", lambda height, width: [(80, 384), (320, 1536)])
    grey = smooth(320, 1536, 6.0)
    even, uneven = predict(grey), predict(grey, Uneven())
    np.testing.assert_array_equal(even.height, uneven.height)
    np.testing.assert_array_equal(even.slopes, uneven.slopes)


def test_a_long_frieze_is_first_seen_whole() -> None:
    runtime = Linear()
    predict(smooth(256, 2600, 6.0), runtime)
    assert runtime.shapes[TRIED] == (256, 2624)


def test_borders_of_tiles_are_no_seams_in_the_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled network on a frieze of two tiles: the slope jumps no more where a tile begins or ends."""
    example = cv2.imread(str(ROOT / "examples" / "panel.jpg"), cv2.IMREAD_GRAYSCALE)
    assert example is not None
    frieze = cv2.resize(example[200:520], (1472, 460), interpolation=cv2.INTER_CUBIC)
    predictor = Predictor.load("opencv")
    borders = [c for tile in tiles(460, 1472) for c in (tile.columns.start, tile.columns.stop) if 0 < c < 1472]
    assert borders == [800, 672]

    def jump_at_borders() -> list[float]:
        """Mean jump of slope at each border, relative to the 48 columns around it."""
        height = refine(predictor.predict(photo_from_array(frieze, "frieze")))
        jumps = np.abs(np.diff(height, 2, axis=1)).mean(axis=0)
        return [float(jumps[c - 3 : c + 3].mean() / jumps[c - 24 : c + 24].mean()) for c in borders]

    tiled = jump_at_borders()
    monkeypatch.setattr(predictor_module, "tiles", lambda height, width, tile: tiles(height, width, 4096))
    whole = jump_at_borders()
    assert all(a < 1.1 * b for a, b in zip(tiled, whole, strict=True)), (tiled, whole)


@pytest.mark.parametrize(
    ("size", "maps", "read"),
    [
        ((70, 101), (280, 404), (280, 404)),
        ((600, 700), (768, 896), (900, 1050)),
        ((768, 800), (768, 800), (1152, 1200)),
        ((1500, 1600), (1500, 1600), (1936, 2066)),
        ((1800, 2000), (1800, 2000), (1800, 2000)),
        ((2000, 2100), (2000, 2100), (2000, 2100)),
    ],
)
def test_photographs_are_read_enlarged_and_small_ones_have_enlarged_maps(
    size: tuple[int, int], maps: tuple[int, int], read: tuple[int, int]
) -> None:
    assert predictor_module.enlarged(np.zeros(size, np.float32)).shape == read
    assert predictor_module.map_size(*size) == maps


def test_the_overview_is_mirrored_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor_module, "MIRRORED_PX", 0)
    monkeypatch.setattr(predictor_module, "levels", lambda height, width: [(80, 384), (320, 1536)])
    runtime = Linear()
    predict(smooth(320, 1536, 6.0), runtime)
    assert len(runtime.shapes) == TRIED + 2 + 2  # the overview and its mirror image, then two tiles


def test_a_frieze_is_not_enlarged_beyond_what_memory_holds() -> None:
    rows, columns = predictor_module.map_size(383, 156_000)
    assert rows * columns == pytest.approx(KEPT_PIXELS, rel=0.01)


def test_maps_are_those_of_the_enlarged_photograph_reduced() -> None:
    runtime = Linear()
    grey = 0.2 + 0.5 * smooth(600, 650, 8.0)
    prediction = predict(grey, runtime)
    assert runtime.shapes[-1] == (928, 992)  # 900 and 975 in whole multiples of 32
    assert prediction.height.shape == prediction.confidence.shape == (768, 832)
    again = cv2.resize(photo(grey).grey, (832, 768), interpolation=cv2.INTER_LINEAR)
    again = (again - again.mean()) / (again.std() + 0.05)
    assert np.corrcoef(prediction.height.ravel(), again.ravel())[0, 1] > 0.99
    # A slope is per pixel of the maps, whatever the size at which the photograph was read.
    for axis in (0, 1):
        slope = np.gradient(again, axis=1 - axis)[20:-20, 20:-20]
        found = prediction.slopes[20:-20, 20:-20, axis]
        assert (found * slope).sum() / (slope * slope).sum() == pytest.approx(DEPTH, abs=0.02)


@pytest.mark.parametrize("tone", [0.0, 1.0])
def test_a_panel_on_black_or_white_is_read_as_without(tone: float) -> None:
    panel = 0.3 + 0.2 * smooth(320, 320, 6.0)
    grey = np.full((640, 640), tone)
    grey[160:480, 160:480] = panel
    within = predict(grey).height[160:480, 160:480] / DEPTH
    alone = standardise(photo(panel).grey)
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(within - alone)[inner].max() < 0.2 * alone.std(), "the contrast is the panel's"


@pytest.mark.parametrize("tone", [0.0, 1.0])
@pytest.mark.parametrize("corner_px", [10, 60])
def test_the_ground_in_the_corners_of_a_panel_is_none_of_it(tone: float, corner_px: int) -> None:
    """Each of them is too little to tell in its box, and all of them reach in from the photograph's border."""
    stone = np.zeros((560, 560), np.uint8)
    stone[120:440, 120:440] = 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * corner_px + 1,) * 2)
    stone = cv2.morphologyEx(stone, cv2.MORPH_OPEN, ellipse) > 0
    grey = np.where(stone, 0.3 + 0.3 * smooth(560, 560, 6.0), tone)
    found = predict(grey)
    assert found.panel is not None and found.panel.shape == (560, 560)
    assert (found.panel[stone] > 0.0).mean() > 0.98
    beside = cv2.dilate(stone.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert not found.panel[beside].any() and not refine(found)[beside].any()


@pytest.mark.parametrize("tone", [0.05, 0.8, 1.0])
def test_what_is_blank_beside_a_panel_is_not_read(tone: float) -> None:
    panel = 0.2 + 0.5 * smooth(96, 320, 3.0)
    grey = np.full((200, 400), tone)
    grey[40:136, 30:350] = panel
    runtime, alone_runtime = Linear(), Linear()
    within, alone = predict(grey, runtime), predict(panel, alone_runtime)
    assert runtime.shapes == alone_runtime.shapes and within.light.tolist() == alone.light.tolist()
    assert within.height.shape == grey.shape
    place = np.s_[40:136, 30:350]
    inner = np.s_[40 + FADE_PX : 136 - FADE_PX, 30 + FADE_PX : 350 - FADE_PX]
    beside = np.ones(grey.shape, bool)
    beside[place] = False
    for name in ("height", "slopes", "soft_edges", "segments", "confidence"):
        whole, part = getattr(within, name), np.zeros_like(getattr(within, name))
        part[place] = getattr(alone, name)
        np.testing.assert_array_equal(whole[inner], part[inner])
    assert not refine(within)[beside].any() and not within.slopes[beside].any() and not within.confidence[beside].any()
    assert (within.soft_edges[beside] == (1, 0, 0, 0)).all() and (within.segments[beside] == (1, 0, 0, 0, 0, 0)).all()
    # It rises from what is flat, and nothing of what stands behind its rim is a slope.
    np.testing.assert_array_equal(within.panel[36:52, 200], np.clip(np.arange(-3, 13) / FADE_PX, 0.0, 1.0))
    np.testing.assert_array_equal(within.height[20, 60:320], alone.height[0, 30:290])


@pytest.mark.parametrize("settings", [{}, {"smoothing": 1.0}, {"detail": 0.0}, {"detail": 2.0}, {"layering": 2.0}])
def test_no_setting_leaks_over_the_outline_of_a_panel(settings: dict[str, float]) -> None:
    flat = np.zeros((300, 400, 2), np.float32)
    y, x = np.mgrid[:300, :400]
    shown = np.hypot(y - 150, (x - 200) / 1.2) < 140
    edges, segments = np.zeros((300, 400, 4), np.float32), np.zeros((300, 400, 6), np.float32)
    edges[..., 0] = segments[..., 0] = 1.0
    level = np.full((300, 400), 0.4, np.float32)
    light = np.array([0, 0, 1], np.float32)
    part = Prediction(
        level, flat, edges, segments, np.ones_like(level), light, "test", "test", shown.astype(np.float32)
    )
    whole = predictor_module.placed(part, (slice(100, 400), slice(50, 450)), (500, 500))
    height = refine(whole, RefinementSettings(**settings))
    inside = np.zeros((500, 500), bool)
    inside[100:400, 50:450] = shown
    rim = cv2.erode(inside.astype(np.uint8), np.ones((2 * FADE_PX + 1,) * 2, np.uint8)) == 0
    assert not height[~inside].any() and (height[inside] > 0.0).all()
    np.testing.assert_allclose(height[~rim], 0.4 * settings.get("layering", 1.0), atol=1e-4)


@pytest.mark.parametrize("brightness", [1.0, 0.15])
def test_what_was_cut_out_stands_alone_however_dark(brightness: float) -> None:
    y, x = np.mgrid[:300, :400]
    shown = np.hypot(y - 150, (x - 200) / 1.2) < 140
    grey = brightness * (0.3 + 0.4 * smooth(300, 400, 4.0))
    pixels = np.dstack([grey, grey, grey, shown]) * 65535
    prediction = Predictor(Linear(), "test").predict(photo_from_array(pixels.round().astype(np.uint16), "coin"))
    height = refine(prediction)
    assert not height[~shown].any() and not prediction.confidence[~shown].any()
    alone = standardise(np.asarray(grey, np.float32), shown)
    inner = cv2.erode(shown.astype(np.uint8), np.ones((2 * FADE_PX + 1,) * 2, np.uint8)) > 0
    assert correlation(height - lowpass(height, 20.0), alone - lowpass(alone, 20.0), inner) > 0.9


def test_where_an_enlarged_photograph_is_cut_its_maps_are_whole() -> None:
    panel = 0.2 + 0.5 * smooth(150, 120, 4.0)
    grey = np.full((300, 200), 1.0)
    grey[60:210, 30:150] = panel
    within = predict(grey)
    assert within.height.shape == within.slopes.shape[:2] == (1200, 800) and map_size(150, 120) == (600, 480)
    scale = 4.0
    seen = np.abs(refine(within)).max(axis=1)
    rows = np.flatnonzero(seen > 1e-3)
    assert abs(rows[0] - 60 * scale) < 3 and abs(rows[-1] + 1 - 210 * scale) < 3


@pytest.mark.parametrize("top, left", [(60, 30), (61, 33), (121, 67), (17, 11)])
def test_the_maps_of_a_panel_in_a_page_are_not_resampled(top: int, left: int) -> None:
    panel = 0.2 + 0.5 * smooth(149, 119, 4.0)
    grey = np.full((300, 200), 1.0)
    grey[top : top + 149, left : left + 119] = panel
    within, alone = predict(grey), predict(panel)
    rows, columns = (np.flatnonzero(within.confidence.any(axis=axis)) for axis in (1, 0))
    there = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert within.confidence[there].shape == alone.confidence.shape
    np.testing.assert_allclose(within.slopes[there], alone.slopes, atol=1e-6)


def test_the_dots_of_a_print_are_not_read() -> None:
    forms = 0.25 + 0.5 * smooth(512, 512, 12.0)
    y, x = np.mgrid[0:512, 0:512] * (2.0 * np.pi / 6.0 * math.sqrt(0.5))
    printed = np.clip(forms + 0.1 * (np.cos(x + y) + np.cos(x - y)), 0.0, 1.0)
    found, without_dots = predict(printed).height, predict(forms).height

    def fine(height: np.ndarray) -> float:
        return float((height - lowpass(height, 4.0))[10:-10, 10:-10].std() / height.std())

    assert fine(found) < 1.2 * fine(without_dots)


def test_the_dots_of_a_print_that_was_cut_out_are_taken_out_up_to_its_rim() -> None:
    forms = 0.4 + 0.4 * smooth(512, 512, 24.0)
    y, x = np.mgrid[0:512, 0:512] * (2.0 * np.pi / 8.0 * math.sqrt(0.5))
    away = np.hypot(*np.mgrid[-255.5:256, -255.5:256])
    printed = np.where(away < 230, forms + 0.1 * (np.cos(x + y) + np.cos(x - y)), 0.0).astype(np.float32)
    found = predictor_module._without_dots(printed, away < 230)
    assert not found[away >= 230].any() and found is not printed
    rim = (away < 230) & (away > 227)
    off = (found - forms)[rim]
    assert abs(off.mean()) < 0.02 and off.std() < 0.6 * (printed - forms)[rim].std()
    assert predictor_module._without_dots(printed * 0.0, away < 230).max() == 0.0


def test_enlarged_greys_stay_greys() -> None:
    step = np.zeros((40, 60), np.float32)
    step[:, 30:] = 1.0
    large = predictor_module.enlarged(step)
    assert large.shape == (160, 240) and large.dtype == np.float32
    assert large.min() == 0.0 and large.max() == 1.0


def test_levels() -> None:
    assert levels(300, 270) == [(300, 270)]
    # The next one, 864 px, would be nearly the photograph's size.
    assert levels(1024, 1024) == [(384, 384), (576, 576), (1024, 1024)]
    assert levels(1400, 2100) == [(384, 576), (576, 864), (864, 1296), (1400, 2100)]
    # A frieze of 7:1 has its 384 px across; longer ones have as many pixels as one tile.
    assert levels(2048, 14336)[0] == (384, 2688)
    for frieze in ((2048, 16384), (256, 30000)):
        height, width = levels(*frieze)[0]
        assert 0.99 * 1024 * 1024 <= height * width <= 1.01 * 1024 * 1024


def test_lowpass_of_a_ramp_and_a_ripple() -> None:
    x = np.arange(400, dtype=np.float32)
    ramp = np.tile(0.01 * x, (300, 1))
    ripple = np.tile(np.sin(2 * np.pi * x / 10).astype(np.float32), (300, 1))
    inside = (slice(100, 200), slice(100, 300))
    np.testing.assert_allclose(lowpass(ramp + ripple, 16.0)[inside], ramp[inside], atol=0.005)
    # A Gaussian of sigma 4 leaves exp(-2 pi^2 4^2 / 80^2) = 0.952 of a wave of 80 px.
    wave = np.tile(np.cos(2 * np.pi * (x - 200) / 80).astype(np.float32), (300, 1))
    assert lowpass(wave, 4.0)[150, 200] == pytest.approx(0.952, abs=0.02)


def test_a_wide_lowpass_has_no_facets() -> None:
    image = np.zeros((400, 400), np.float32)
    image[:, 200:] = 50.0
    exact = cv2.GaussianBlur(image, (0, 0), 31.0)
    bends = [np.abs(np.diff(blurred[200], 2)).max() for blurred in (exact, lowpass(image, 31.0))]
    assert bends[1] < 1.3 * bends[0]


@pytest.mark.parametrize("size", [(82, 123), (67, 100), (29, 43), (151, 226), (100, 75)])
def test_a_ramp_stays_one_at_another_size(size: tuple[int, int]) -> None:
    y, x = np.mgrid[:100, :150].astype(np.float32)
    resized = resized_height(0.3 * x - 0.2 * y, size)
    assert resized.shape == size and resized.dtype == np.float32
    for axis, slope in ((1, 0.3 * 150 / size[1]), (0, -0.2 * 100 / size[0])):
        np.testing.assert_allclose(np.diff(resized, axis=axis)[6:-6, 6:-6], slope, rtol=2e-3)


@pytest.mark.parametrize("side", [983, 240, 100])
def test_what_is_finer_than_the_new_pixels_is_averaged(side: int) -> None:
    noise = np.random.default_rng(1).standard_normal((1200, 1200)).astype(np.float32)
    areas = cv2.resize(noise, (side, side), interpolation=cv2.INTER_AREA)
    assert resized_height(noise, (side, side)).std() < 1.1 * areas.std()


def test_merge_shares_large_forms_and_keeps_the_detail_of_the_finer_pass() -> None:
    size, tile = (512, 768), Tile(slice(0, 512), slice(0, 768), np.ones((512, 768), np.float32))
    y, x = (a.astype(np.float32) for a in np.mgrid[0:512, 0:768])
    ripple = 0.1 * np.sin(2 * np.pi * x / 8)
    dome = 0.002 * x + 0.001 * y
    fine, coarse = np.zeros((CHANNELS, 512, 768), np.float32), np.zeros((CHANNELS, 256, 384), np.float32)
    fine[HEIGHT] = ripple + 5.0
    coarse[HEIGHT] = cv2.resize(dome, (384, 256), interpolation=cv2.INTER_AREA)
    # Per coarse pixel the dome climbs twice as much as per fine pixel.
    coarse[SLOPES] = np.array([0.004, 0.002], np.float32)[:, None, None]
    fine[SEGMENTS.start] = 1.0
    coarse[SEGMENTS.start + 1] = 1.0
    merged = merge(fine, coarse, tile, size)
    inside = (slice(64, 320), slice(64, 448))
    share = predictor_module.COARSE_SHARE
    expected = share * dome + (1 - share) * 5.0 + ripple
    # A Gaussian of 4 fine pixels or more leaves at most exp(-2 pi^2 4^2 / 8^2) = 0.007 of a ripple of 8 px.
    np.testing.assert_allclose(merged[0][inside], expected[inside], atol=0.012)
    np.testing.assert_allclose(merged[SLOPES][0], share * 0.002, rtol=1e-4)
    np.testing.assert_allclose(merged[SLOPES][1], share * 0.001, rtol=1e-4)
    np.testing.assert_allclose(merged[SEGMENTS].sum(0), 1.0, atol=1e-5)
    # One tile of several has its height from the coarser pass alone, at the same place.
    part = Tile(slice(64, 448), slice(128, 640), np.ones((384, 512), np.float32))
    height = merge(np.ascontiguousarray(fine[:, part.rows, part.columns]), coarse, part, size)[0]
    np.testing.assert_allclose(height, dome[part.rows, part.columns], atol=1e-4)


@pytest.mark.parametrize("most_px", [50, 200])
def test_edges_of_large_passes_are_those_of_the_coarser_one_too(monkeypatch: pytest.MonkeyPatch, most_px: int) -> None:
    monkeypatch.setattr(predictor_module, "EDGES_PX", most_px)
    fine, coarse = np.zeros((CHANNELS, 100, 120), np.float32), np.zeros((CHANNELS, 50, 60), np.float32)
    fine[SOFT_EDGES.start], coarse[SOFT_EDGES.start] = 1.0, 0.25
    fine[SOFT_EDGES, :, :40] = np.array([0.25, 0.0, 0.0, 0.75])[:, None, None]
    coarse[SOFT_EDGES.start + 1] = 0.75
    merged = merge(fine, coarse, Tile(slice(0, 100), slice(0, 120), np.ones((100, 120), np.float32)), (100, 120))
    edges = merged[SOFT_EDGES]
    np.testing.assert_allclose(edges.sum(axis=0), 1.0, atol=1e-6)
    if most_px == 50:
        np.testing.assert_allclose(edges[:, 50, 80], (0.25, 0.75, 0.0, 0.0), atol=1e-6)
        np.testing.assert_allclose(edges[:, 50, 20], (0.0, 0.5, 0.0, 0.5), atol=1e-6)
    else:
        np.testing.assert_array_equal(edges, fine[SOFT_EDGES])


def test_coring_takes_what_is_faint_and_leaves_what_is_carved() -> None:
    least = predictor_module.CORING / 256
    y, x = (a.astype(np.float32) for a in np.mgrid[0:256, 0:256])
    ripple = np.sin(2 * np.pi * x / 8)
    slopes = np.zeros((256, 256, 2), np.float32)
    slopes[:, :128, 0] = 0.1 * least * ripple[:, :128]
    slopes[:, 128:, 0] = 10.0 * least * ripple[:, 128:]
    slopes[..., 1] = 0.3 * least  # the whole panel leans a little: wide forms are kept, however faint
    found = predictor_module.cored(slopes)
    faint, carved = np.s_[16:-16, 16:72, 0], np.s_[16:-16, 152:-16, 0]
    assert found.dtype == np.float32
    assert np.abs(found[faint]).max() < 0.05 * np.abs(slopes[faint]).max()
    np.testing.assert_allclose(found[carved], slopes[carved], atol=0.03 * 10.0 * least)
    np.testing.assert_allclose(found[..., 1], slopes[..., 1], rtol=1e-3)


def test_passes_that_disagree_are_unsure() -> None:
    size, tile = (128, 128), Tile(slice(0, 128), slice(0, 128), np.ones((128, 128), np.float32))
    fine, coarse = np.zeros((CHANNELS, 128, 128), np.float32), np.zeros((CHANNELS, 64, 64), np.float32)
    fine[CONFIDENCE] = 0.8
    coarse[HEIGHT][:, :, 32:] = predictor_module.DISAGREEMENT
    confidence = merge(fine, coarse, tile, size)[CONFIDENCE][0]
    np.testing.assert_allclose(confidence[:, :40], 0.8, atol=1e-3)
    np.testing.assert_allclose(confidence[:, 88:], 0.4, atol=1e-3)


def test_a_tile_whose_height_is_not_asked_disagrees_by_its_forms_alone() -> None:
    whole, part = np.ones((128, 128), np.float32), np.s_[0:64]
    tile, size = Tile(slice(0, 64), slice(0, 128), whole[part]), (128, 128)
    fine, coarse = np.zeros((CHANNELS, 64, 128), np.float32), np.zeros((CHANNELS, 64, 64), np.float32)
    fine[CONFIDENCE], fine[HEIGHT], coarse[HEIGHT] = 0.8, 0.8, 0.2
    merged = merge(fine, coarse, tile, size)
    np.testing.assert_allclose(merged[HEIGHT][0], 0.2, atol=1e-6)
    np.testing.assert_allclose(merged[CONFIDENCE][0], 0.8, atol=1e-6)


def test_scales_that_agree_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smooth surface looks the same at every scale, so merging must not shift, tilt or scale it."""
    monkeypatch.setattr(predictor_module, "SEEN_PX", 10**4)  # each pass by its own mean and spread, as its parts agree
    y, x = np.mgrid[0:900, 0:1300]
    grey = 0.2 + 0.4 * x / 1300 + 0.2 * y / 900
    prediction = predict(grey)
    given = photo(grey).grey
    np.testing.assert_allclose(prediction.height / DEPTH, (given - given.mean()) / (given.std() + 0.05), atol=0.06)
    unit = DEPTH / (given.std() + 0.05)
    assert prediction.slopes[50:-50, 50:-50, 0].mean() == pytest.approx(0.4 / 1300 * unit, rel=0.02)
    assert prediction.slopes[50:-50, 50:-50, 1].mean() == pytest.approx(0.2 / 900 * unit, rel=0.02)


def test_what_lies_in_the_dark_is_less_shallow_in_large_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = (0.3 + 0.5 * smooth(600, 800, 4.0)) * np.linspace(1.2, 0.3, 800)
    shares = []
    for seen_px in (10**4, 200):
        monkeypatch.setattr(predictor_module, "SEEN_PX", seen_px)
        height = predict(grey).height
        fine = height - lowpass(height, 20.0)
        shares.append(fine[:, -150:].std() / fine[:, :150].std())
    assert shares[1] > 1.1 * shares[0]


def test_the_overview_of_a_frieze_is_seen_part_by_part_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[int] = []

    def around(grey: np.ndarray, *how: object) -> np.ndarray:
        sides.append(min(grey.shape))
        return standardise_around(grey, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(predictor_module, "standardise_around", around)
    predict(0.3 + 0.5 * smooth(600, 1900, 4.0))
    assert min(sides) == predictor_module.OVERVIEW_PX
    sides.clear()
    predict(0.3 + 0.5 * smooth(600, 640, 4.0))
    assert min(sides) > predictor_module.OVERVIEW_PX, "a whole panel is brought to its own mean and spread"


def test_progress_and_cancel() -> None:
    calls: list[tuple[float, float, str]] = []
    predictor = Predictor(Linear(), "test")
    picture = photo(smooth(200, 1500, 5.0))

    def watch(done: float, total: float, stage: str) -> bool:
        calls.append((done, total, stage))
        return False

    predictor.predict(picture, watch)
    # One overview (384 px would be more than the photograph has across), then two tiles, then the end.
    done = [call[0] for call in calls]
    assert done == sorted(done) and done[0] == 0.0
    assert calls[-1][0] == calls[-1][1]
    runtime = Linear()
    with pytest.raises(Cancelled):
        Predictor(runtime, "test").predict(picture, lambda done, total, stage: True)
    assert runtime.shapes == []


def test_the_light_of_small_photographs_is_looked_for_enlarged() -> None:
    sizes = {(100, 100): 400, (100, 2000): 1789, (400, 600): 490, (2000, 2000): 950, (1000, 8000): 1900}
    assert {size: round(predictor_module._light_px(*size)) for size in sizes} == sizes
    assert predictor_module._middle(np.zeros((100, 100), np.float32), None, 600.0).shape == (482, 482)
