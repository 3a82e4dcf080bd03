"""Synthetic photographs: where the light comes from, where shadows fall, what must not show."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.descreening import find_screen
from inference.prediction import FloatArray
from training import photograph
from training.lighting import (
    SHALLOW_SLOPE,
    Lighting,
    cast_shadow,
    draw_lighting,
    light_vector,
    mean_light,
    occlusion,
    shade,
    sky_brightness,
    sky_directions,
)
from training.photograph import (
    ODD_BLOCKS,
    _calmed,
    _draw_cracks,
    _evenly_rough,
    _faded,
    _fill_joints,
    _odd_blocks,
    carving_slope,
    draw_albedo,
    draw_grain,
    face_forms,
    take_photograph,
)
from training.textures import Stone, _fine, blur, sample

STONE = Stone.load()


def plain(azimuth_deg: float, elevation_deg: float) -> Lighting:
    """A single light, no sky, no second light, Lambert."""
    return Lighting(
        light=light_vector(azimuth_deg, elevation_deg),
        spread=0.02,
        sky=0.0,
        sky_top=0.0,
        distance=0.0,
        second=light_vector(0.0, 90.0),
        second_share=0.0,
        bounce=0.0,
        roughness=0.0,
    )


def roof() -> np.ndarray:
    """Ridge at column 20 of 50: left of it the stone faces left, right of it right; slope 0.3."""
    x = np.arange(50, dtype=np.float32)
    return np.tile(6.0 - 0.3 * np.abs(x - 20.0), (40, 1)).astype(np.float32)


def test_light_vector_is_x_right_y_up_z_to_viewer() -> None:
    assert light_vector(0.0, 0.0) == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    assert light_vector(90.0, 0.0) == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)
    assert light_vector(200.0, 90.0) == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert light_vector(180.0, 30.0) == pytest.approx([-math.sqrt(0.75), 0.0, 0.5], abs=1e-6)


def test_light_from_the_left_brightens_what_faces_left() -> None:
    picture = shade(roof(), plain(180.0, 45.0))
    # Slope 0.3 and 45 degrees: facing is (1 +- 0.3) * sqrt(0.5) / sqrt(1.09).
    facing = picture[20, 10] / picture[20, 35]
    assert facing == pytest.approx(1.3 / 0.7, rel=0.1)
    assert shade(roof(), plain(0.0, 45.0))[20, 10] < picture[20, 10]


def test_light_from_above_brightens_what_faces_up() -> None:
    upright = np.ascontiguousarray(roof().T)  # the ridge is row 20; rows above it face up
    picture = shade(upright, plain(90.0, 45.0))
    assert picture[10, 20] / picture[35, 20] == pytest.approx(1.3 / 0.7, rel=0.1)


@pytest.mark.parametrize(
    ("azimuth", "away"), [(180.0, (0, 1)), (0.0, (0, -1)), (90.0, (1, 0)), (270.0, (-1, 0)), (135.0, (1, 1))]
)
@pytest.mark.parametrize("elevation", [20.0, 45.0])
def test_shadow_falls_away_from_the_light_as_long_as_height_over_tangent(
    azimuth: float, away: tuple[int, int], elevation: float
) -> None:
    height = np.zeros((121, 121), np.float32)
    height[50:71, 50:71] = 8.0
    shadow = cast_shadow(height, light_vector(azimuth, elevation), 0.005)
    steps = np.arange(1, 40)
    behind = shadow[60 + away[0] * (10 + steps), 60 + away[1] * (10 + steps)]
    before = shadow[60 - away[0] * (10 + steps), 60 - away[1] * (10 + steps)]
    length = float((behind > 0.5).sum()) * math.hypot(*away)
    assert length == pytest.approx(8.0 / math.tan(math.radians(elevation)), abs=1.6)
    assert before.max() == 0.0
    assert shadow[60, 60] == 0.0


def test_shadow_grows_softer_with_distance_and_with_the_size_of_the_light() -> None:
    height = np.zeros((40, 160), np.float32)
    height[:, :20] = 30.0
    edges = []
    for tall, spread in ((10.0, 0.2), (30.0, 0.2), (30.0, 0.02)):
        shadow = cast_shadow(np.minimum(height, tall), light_vector(180.0, 30.0), spread)[20]
        edges.append(int(((shadow > 0.05) & (shadow < 0.95)).sum()))
    near, far, small = edges
    assert far > 1.7 * near
    assert far > 4 * small


def test_sky_lights_a_slab_evenly_and_a_pit_by_the_part_of_it_that_is_seen() -> None:
    sky = replace(plain(90.0, 45.0), sky=1.0)
    assert shade(np.zeros((40, 60), np.float32), sky) == pytest.approx(1.0, abs=1e-5)
    # The middle of a long trench, as deep as half its width, sees 45 degrees to either side: sin(45) of the light.
    trench = np.zeros((120, 120), np.float32)
    trench[:, 50:71] = -10.5
    picture = shade(trench, sky)
    assert picture[60, 60] == pytest.approx(math.sqrt(0.5), abs=0.12)
    assert shade(trench, replace(sky, bounce=0.5))[60, 60] > picture[60, 60] + 0.03
    # On the slab beside it nothing tells of the trench: only what is seen is lit, not what is high.
    assert picture[60, 30] == pytest.approx(1.0, abs=0.02)


def test_light_from_above_alone_leaves_what_faces_down_darker() -> None:
    upright = np.ascontiguousarray(roof().T)
    outdoors = shade(upright, replace(plain(90.0, 45.0), sky=1.0, sky_top=1.0))
    room = shade(upright, replace(plain(90.0, 45.0), sky=1.0, sky_top=0.0))
    assert outdoors[10, 20] / outdoors[35, 20] > 1.1
    assert room[10, 20] / room[35, 20] == pytest.approx(1.0, abs=0.08)


def test_the_mean_light_is_the_only_light() -> None:
    for azimuth, elevation in ((40.0, 30.0), (200.0, 70.0)):
        assert mean_light(plain(azimuth, elevation)) == pytest.approx(light_vector(azimuth, elevation), abs=1e-6)


def test_light_from_below_is_mostly_told_from_below() -> None:
    """Of lamps in rooms the sky is even, of photographs turned round it is below."""
    rng = np.random.default_rng(3)
    drawn = [draw_lighting(rng, light_vector(azimuth, 40.0)) for azimuth in rng.uniform(200.0, 340.0, 600)]
    assert np.mean([mean_light(lighting)[1] > 0.0 for lighting in drawn]) < 0.07  # 0.22 with a sky that is always above
    skies = np.array([lighting.sky_top for lighting in drawn])
    assert np.mean(skies == 0.0) == pytest.approx(0.4, abs=0.06) and np.mean(skies < 0.0) == pytest.approx(
        0.4, abs=0.06
    )
    above = [draw_lighting(rng, light_vector(azimuth, 40.0)).sky_top for azimuth in rng.uniform(20.0, 160.0, 100)]
    assert min(above) >= 0.0


def test_a_sky_over_a_wall_is_soft_light_from_steeply_above() -> None:
    """Half of the overcast photographs have one; no direction gives less than nothing."""
    directions = sky_directions(0.3)
    for top in (0.0, 1.0, 2.0, 5.0, -3.0):
        brightness = sky_brightness(directions, top)
        assert brightness.min() >= 0.0 and brightness.sum() == pytest.approx(1.0)
    overcast = replace(plain(60.0, 45.0), sky=1.0)
    up = [math.degrees(math.asin(mean_light(replace(overcast, sky_top=top))[2])) for top in (1.0, 2.0, 4.0)]
    assert up[0] > 50.0 > up[1] > up[2] > 30.0
    rng = np.random.default_rng(0)
    skies = [draw_lighting(rng, light_vector(90.0, 40.0)) for _ in range(400)]
    over_walls = [lighting.sky > 0.5 for lighting in skies if lighting.sky_top > 1.0]
    assert all(over_walls) and 30 < len(over_walls) < 75


def test_under_a_sky_from_above_the_mean_light_is_above_wherever_the_sun_stands() -> None:
    overcast = replace(plain(270.0, 45.0), sky=0.9, sky_top=1.0)
    assert mean_light(overcast)[1] > 0.2
    assert mean_light(replace(overcast, sky=0.1))[1] < -0.2


def test_slopes_are_shaded_as_by_the_mean_light() -> None:
    mixed = replace(plain(150.0, 60.0), sky=0.5, sky_top=1.0, second=light_vector(170.0, 50.0), second_share=0.2)
    light = mean_light(mixed)
    # Slope 0.01: left of the ridge the stone faces left, right of it right; turned, it faces up and down.
    gentle = roof() / np.float32(30.0)
    across, upright = shade(gentle, mixed), shade(np.ascontiguousarray(gentle.T), mixed)
    assert across[20, 35] - across[20, 10] == pytest.approx(0.02 * light[0] / light[2], rel=0.12)
    assert upright[10, 20] - upright[35, 20] == pytest.approx(0.02 * light[1] / light[2], rel=0.12)


def test_a_sheen_brightens_what_mirrors_the_light_to_the_viewer() -> None:
    matt = plain(180.0, 45.0)
    gain = shade(roof(), replace(matt, sheen=0.4, gloss=20.0)) - shade(roof(), matt)
    # The mirror would tilt by 22.5 degrees to the left; the roof's sides tilt by 16.7 to the left and to the right.
    assert gain[20, 10] == pytest.approx(0.4 * math.cos(math.radians(5.8)) ** 20, rel=0.05)
    assert gain[20, 35] == pytest.approx(0.4 * math.cos(math.radians(39.2)) ** 20, abs=0.01)
    shadowed = np.zeros((41, 121), np.float32)
    shadowed[:, :20] = 30.0
    low = plain(180.0, 30.0)
    gain = shade(shadowed, replace(low, sheen=0.4, gloss=5.0)) - shade(shadowed, low)
    assert gain[20, 40] == 0.0 < gain[20, 110]


def test_grain_is_rough_here_and_smooth_there_in_many_photographs() -> None:
    rng = np.random.default_rng(4)

    def unevenness(grain: np.ndarray) -> float:
        fine = grain - cv2.GaussianBlur(grain, (0, 0), 3.0)
        tiles = fine.reshape(4, 64, 4, 64).std((1, 3))
        return float(tiles.max() / tiles.min())

    even = [unevenness(_evenly_rough((256, 256), rng, STONE, 0.1)) for _ in range(30)]
    drawn = [unevenness(draw_grain((256, 256), rng, STONE, 0.05)) for _ in range(60)]
    assert np.median(even) < 2.0
    assert np.mean(np.greater(drawn, 2.0)) > 0.4
    assert np.mean(np.less(drawn, 2.0)) > 0.2


def test_cracks_are_thin_lines_from_side_to_side() -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        cracks = _draw_cracks((200, 300), rng)
        assert cracks.min() >= 0.0
        assert 0.2 < cracks.max() <= 1.0
        assert (cracks > 0.1).mean() < 0.12
        borders = (cracks[0], cracks[-1], cracks[:, 0], cracks[:, -1])
        assert sum(border.max() > 0.05 for border in borders) >= 2


def test_groove_is_less_open_than_the_slab() -> None:
    height = np.zeros((64, 96), np.float32)
    height[:, 30:33] = -4.0
    hollow = occlusion(height)
    assert hollow[32, 31] > 0.5
    assert abs(hollow[32, 80]) < 0.05


def test_drawn_light_is_a_unit_vector_mostly_from_above() -> None:
    rng = np.random.default_rng(3)
    lights = np.array([draw_lighting(rng).light for _ in range(2000)])
    assert np.linalg.norm(lights, axis=1) == pytest.approx(np.ones(2000), abs=1e-5)
    elevation = np.degrees(np.arcsin(lights[:, 2]))
    assert elevation.min() >= 14.9
    assert elevation.max() <= 70.1
    assert 0.7 < (lights[:, 1] > 0).mean() < 0.8
    assert abs((lights[:, 0] > 0).mean() - 0.5) < 0.05


def test_shallow_carving_is_mostly_lit_by_raking_light() -> None:
    rng = np.random.default_rng(3)
    elevation = [math.degrees(math.asin(draw_lighting(rng, slope=0.03).light[2])) for _ in range(500)]
    assert 0.7 < np.mean(np.array(elevation) < 35.0) < 0.9
    assert min(elevation) < 10.0


def test_given_light_is_used_and_normalised() -> None:
    given = np.array([-3.0, 0.0, 4.0], np.float32)
    assert draw_lighting(np.random.default_rng(1), given).light == pytest.approx([-0.6, 0.0, 0.8], abs=1e-6)
    lights = [take_photograph(roof(), np.random.default_rng(seed), STONE, True, given)[1] for seed in range(8)]
    assert np.mean(lights, axis=0)[0] < -0.3


def test_flat_slab_under_a_distant_light_has_no_shading() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        lighting = replace(draw_lighting(rng), distance=0.0)
        picture = shade(np.zeros((48, 64), np.float32), lighting)
        assert np.ptp(picture) < 1e-5


def test_photographed_stone_gives_its_grain_alone() -> None:
    """Slabs of 64 px, as in a photographed cliff, would be carving that the truth calls flat."""
    rng = np.random.default_rng(2)
    slabs = np.kron(rng.choice((-1.0, 1.0), (4, 4)), np.ones((64, 64)))
    tile = (slabs + 0.3 * rng.standard_normal((256, 256))).astype(np.float32)
    fine = _fine(tile)
    assert fine.std() == pytest.approx(1, abs=1e-3) and np.abs(fine).max() < 3.5
    assert cv2.GaussianBlur(fine, (0, 0), 12).std() < 0.25 < 0.7 < cv2.GaussianBlur(tile / tile.std(), (0, 0), 12).std()


def test_relief_shows_in_most_photographs() -> None:
    """A photograph of the roof under a light from the left is brighter on its left, stains or not, as a rule."""
    brighter = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        picture, _ = take_photograph(roof(), rng, STONE, clean=True, light=light_vector(180.0, 35.0))
        brighter += int(picture[:, 3:18].mean() > picture[:, 23:47].mean())
    assert brighter >= 28


def test_cliffs_do_not_make_carving_steep() -> None:
    """Gentle forms behind steep outlines are shallow carving, however high the outlines are."""
    x = np.arange(96, dtype=np.float32)
    gentle = np.tile(np.sin(x / 12.0), (96, 1)).astype(np.float32)
    plateau = np.zeros((96, 96), np.float32)
    plateau[24:72, 24:72] = 1.0
    shallow = carving_slope(gentle + 6.0 * plateau)
    assert 0.0 < shallow < SHALLOW_SLOPE
    assert carving_slope(gentle + 40.0 * plateau) == pytest.approx(shallow, rel=0.02)
    assert carving_slope(4.0 * gentle) > 2.0 * shallow


def test_stains_are_calmed_to_what_the_carving_shows() -> None:
    albedo = draw_albedo(np.zeros((96, 96), np.float32), np.random.default_rng(3), STONE)
    tone = np.log(albedo)
    calmed = np.log(_calmed(albedo, 0.01))
    assert calmed == pytest.approx(tone * (calmed.std() / tone.std()), abs=1e-4)
    assert calmed.std() < tone.std()
    assert _calmed(albedo, 10.0) == pytest.approx(albedo, rel=1e-5)


def test_stains_do_not_drown_gentle_forms_between_cliffs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two photographs of a panel, stained differently, are alike within its plateaus: they share the carving."""
    for share in ("SPECKLED_SHARE", "CLEAN_FILM_SHARE", "UNEVEN_SHARE", "SHADED_SHARE"):
        monkeypatch.setattr(photograph, share, 0.0)  # which are no stains
    y, x = np.mgrid[0:160, 0:160]
    plateaus = (x // 40 + y // 40) % 2
    height = (np.sin(x / 9.0) * np.sin(y / 11.0) + 8 * plateaus).astype(np.float32)
    within = [np.s_[row : row + 22, column : column + 22] for row in (9, 49, 89, 129) for column in (9, 49, 89, 129)]
    alike = []
    for seed in range(24):
        fine = []
        for k in range(2):
            rng = np.random.default_rng([seed, k])
            picture, _ = take_photograph(height, rng, STONE, True, light_vector(120.0, 25.0))
            fine.append(cv2.GaussianBlur(picture, (0, 0), 2) - cv2.GaussianBlur(picture, (0, 0), 12))
        alike.append(np.median([np.corrcoef(fine[0][part].ravel(), fine[1][part].ravel())[0, 1] for part in within]))
    assert np.median(alike) > 0.6


def test_drawn_out_texture_runs_any_way_unless_it_is_upright() -> None:
    def lean(seed: int, upright: bool) -> tuple[float, float]:
        rng = np.random.default_rng(seed)
        piece = sample(STONE.noise["rough"][0], (200, 200), rng, stretch=12.0, upright=upright)
        down, across = np.gradient(piece)
        tensor = [[(across * across).mean(), (across * down).mean()], [(across * down).mean(), (down * down).mean()]]
        values, vectors = np.linalg.eigh(tensor)
        return abs(float(vectors[0, 1])), float(values[1] / values[0])  # 1: changes from left to right alone

    leans, ratios = zip(*(lean(seed, False) for seed in range(12)), strict=True)
    assert min(leans) < 0.4 and max(leans) > 0.8 and np.median(ratios) > 5
    assert all(lean(seed, True)[0] > 0.95 for seed in range(4))


def test_deep_carving_may_be_blackened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Along its ridge the roof is evenly bright, but for its stains."""
    contrasts = []
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.photograph.BLACKENED_SHARE", share)
        pictures = (
            take_photograph(roof(), np.random.default_rng(seed), STONE, True, light_vector(0.0, 40.0))[0]
            for seed in range(60)
        )
        contrasts.append(np.median([(picture.std(axis=0) / picture.mean(axis=0)).mean() for picture in pictures]))
    assert contrasts[1] > 1.05 * contrasts[0]


def test_old_walls_are_mottled_all_over_and_show_their_carving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finest forms of a deep wall's photograph are stronger where it is weathered; its large ones stay legible."""
    y, x = np.mgrid[0:128, 0:128]
    height = (8.0 * np.sin(x / 12.0) * np.sin(y / 12.0)).astype(np.float32)
    assert carving_slope(height) > SHALLOW_SLOPE
    light = light_vector(120.0, 40.0)
    lit = shade(height, plain(120.0, 40.0))
    fine, legible = {}, {}
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.photograph.WEATHERED_SHARE", share)
        pictures = [
            take_photograph(height, np.random.default_rng(seed), STONE, True, light, (x // 64 + 2 * (y // 64)))[0]
            for seed in range(30)
        ]
        fine[share] = np.median([(picture - cv2.GaussianBlur(picture, (0, 0), 2)).std() for picture in pictures])
        legible[share] = np.median([np.corrcoef(picture.ravel(), lit.ravel())[0, 1] for picture in pictures])
    assert fine[1.0] > 1.1 * fine[0.0]
    assert legible[1.0] > 0.4


def test_only_deep_walls_of_blocks_are_weathered(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("training.photograph.WEATHERED_SHARE", 1.0)
    monkeypatch.setattr("training.photograph.weathered_grain", lambda *given: drawn.append(1) or np.float32(0.0))
    wall = np.zeros(roof().shape, np.int32)
    wall[:, 25:] = 1
    for height, blocks in ((roof(), None), (roof(), 0 * wall), (0.05 * roof(), wall)):
        take_photograph(height.astype(np.float32), np.random.default_rng(0), STONE, blocks=blocks)
    assert not drawn
    take_photograph(roof(), np.random.default_rng(0), STONE, blocks=wall)
    assert drawn


def test_light_fades_in_places_toward_what_is_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to what is around, light and shadow are fainter there; only deep carving fades, and no face."""
    y, x = np.mgrid[0:160, 0:160]
    height = (8.0 * np.sin(x / 6.0) * np.sin(y / 6.0)).astype(np.float32)
    light = shade(height, plain(120.0, 40.0))
    kept = []
    for seed in range(12):
        faded, paler = _faded(light, np.random.default_rng(seed), STONE, None)
        tones = [np.log(np.maximum(a, 0.02)) for a in (faded, light)]
        contrast = [cv2.blur((a - cv2.blur(a, (41, 41))) ** 2, (41, 41)) ** 0.5 for a in tones]
        kept.append((contrast[0] / contrast[1])[20:-20, 20:-20])
        assert faded.min() >= 0.0 and abs(faded.mean() / light.mean() - 1.0) < 0.15
        alone = abs(np.log(paler)) < 1e-4 * abs(np.log(paler)).max()
        np.testing.assert_allclose(faded[alone], np.maximum(light, 0.02)[alone], rtol=0.01)
    assert np.min(kept) < 0.65 and np.max(kept) > 0.95 and 0.7 < np.mean(kept) < 0.95
    monkeypatch.setattr("training.photograph.FADED_SHARE", 1.0)
    fades: list[int] = []
    monkeypatch.setattr("training.photograph._faded", lambda light, *_: fades.append(1) or (light, light))
    for heads in (None, np.ones(height.shape, np.float32)):
        take_photograph(height, np.random.default_rng(0), STONE, heads=heads)
        take_photograph(0.02 * height, np.random.default_rng(0), STONE, heads=heads)
    assert len(fades) == 1


def test_blocks_differ_in_tone() -> None:
    blocks = np.zeros((64, 64), np.int32)
    blocks[:, 32:] = 7
    steps = []
    for seed in range(20):
        albedo = draw_albedo(np.zeros((64, 64), np.float32), np.random.default_rng(seed), STONE, blocks)
        across = np.abs(np.log(albedo[:, 32:34].mean() / albedo[:, 30:32].mean()))
        within = np.abs(np.log(albedo[:, 18:20].mean() / albedo[:, 16:18].mean()))
        steps.append(float(across - within))
    assert np.mean(steps) > 0.05


def test_a_few_blocks_are_of_quite_another_tone() -> None:
    blocks = np.repeat(np.arange(40, dtype=np.int32), 4).reshape(40, 4)
    factors = np.stack([_odd_blocks(blocks, np.random.default_rng(seed)) for seed in range(50)])
    assert (factors == factors[..., :1]).all()  # a block has one tone
    odd = factors != 1.0
    assert odd.mean() == pytest.approx(ODD_BLOCKS, abs=0.03)
    assert (factors[odd] < 0.7).mean() == pytest.approx(0.75, abs=0.05) and (np.abs(np.log(factors[odd])) > 0.29).all()


def test_joints_are_filled_along_the_borders_of_blocks_alone() -> None:
    blocks = np.zeros((64, 64), np.int32)
    blocks[:, 32:] = 1
    darkest, uneven = [], []
    for seed in range(20):
        albedo = np.ones((64, 64), np.float32)
        _fill_joints(albedo, blocks, np.random.default_rng(seed), STONE)
        np.testing.assert_allclose(albedo[:, :16], 1.0, atol=1e-3)
        np.testing.assert_allclose(albedo[:, 48:], 1.0, atol=1e-3)
        darkest.append(float(albedo[:, 32].min()))
        width = np.abs(albedo - 1.0).sum(axis=1)
        uneven.append(float(width.std() / width.mean()))
    assert np.median(darkest) < 0.8
    assert np.median(uneven) > 0.1, "joints as if drawn with a ruler"


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("shape", [(64, 64), (96, 131)])
def test_photographs_are_finite_and_repeat_by_seed(clean: bool, shape: tuple[int, int]) -> None:
    height = np.zeros(shape, np.float32)
    height[20:40, 10:50] = 5.0
    for seed in range(12):
        first, light = take_photograph(height, np.random.default_rng(seed), STONE, clean=clean)
        again, light_again = take_photograph(height, np.random.default_rng(seed), STONE, clean=clean)
        assert first.shape == shape
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        assert first.min() >= 0.0
        assert first.max() <= 1.0
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal(light, light_again)
    other, _ = take_photograph(height, np.random.default_rng(99), STONE, clean=clean)
    assert not np.array_equal(first, other)


def test_height_is_left_alone() -> None:
    height = roof()
    take_photograph(height, np.random.default_rng(0), STONE)
    np.testing.assert_array_equal(height, roof())


def test_specks_and_films_grain_are_fine_and_in_their_share_of_the_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    flat, stone = np.zeros((128, 128), np.float32), Stone.load(None)

    def grain(clean: bool) -> FloatArray:
        """Contrast of neighbouring pixels."""
        greys = (take_photograph(flat, np.random.default_rng(seed), stone, clean)[0] for seed in range(40))
        return np.array([np.diff(grey).std() for grey in greys])

    for name in ("SPECKLED_SHARE", "FILM_SHARE", "CLEAN_FILM_SHARE"):
        monkeypatch.setattr(photograph, name, 0.0)
    without = np.median(grain(True)), np.median(grain(False))
    monkeypatch.setattr(photograph, "SPECKLED_SHARE", 1.0)
    assert np.median(grain(True)) > 1.1 * without[0]
    monkeypatch.setattr(photograph, "SPECKLED_SHARE", 0.0)
    monkeypatch.setattr(photograph, "FILM_SHARE", 1.0)
    assert np.median(grain(False)) > 1.1 * without[1]
    monkeypatch.setattr(photograph, "CLEAN_FILM_SHARE", 1.0)
    assert np.median(grain(True)) > 1.1 * without[0]


def test_shadows_from_outside_darken_a_part_and_uneven_light_one_side(monkeypatch: pytest.MonkeyPatch) -> None:
    stone = Stone.load(None)

    def shaded(seed: int) -> FloatArray:
        picture = np.ones((96, 128), np.float32)
        photograph._shade_from_outside(picture, np.random.default_rng(seed), stone)
        return picture

    monkeypatch.setattr(photograph, "UNEVEN_SHARE", 0.0)
    monkeypatch.setattr(photograph, "SHADED_SHARE", 1.0)
    parts = []
    for seed in range(20):
        picture = shaded(seed)
        low, high = photograph.SHADED
        assert 1.0 - high - 1e-6 <= picture.min() and picture.max() <= 1.0
        between_both = (picture > picture.min() + 1e-6) & (picture < 1.0 - 1e-6)
        assert between_both.mean() < 0.3
        parts.append((picture < 1.0).mean())
    assert 0.2 < np.mean(parts) < 0.8
    monkeypatch.setattr(photograph, "UNEVEN_SHARE", 1.0)
    monkeypatch.setattr(photograph, "SHADED_SHARE", 0.0)
    falls = []
    for seed in range(20):
        picture = shaded(seed)
        falls.append(np.log(picture.max() / picture.min()))
        assert np.log(picture).mean() == pytest.approx(0.0, abs=0.02)
    assert 0.3 < np.mean(falls) < 2 * photograph.UNEVEN and max(falls) <= 2.6 * photograph.UNEVEN


def test_of_prints_their_dots_are_taken_out_as_before_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photograph, "PRINTED_SHARE", 1.0)
    y, x = np.mgrid[:256, :256].astype(np.float32)
    picture = np.asarray(0.5 + 0.2 * np.sin(x / 20) * np.sin(y / 17), np.float32)

    def with_dots() -> int:
        aged = (photograph._age(picture, np.random.default_rng(seed), STONE) for seed in range(12))
        return sum(find_screen(a) is not None for a in aged)

    taken_out = with_dots()
    monkeypatch.setattr(photograph, "without_screen", lambda grey: grey)
    assert with_dots() >= 6 and taken_out <= 1


def test_faces_to_be_seen_keep_their_grain() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:200, :200]
    heads = (np.hypot(x - 100, y - 100) < 50).astype(np.float32)
    light = np.exp(0.1 * np.sin(x / 5.0)).astype(np.float32)
    grain = 0.2 * rng.standard_normal((200, 200))
    stain = np.where(np.hypot(x - 100, y - 100) < 9, -1.5, 0.0)
    shown = photograph._showing(np.exp(grain + stain).astype(np.float32), light, heads)
    middle = heads > 0.5

    def forms(picture: FloatArray) -> float:
        return float(face_forms(np.log(picture), 100.0)[middle].std())

    def fine(picture: FloatArray) -> float:
        tone = np.log(picture)
        return float((tone - blur(tone, 1.0))[middle].std())

    before = np.exp(grain + stain).astype(np.float32)
    assert forms(shown) < 0.4 * forms(before) and fine(shown) > 0.8 * fine(before)
    assert np.log(shown[:20]).std() > 0.8 * np.log(before[:20]).std()
