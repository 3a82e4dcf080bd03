"""Composition, labels and crops on a library of two plain shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from inference.network import build_network
from training import compose, data
from training.carving import carve, compressed, deepen_face, draw_style
from training.compose import (
    ARCHITECTURE,
    BENT_ZOOM,
    DEEPEST,
    FACELESS,
    FIGURE,
    LEAST_THIN,
    LEVEL_RIM,
    SPARED_SHARE,
    Composer,
    Scene,
    _sink,
)
from training.data import (
    CLOSEST,
    CLOSEST_HEADS,
    JOINT_PX,
    MARGIN_FADE_PX,
    WHOLE_FROM,
    WIDEST_MARGIN,
    Sample,
    Stream,
    again,
    beside_joints,
    collate,
    crop_scene,
    find_heads,
    margins,
    mirrored,
    photograph_sample,
    photographed,
    resized,
    retouched,
)
from training.height_maps import HeightMap
from training.labels import edge_strength, soft_edge_classes, within_faces
from training.library import Library, Shape
from training.losses import (
    SLOPE_SIZES,
    LossWeights,
    balanced,
    dynamic_weight,
    face_loss,
    form_loss,
    gradient,
    gradient_loss,
    slope_loss,
    total_loss,
)
from training.masonry import DEEPEST_JOINT, lay_blocks, wear_faces
from training.photograph import STAINED_FACES, _showing, face_forms
from training.shapes import write_library
from training.textures import Stone


def plain_scene(height: Any, depth_px: float, segments: Any, blocks: Any) -> Scene:
    """A scene without masonry or heads."""
    return Scene(height, depth_px, segments, blocks, np.zeros_like(height), np.zeros_like(height))


def _ball(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Depth of a ball seen from the front, and where it is."""
    y, x = np.mgrid[-1.1 : 1.1 : size * 1j, -1.1 : 1.1 : size * 1j].astype(np.float32)
    inside = x * x + y * y < 1
    depth = np.sqrt(np.maximum(1 - x * x - y * y, 0)) * np.float32(size / 2.2)
    return depth.astype(np.float32), inside


def test_compression_keeps_gentle_slopes_and_flattens_steep_ones() -> None:
    slopes = np.float32([0.1] * 30 + [5.0] * 4 + [0.1] * 30)
    depth = np.tile(np.concatenate(([0.0], np.cumsum(slopes))).astype(np.float32), (64, 1))
    found = compressed(depth, np.ones(depth.shape, bool), 5.0, 1e3)
    wanted = np.log1p(5.0 * slopes) / 5.0
    np.testing.assert_allclose(np.diff(found[32])[5:25], wanted[5:25], atol=0.01)
    np.testing.assert_allclose(np.ptp(found[32]), wanted.sum(), rtol=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_a_carved_ball_is_round_without_creases_and_keeps_the_mark_on_it(seed: int) -> None:
    size = 120
    depth, inside = _ball(size)
    y, x = np.mgrid[:size, :size]
    mark = 3.0 * np.exp(-((x - 66) ** 2 + (y - 60) ** 2) / (2 * 4.0**2)).astype(np.float32)
    middle = np.s_[36:84, 36:84]
    forms = []
    for height in (depth, depth + mark):
        shape = Shape(np.where(inside, height, -1).astype(np.float32), 1, np.float32([-1, -1, -1]), True)
        rng = np.random.default_rng(seed)
        form, _ = carve(shape, (size, size), replace(draw_style(rng), incision=0.0), rng)
        forms.append(form)
    # Bent a few times as much as the ball itself at most: the middle line of a distance transform is a crease.
    bend = np.abs(np.diff(forms[0][middle], 2, axis=1))
    assert bend.max() < 4 / (size / 2.2) ** 2
    mark_there = (mark - cv2.GaussianBlur(mark, (0, 0), 8))[middle].ravel()
    change = forms[1] - forms[0]
    change_there = (change - cv2.GaussianBlur(change, (0, 0), 8))[middle].ravel()
    assert np.corrcoef(mark_there, change_there)[0, 1] > 0.9


@pytest.mark.parametrize("times", (4, 8))
def test_the_outline_of_an_enlarged_shape_is_no_staircase(times: int) -> None:
    depth, inside = _ball(44)
    shape = Shape(np.where(inside, depth, -1).astype(np.float32), 1, np.float32([-1, -1, -1]), True)
    rng = np.random.default_rng(0)
    _, cover = carve(shape, (44 * times, 44 * times), replace(draw_style(rng), incision=0.0), rng)
    contours, _ = cv2.findContours((cover > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = contours[0][:, 0].astype(float)
    radius = np.hypot(*(outline - outline.mean(0)).T) / times
    assert radius.std() < 0.23  # of the map's pixels; 0.24 and more with bare linear interpolation


def test_a_face_is_cut_deeper_and_nothing_beside_it() -> None:
    y, x = np.mgrid[:120, :120].astype(np.float32)
    form = (np.sin(x / 3) * np.sin(y / 3)).astype(np.float32)
    head = np.hypot(y - 40, x - 60)
    deepened = form.copy()
    deepen_face(deepened, np.float32([60, 40, 20]), 3.0, np.random.default_rng(0))
    np.testing.assert_array_equal(deepened[head > 26], form[head > 26])
    within = head < 18
    assert deepened[within].std() > 1.2 * form[within].std()
    assert np.corrcoef(deepened[within], form[within])[0, 1] > 0.98


def test_a_face_on_a_plateau_is_cut_deeper_than_the_rest_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is within a plateau is shallow, but the features of a face are not."""
    monkeypatch.setattr("training.carving.FACE_SHARE", 1.0)
    depth, inside = _ball(200)
    y, x = np.mgrid[:200, :200]
    depth += 4.0 * (np.sin(x / 5) * np.sin(y / 5)).astype(np.float32)  # eyes, nose and lips
    shape = Shape(np.where(inside, depth + 8.0, -1).astype(np.float32), 1, np.float32([100, 100, 50]), True)
    fine = {}
    for rim in (0.0, 0.8):
        style = replace(draw_style(np.random.default_rng(0)), rim=rim, incision=0.0, detail=0.0, gamma=1.0)
        forms = [carve(shape, (200, 200), style, np.random.default_rng(seed))[0][80:120, 80:120] for seed in range(12)]
        fine[rim] = np.median([(form - cv2.GaussianBlur(form, (0, 0), 6.0)).std() for form in forms])
    assert fine[0.8] > 0.3 * fine[0.0]  # 0.2 of it, were it cut as the rest


@pytest.mark.parametrize("depth_px", (3.0, 30.0))
def test_joints_are_no_trenches(depth_px: float) -> None:
    for seed in range(8):
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        blocks, masonry = lay_blocks(height, segments, depth_px, 60.0, np.random.default_rng(seed))
        assert masonry.std() > 0
        for block in np.unique(blocks[blocks > 0]):
            of_block = masonry[blocks == block]
            assert np.median(of_block) - of_block.min() <= 1.5 * DEEPEST_JOINT + 1e-5


def test_joints_are_no_ruled_lines() -> None:
    """Their arrises are chipped: on most walls a joint leaves the line from end to end, and changes its width."""
    bends = []
    for seed in range(12):
        bare = np.zeros((160, 160), np.float32)
        blocks, _ = lay_blocks(bare, bare.astype(np.uint8), 30.0, 60.0, np.random.default_rng(seed))
        level = np.argmax(blocks[20:] != blocks[20], axis=0).astype(np.float32)
        runs = np.split(level, np.flatnonzero(np.abs(np.diff(level)) > 8) + 1)  # a joint each
        longest = max(runs, key=len)
        _, residual, *_ = np.polyfit(np.arange(len(longest)), longest, 1, full=True)
        bends.append(math.sqrt(float(residual[0]) / len(longest)))
    assert np.median(bends) > 0.3


def test_joints_are_seen_and_no_carving() -> None:
    """A wall's masonry is in the light alone: figures keep their height where a joint crosses them."""
    carved = np.indices((160, 160)).sum(0) % 2 + np.float32(2.0)
    height = carved.copy()
    blocks, masonry = lay_blocks(height, np.ones((160, 160), np.uint8), 30.0, 60.0, np.random.default_rng(2))
    np.testing.assert_array_equal(height, carved)
    flat = Scene(np.zeros_like(carved), 30.0, np.zeros((160, 160), np.uint8), blocks, masonry, np.zeros_like(carved))
    bare = replace(flat, masonry=np.zeros_like(carved))
    greys = [photographed(scene, np.random.default_rng(0), Stone.load(None), True)[0] for scene in (flat, bare)]
    lines = np.abs(np.gradient(masonry)).max(axis=0) > 0.02
    change = np.abs(greys[0] - greys[1])
    assert lines.any() and change[lines].mean() > 2 * change[~lines].mean()


def test_temples_are_walls_of_blocks_with_deep_and_crowded_carving(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carved, walls, deepest = {}, {}, {}
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.compose.TEMPLE_SHARE", share)
        scenes = [Composer(Library(library), np.random.default_rng(seed), 160).compose() for seed in range(24)]
        carved[share] = np.mean([(scene.segments > 0).mean() for scene in scenes])
        walls[share] = np.mean([len(np.unique(scene.blocks)) > 1 for scene in scenes])
        deepest[share] = np.median([scene.depth_px for scene in scenes])
    assert walls[1.0] == 1.0 > walls[0.0]
    assert carved[1.0] > 1.1 * carved[0.0] and deepest[1.0] > 1.1 * deepest[0.0]


def test_whole_courses_stand_before_or_behind_others_too() -> None:
    """A course differs from the next by more than its own blocks from each other would let it, in the masonry alone."""
    between, within = [], []
    for seed in range(40):
        height = np.zeros((200, 200), np.float32)
        blocks, masonry = lay_blocks(height, np.ones((200, 200), np.uint8), 30.0, 50.0, np.random.default_rng(seed))
        if not height.any():  # no new stones
            settings: dict[int, list[float]] = {}
            for block in np.unique(blocks[blocks > 0]):
                rows, columns = np.nonzero(blocks == block)
                if len(rows) > 400:
                    level = float(np.percentile(masonry[rows, columns], 80))
                    settings.setdefault(round(float(rows.mean()) / 25), []).append(level)
            rows_of = [levels for levels in settings.values() if len(levels) > 1]
            if len(rows_of) > 1:
                between.append(np.var([np.mean(levels) for levels in rows_of], ddof=1))
                within.append(np.mean([np.var(levels, ddof=1) / len(levels) for levels in rows_of]))
    assert len(between) > 20 and np.mean(between) > 2.0 * np.mean(within)


def test_new_stones_in_a_wall_are_plain() -> None:
    """Carved all over, but for the stones that were replaced: whole blocks, about level with the ground, in about one
    wall of eight."""
    walls, carved = 0, np.indices((160, 160)).sum(0) % 2 + np.float32(2.0)
    for seed in range(200):
        height, segments = carved.copy(), np.ones((160, 160), np.uint8)
        blocks, _ = lay_blocks(height, segments, 1e4, 60.0, np.random.default_rng(seed))
        new = np.unique(blocks[segments == 0])
        walls += len(new) > 0
        for block in np.unique(blocks[blocks > 0]):
            whole = blocks == block
            if whole.sum() < 16:  # a corner within the picture
                continue
            assert (segments[whole] == (0 if block in new else 1)).all()
            assert (np.ptp(height[whole]) > 0.5) == (block not in new)
            assert block not in new or 1.9 < height[whole].mean() < 2.25
    assert 12 < walls < 30


def test_nothing_of_what_is_behind_runs_through_what_covers_it(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same shape is as smooth before another as on bare ground; and a head that is covered is none."""
    monkeypatch.setattr("training.compose.SPARED_SHARE", 0.0)
    dome = replace(Library(library).draw(np.random.default_rng(0), "figure"), head=np.float32([24, 24, 12]))
    for seed in range(20):
        forms = []
        for covering in (True, False):
            composer, rng = Composer(Library(library), np.random.default_rng(seed), 160), np.random.default_rng(seed)
            style = replace(draw_style(rng), incision=0.0)
            height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
            if covering:
                height[:, 80:], segments[:, 80:] = 0.7, 5
                composer.heads[:, 80:] = 1
            composer.rng = np.random.default_rng(seed)
            composer._place(height, segments, dome, style, 80, 130, 100, 0.0, 1.0)
            forms.append(height[60:100, 60:100])
            head = composer.heads
            assert head[79, 80] == 1 and head[120, 80] == 0 and head[10, 120] == covering
            composer._place(height.copy(), segments.copy(), replace(dome, face=False), style, 80, 130, 100, 0.0, 1.0)
            assert head[79, 80] == FACELESS, "one whose face is turned away counts for less"
        rough = [np.abs(np.diff(form, 2, axis=1)).max() for form in forms]
        assert rough[0] < rough[1] + 0.005


def test_what_is_covered_recedes_and_what_covers_it_keeps_its_form(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.compose.BEFORE_SHARE", 1.0)
    dome = Library(library).draw(np.random.default_rng(0), "figure")
    before = []
    for seed in range(20):
        composer = Composer(Library(library), np.random.default_rng(seed), 160)
        style = replace(draw_style(np.random.default_rng(seed), True), incision=0.0)
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        height[:, 80:], segments[:, 80:] = 0.7, 5
        height[150:], segments[150:], composer.ledges[150:] = 0.9, ARCHITECTURE, True
        composer._place(height, segments, dome, style, 80, 130, 100, 0.0, 1.0)
        assert (height[150:] == np.float32(0.9)).all(), "a ledge is no figure"
        there = segments == 5
        assert (height[there] <= np.float32(0.7)).all() and (height[there] < 0.69).any()
        contour = np.argmax(segments[80, 80:] != 1) + 80
        before.append(height[80, contour - 8] > height[80, contour + 4])
    assert np.mean(before) > 0.8


def test_in_a_level_scene_what_is_covered_recedes_along_the_contour_alone(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.compose.BEFORE_SHARE", 1.0)
    dome = Library(library).draw(np.random.default_rng(0), "figure")
    for seed in range(20):
        composer = Composer(Library(library), np.random.default_rng(seed), 160)
        style = replace(
            draw_style(np.random.default_rng(seed)), rim=LEVEL_RIM[0], rim_px=0.01, incision=0.0, level=True
        )
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        height[:, 80:], segments[:, 80:] = 1.0, 5
        composer._place(height, segments, dome, style, 80, 130, 100, 0.0, 1.0)
        contour = np.argmax(segments[80, 80:] != 1) + 80
        assert height[80, contour - 4] > height[80, contour] < 0.75 and height[80, contour + 16] > 0.99


def test_plateaus_of_a_level_scene_stand_in_one_plane(library: Path) -> None:
    dome, reached = Library(library).draw(np.random.default_rng(0), "figure"), []
    for seed in range(10):
        composer = Composer(Library(library), np.random.default_rng(seed), 160)
        style = replace(draw_style(np.random.default_rng(seed)), rim=0.9, incision=0.0, detail=0.0, level=True)
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        composer._place(height, segments, dome, style, 80, 130, 100, 0.4, 0.3 if seed % 2 else 1.0)
        reached.append(float(np.percentile(height[segments > 0], 50)))
    assert max(reached) / min(reached) < 1.25


def test_rows_of_figures_have_few_heads_without_bodies(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composer = Composer(Library(library), np.random.default_rng(0), 64)
    whole = composer.library.draw(composer.rng, "figure")
    bust = replace(whole, height=np.ones_like(whole.height), upright=False)
    drawn = itertools.cycle((bust, whole))
    monkeypatch.setattr(composer.library, "draw", lambda rng, segment: next(drawn))
    shares = np.mean([composer._draw("figure").cut_off for _ in range(600)])
    assert bust.cut_off and not whole.cut_off and 0.02 < shares < 0.25


def test_at_a_court_equals_sit_in_ranks_and_nobody_towers_above_the_register(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks, larger, trees = [], [], []
    for seed in range(12):
        composer = Composer(Library(library), np.random.default_rng(seed), 400)
        placed: list[tuple[float, float, int]] = []
        behind: list[tuple[float, float, int]] = []
        tree = composer.library.draw(composer.rng, "plant")
        of_others = composer.library.draw
        monkeypatch.setattr(
            composer.library,
            "draw",
            lambda rng, kind, tree=tree, others=of_others: (
                tree if kind in ("plant", "architecture") else others(rng, kind)
            ),
        )

        def place(h: Any, s: Any, shape: Any, style: Any, *where: Any, tree: Any = tree,
                  figures: Any = placed, trees: Any = behind) -> None:  # fmt: skip
            (trees if shape is tree else figures).append(where[:3])

        monkeypatch.setattr(composer, "_place", place)
        empty = np.zeros((400, 400), np.float32)
        equal_px = composer._court(empty, empty.astype(np.uint8), draw_style(composer.rng), 380.0, 300.0)
        across, feet, rows = np.array(placed).T
        assert len(placed) >= 6 and np.ptp(across) > 300.0
        assert (feet - rows >= 380.0 - 300.0 - 1.0).all(), "no head beyond the top"
        equals = np.abs(rows / np.median(rows) - 1) < 0.15
        assert (~equals).sum() <= 3 and 0.4 < np.median(rows) / equal_px < 1.3
        ranks.append(np.ptp(feet[equals]) > 0.2 * np.median(rows))
        larger.append(rows.max() > 1.1 * np.median(rows))
        trees.append(len(behind))
        assert all(foot - size >= 380.0 - 300.0 for _, foot, size in behind)
    assert min(trees) == 0 and max(trees) == compose.TREES_MOST
    assert 0.4 < np.mean(ranks) < 1.0 and 0.3 < np.mean(larger) < 1.0


def test_temples_alone_have_courts_and_all_others_inscriptions(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("COURT_SHARE", "INSCRIBED_SHARE"):
        assert 0.0 < getattr(compose, share) < 1.0
        monkeypatch.setattr(compose, share, 1.0)
    for temple in (0.0, 1.0):
        monkeypatch.setattr(compose, "TEMPLE_SHARE", temple)
        courts, inscribed, seated = 0, 0, 0
        for seed in range(12):
            composer = Composer(Library(library), np.random.default_rng(seed), 128)
            draw = composer.library.draw
            for name in ("_court", "_inscribe"):
                monkeypatch.setattr(composer, name, MagicMock(wraps=getattr(composer, name)))
            monkeypatch.setattr(composer.library, "draw", MagicMock(wraps=draw))
            composer.compose()
            courts += composer._court.called
            inscribed += composer._inscribe.called
            seated += any("seated" in call.args for call in composer.library.draw.call_args_list)
        assert (courts > 3) == (seated > 3) == bool(temple) and (courts > 0) == bool(temple)
        assert inscribed == (0 if temple else 12)


def test_those_who_sit_are_between_four_and_six_heads_high(tmp_path: Path) -> None:
    """Of figures 26 to 75 px high with heads 10 px across, every third without one, every fifth lying or floating."""
    made = [
        HeightMap(np.ones((26 + n, 20), np.float32), "figure", (5.0, 5.0, 5.0) if n % 3 else (-1.0,) * 3, bool(n % 5))
        for n in range(50)
    ]
    write_library([*made, HeightMap(np.ones((50, 20), np.float32), "plant")], tmp_path)
    shelf, rng = Library(tmp_path), np.random.default_rng(0)
    drawn = {len(shelf.draw(rng, "seated").height) for _ in range(200)}
    assert drawn == {26 + n for n in range(11, 29) if n % 3 and n % 5}


def test_a_frame_that_is_level_planes_no_figures(library: Path) -> None:
    for seed in range(20):
        height, segments = np.full((160, 160), 2.0, np.float32), np.ones((160, 160), np.uint8)
        height += np.random.default_rng(seed).random((160, 160), np.float32)
        carved = height.copy()
        Composer(Library(library), np.random.default_rng(seed), 160)._frame(height, segments)
        np.testing.assert_array_equal(height, carved)
        assert (segments == 1).all()


def test_new_stones_lie_level_with_the_ground_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.masonry.REPLACED_SHARE", 1.0)
    found = []
    for seed in range(12):
        height, segments = np.full((160, 160), 0.1, np.float32), np.zeros((160, 160), np.uint8)
        height[:120], segments[:120] = 0.9, 1
        lay_blocks(height, segments, 30.0, 40.0, np.random.default_rng(seed))
        found += list(np.unique(height[:110][segments[:110] == 0]))
    assert len(found) > 5 and max(found) < 0.35


def test_a_bust_is_cut_off_and_a_body_is_not() -> None:
    disc = np.where(_ball(40)[1], np.float32(5.0), np.float32(-1.0))
    assert not Shape(disc, 1, np.zeros(3, np.float32), True).cut_off
    assert Shape(disc[:20], 1, np.zeros(3, np.float32), False).cut_off


def test_most_heads_are_not_covered(library: Path) -> None:
    dome, covered = Library(library).draw(np.random.default_rng(0), "figure"), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        composer, style = Composer(Library(library), rng, 160), draw_style(rng)
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        composer.heads[70:100, 60:100] = 1
        composer._place(height, segments, dome, style, 80, 130, 100, 0.0, 1.0)
        covered += bool(height.any())
    assert covered / 40 == pytest.approx(1 - SPARED_SHARE, abs=0.15)


def test_a_frame_leaves_its_label_to_what_stands_before_it(library: Path) -> None:
    before = 0
    for seed in range(10):
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        height[:, 60:100], segments[:, 60:100] = 2.0, FIGURE
        figure = segments.copy()
        Composer(Library(library), np.random.default_rng(seed), 160)._frame(height, segments)
        stands = height[:, 60:100] == 2.0
        assert (segments[:, 60:100][stands] == FIGURE).all()
        assert (segments[height > 0] > 0).all()
        before += ((segments == ARCHITECTURE) & (figure == 0)).any()
    assert before > 5


def test_no_scene_is_ruled(library: Path) -> None:
    """A straight ledge becomes a bent one; labels, blocks and heads go with it, and the depth grows with the width."""
    height = np.zeros((256, 256), np.float32)
    height[100:] = 1.0
    labels = (height > 0).astype(np.uint8)
    scene = Scene(height, 24.0, labels, labels.astype(np.int32), 0.5 * height, height.copy())
    bends = []
    for seed in range(6):
        bent = Composer(Library(library), np.random.default_rng(seed), 256)._bent(scene)
        level = (bent.height < 0.5).sum(axis=0)
        bends.append(level.std())
        for moved in (bent.segments, bent.blocks, 2 * bent.masonry, bent.heads):
            assert np.abs((moved < 0.5).sum(axis=0) - level).max() <= 1
        assert bent.depth_px == pytest.approx(24.0 / BENT_ZOOM)
    assert np.median(bends) > 0.5


def test_what_covers_stands_before_what_it_covers(library: Path) -> None:
    """Along its contour, where it crosses the other; that is all that overlap can tell."""
    dome, steps = Library(library).draw(np.random.default_rng(0), "figure"), []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        composer, style = Composer(Library(library), rng, 160), draw_style(rng)
        height, segments = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.uint8)
        composer._place(height, segments, dome, style, 60, 120, 90, 0.0, 1.0)
        segments[segments > 0] = 5
        composer._place(height, segments, dome, style, 100, 130, 80, rng.uniform(0.0, 0.4), rng.uniform(0.5, 1.0))
        before, behind = ((segments == kind).astype(np.uint8) for kind in (dome.segment, 5))
        near = np.ones((11, 11))
        along = (cv2.dilate(before, near) > 0) & (cv2.dilate(behind, near) > 0)
        steps.append(height[along & (before > 0)].mean() - height[along & (behind > 0)].mean())
    assert np.mean(np.array(steps) < 0) < 0.2 and np.mean(steps) > 0.1


def test_held_out_shapes_are_no_others(tmp_path: Path) -> None:
    """Each shape of its own size, every other one held out."""
    made = [HeightMap(np.ones((n, 20), np.float32), "figure", holdout=bool(n % 2)) for n in range(20, 30)]
    write_library(made, tmp_path)
    for holdout in (False, True):
        shelf, rng = Library(tmp_path, holdout=holdout), np.random.default_rng(1)
        drawn = {len(shelf.draw(rng, "figure").height) for _ in range(100)}
        assert drawn == set(range(21 if holdout else 20, 30, 2))


def test_library_mirrors_head_with_height(library: Path) -> None:
    shelf = Library(library)
    seen = set()
    for seed in range(20):
        shape = shelf.draw(np.random.default_rng(seed), "animal")
        rising = bool(shape.height[0, -1] > shape.height[0, 0])
        assert shape.head[0] == (5 if rising else 30 - 1 - 5)
        seen.add(rising)
    assert seen == {True, False}


def test_library_without_a_segment_draws_figures(library: Path) -> None:
    assert Library(library).draw(np.random.default_rng(0), "plant").segment == 1


def test_scenes_keep_the_scale_of_the_contract(library: Path) -> None:
    composer = Composer(Library(library), np.random.default_rng(3), 160)
    tops = []
    for _ in range(12):
        scene = composer.compose()
        assert scene.height.shape == (160, 160) and np.isfinite(scene.height).all()
        assert scene.height.max() < 2.0 and scene.height.min() > -2.0
        assert scene.segments.max() <= 5 and scene.depth_px > 0
        tops.append(float(np.percentile(scene.height, 99)))
    assert 0.5 < np.median(tops) < 1.1


def test_scenes_repeat_with_the_seed(library: Path) -> None:
    a, b = (Composer(Library(library), np.random.default_rng(5), 128).compose() for _ in range(2))
    np.testing.assert_array_equal(a.height, b.height)


def test_edge_strength_of_a_step_and_a_ramp() -> None:
    step = np.zeros((40, 60), np.float32)
    step[:, 30:] = 0.5
    # blurred by sigma 1 the step is the normal distribution's Phi at half pixels; its second difference is largest at
    # 1.5 px: Phi(2.5) - 2 Phi(1.5) + Phi(0.5) = 0.9938 - 1.8664 + 0.6915
    assert edge_strength(step)[20].max() == pytest.approx(0.1811 * 0.5, rel=0.05)
    ramp = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (40, 1))
    assert edge_strength(ramp).max() < 1e-4, "at the border either, where its slope goes on"


def test_classes_soften_as_an_edge_is_rounded() -> None:
    step = np.zeros((64, 96), np.float32)
    step[:, 48:] = 0.4
    classes = [int(soft_edge_classes(cv2.GaussianBlur(step, (0, 0), s))[32].max()) for s in (0.3, 2.5, 6.0, 20.0)]
    assert classes == sorted(classes, reverse=True) and classes[0] == 3 and classes[-1] == 0


def test_crop_scales_depth_with_the_window(library: Path) -> None:
    scene = Composer(Library(library), np.random.default_rng(1), 200).compose()
    for seed in range(6):
        crop = crop_scene(scene, 64, np.random.default_rng(seed))
        assert crop.height.shape == (64, 64) and crop.blocks.shape == (64, 64)
    ramp = replace(scene, height=np.tile(np.linspace(0, 1, 200, dtype=np.float32)[:, None], (1, 200)), depth_px=30.0)
    sizes = set()
    for seed in range(12):
        crop = crop_scene(ramp, 64, np.random.default_rng(seed))
        slope = np.diff(crop.height * crop.depth_px, axis=0)[4:-4]  # as steep as the scene's, whatever the window
        assert slope.mean() == pytest.approx(30.0 / 199, rel=0.03)
        sizes.add(round(crop.depth_px / 30.0, 2))
    assert 0.48 < min(sizes) < 0.6, "no window is more than twice as large as its crop"
    assert max(sizes) > 1.2 and max(sizes) <= round(1 / CLOSEST * 1.05, 2)


def test_crops_of_whole_panels_show_all_or_most_of_them() -> None:
    nothing = np.zeros((200, 200), np.uint8)
    ramp = np.tile(np.linspace(0, 1, 200, dtype=np.float32)[:, None], (1, 200))
    ramp = plain_scene(ramp, 30.0, nothing, nothing.astype(np.int32))
    sides = [30.0 / crop_scene(ramp, 64, np.random.default_rng(s), whole=True).depth_px for s in range(40)]
    assert WHOLE_FROM <= min(sides) < 1.7 and 2.9 < max(sides) <= 200 / 64 * 1.01


def test_whole_panels_are_a_fifth_of_the_stream(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crops: list[tuple[bool, bool, bool]] = []
    samples: list[bool] = []
    crop, sample = data.crop_scene, data.photograph_sample

    def cropped(scene: Scene, size: int, rng: Any, heads: Any = None, **how: bool) -> Scene:
        crops.append((heads is not None, how["whole"], how["far"]))
        assert not how["far"] or heads[:, 2].min() >= data.LARGE_HEAD_PX
        return crop(scene, size, rng, heads, **how)

    def sampled(scene: Scene, stone: Stone, rng: Any, heads: bool = False, *, sharp: bool = False) -> Sample:
        samples.append(sharp)
        return sample(scene, stone, rng, heads, sharp=sharp)

    monkeypatch.setattr(data, "crop_scene", cropped)
    monkeypatch.setattr(data, "photograph_sample", sampled)
    stream = iter(Stream(library, None, 64, 3, 128))
    for _ in range(120):
        next(stream)
    wholes = [whole for _, whole, _ in crops]
    assert 0.1 < np.mean(wholes) < 0.32 and samples == [whole or far for _, whole, far in crops]
    assert not any(heads and whole for heads, whole, _ in crops)


def test_some_large_heads_are_seen_from_far() -> None:
    y, x = np.mgrid[:900, :900]
    heads = np.hypot(x - 440, y - 460) < 50
    scene = plain_scene(np.zeros((900, 900), np.float32), 10.0, heads.astype(np.uint8), heads.astype(np.int32))
    scene = replace(scene, heads=heads.astype(np.float32))
    found = np.array([[460.0, 440.0, 99.0, 0.1]], np.float32)
    for far, (low, high) in ((False, data.ROUND_HEAD), (True, data.FAR_HEADS)):
        sides = []
        for seed in range(30):
            crop = crop_scene(scene, 448, np.random.default_rng(seed), found, far=far)
            sides.append(math.sqrt(4.0 / math.pi * (crop.heads > 0.5).mean()))  # of the head, relative to the crop
        most = 448 / 99 if not far else 2 * 448 / 99
        assert 0.85 / min(high, most) < min(sides) < max(sides) < 1.15 / low
        assert max(sides) > 1.5 * min(sides)


def test_crops_of_heads_show_one_about_their_middle_and_closer() -> None:
    y, x = np.mgrid[:600, :600]
    heads = (np.hypot(x - 140, y - 400) < 24) | (np.hypot(x - 480, y - 120) < 60)
    flat, bumps = np.zeros((600, 600), np.float32), 0.4 * np.sin(x / 4).astype(np.float32)
    scene = plain_scene(bumps, 10.0, heads.astype(np.uint8), heads.astype(np.int32))
    scene = replace(scene, heads=heads.astype(np.float32))
    scales = []
    found = find_heads(scene)
    np.testing.assert_allclose(found[np.argsort(found[:, 2]), :3], [(400, 140, 47), (120, 480, 119)], atol=1)
    assert not len(find_heads(replace(scene, height=flat))), "they have no faces"
    covered = replace(scene, heads=scene.heads * ((x + y) % 600 < 40))
    assert not len(find_heads(covered))
    assert not len(find_heads(replace(scene, heads=FACELESS * scene.heads))), "their faces are turned away or hidden"
    small = replace(scene, heads=(np.hypot(x - 140, y - 400) < 12).astype(np.float32))
    assert not len(find_heads(small)), "those have no features"
    for seed in range(40):
        crop = crop_scene(scene, 300, np.random.default_rng(seed), found)
        assert (crop.heads[60:240, 60:240] > 0.5).sum() > 400
        assert (crop.heads > 0.5).mean() < 0.2, "there is something round it"
        scales.append(crop.depth_px / 10.0)
    assert 1.8 < max(scales) <= 1.1 / CLOSEST_HEADS, "closer than any other crop"


def test_no_stains_hide_faces_that_shall_be_seen() -> None:
    y, x = np.mgrid[:256, :256]
    heads = (np.hypot(x - 128, y - 128) < 50).astype(np.float32)
    light = np.exp(0.2 * np.sin(x / 3)).astype(np.float32)
    stains = np.exp(np.sin(y / 3)).astype(np.float32)
    shown = _showing(stains, light, heads)
    contrast = [face_forms(np.log(a), 100.0)[heads > 0].std() for a in (light, stains, shown)]
    assert contrast[2] == pytest.approx(STAINED_FACES * contrast[0], rel=0.02) and contrast[1] > contrast[0]
    np.testing.assert_array_equal(_showing(shown**0.5, light, heads), shown**0.5)
    np.testing.assert_array_equal(_showing(stains, light, 0 * heads), stains)
    filled = _showing(stains, light, np.ones_like(heads))
    assert np.isfinite(filled).all() and np.log(filled).std() < np.log(stains).std(), "a head may fill the picture"


def test_blocks_have_no_staircases_where_they_are_enlarged() -> None:
    blocks = np.where(np.add.outer(np.arange(90), 0.3 * np.arange(90)) > 60, 9, 4).astype(np.int32)
    flat = np.zeros((90, 90), np.float32)
    large = resized(plain_scene(flat, 10.0, flat.astype(np.uint8), blocks), 215).blocks
    nearest = cv2.resize(blocks, (215, 215), interpolation=cv2.INTER_NEAREST_EXACT)
    assert set(np.unique(large)) == {4, 9}

    def off(found: npt.NDArray[np.int32]) -> float:
        border = (found == 9).argmax(axis=0)[20:190]
        return float(np.abs(border - np.poly1d(np.polyfit(np.arange(170), border, 1))(np.arange(170))).max())

    assert off(large) < 0.75 * off(nearest)


def test_sample_is_a_photograph(library: Path) -> None:
    rng = np.random.default_rng(3)
    scene = crop_scene(Composer(Library(library), rng, 128).compose(), 64, rng)
    sample = photograph_sample(scene, Stone.load(None), rng)
    assert sample.grey.shape == (64, 64) and sample.grey.dtype == np.float32
    assert sample.grey.min() >= 0 and sample.grey.max() <= 1 and sample.grey.std() > 0.005
    assert np.linalg.norm(sample.light) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("enlarged", [0.0, 1.0])
def test_photograph_and_truth_belong_together(monkeypatch: pytest.MonkeyPatch, enlarged: float) -> None:
    """A dome off the centre is brighter where it faces the light that is told with it."""
    monkeypatch.setattr("training.data.MARGIN_SHARE", 0.0)
    monkeypatch.setattr("training.data.ENLARGED_SHARE", enlarged)
    y, x = np.mgrid[:96, :96]
    dome = np.sqrt(np.maximum(1 - ((x - 36) / 24.0) ** 2 - ((y - 58) / 24.0) ** 2, 0)).astype(np.float32)
    segments = np.where(dome > 0, 1, 0).astype(np.uint8)
    scene = plain_scene(0.5 * dome**2, 16.0, segments, np.zeros((96, 96), np.int32))
    agreement = []
    for seed in range(24):
        sample = photograph_sample(scene, Stone.load(None), np.random.default_rng(seed))
        np.testing.assert_array_equal(sample.segments, segments)
        np.testing.assert_array_equal(sample.edges, soft_edge_classes(sample.height))
        down, across = np.gradient(sample.height)
        inside = dome > 0.3
        grey = sample.grey[inside] - sample.grey[inside].mean()
        brighter = np.array([-(across[inside] * grey).sum(), (down[inside] * grey).sum()])  # x right, y up
        towards = sample.light[:2]
        agreement.append(brighter @ towards / np.linalg.norm(brighter) / np.linalg.norm(towards))
    assert np.median(agreement) > 0.9 and np.mean(np.array(agreement) > 0.5) > 0.8


def test_crops_mirror_all_of_a_scene_together(library: Path) -> None:
    height = np.tile(np.linspace(0, 1, 128, dtype=np.float32), (128, 1))
    scene = plain_scene(height, 10.0, (height > 0.5).astype(np.uint8), (height > 0.75).astype(np.int32))
    scene = replace(scene, masonry=2 * height, heads=3 * height)
    seen = set()
    for seed in range(10):
        crop = crop_scene(scene, 64, np.random.default_rng(seed))
        rising = bool(crop.height[0, -1] > crop.height[0, 0])
        seen.add(rising)
        assert (crop.segments != (crop.height > 0.5)).mean() < 0.05
        assert (crop.blocks != (crop.height > 0.75)).mean() < 0.05
        assert np.abs(crop.masonry - 2 * crop.height).max() < 0.02 and np.abs(crop.heads - 3 * crop.height).max() < 0.02
    assert seen == {True, False}


def test_gradient_of_a_plane() -> None:
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(7.0), indexing="ij")
    g = gradient((3 * x - 2 * y)[None, None])
    assert torch.allclose(g[0, 0], torch.tensor(3.0)) and torch.allclose(g[0, 1], torch.tensor(-2.0))


def test_form_loss_is_what_is_missed_at_any_size_and_twice_as_much_of_forms_twice_as_high() -> None:
    true = 20 * torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    one, all_missed = torch.ones_like(true), float(form_loss(torch.zeros_like(true), true, torch.ones_like(true)))
    assert form_loss(true + 3, true, one) == pytest.approx(0, abs=1e-6)
    assert form_loss(1.5 * true, true, one) == pytest.approx(0.25 * all_missed, rel=0.01)
    assert form_loss(-true, true, one) == pytest.approx(4 * all_missed, rel=0.01)
    assert form_loss(torch.zeros_like(true), 2 * true, one) == pytest.approx(2 * all_missed, rel=0.01)


def test_what_may_be_steep_or_flat_is_not_read_as_flat() -> None:
    """The mean of both is 2; divided by their power the best guess would be 1.2."""
    slopes = torch.stack((torch.full((2, 16, 16), 10.0), torch.full((2, 16, 16), 30.0)))
    guesses = np.arange(10.0, 31.0)
    one = torch.ones(2, 1, 16, 16)
    costs = [float(slope_loss(torch.full_like(slopes, guess), slopes, one)) for guess in guesses]
    assert guesses[np.argmin(costs)] == 15.0


def test_gradient_loss_is_what_is_missed_and_twice_as_much_of_slopes_twice_as_steep() -> None:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    plane = (8.0 * x - 4.0 * y)[None, None]
    one = torch.ones_like(plane)
    all_missed = float(gradient_loss(torch.zeros_like(plane), plane, one))
    assert gradient_loss(plane + 3, plane, one) == pytest.approx(0, abs=1e-5)
    assert gradient_loss(1.5 * plane, plane, one) == pytest.approx(0.25 * all_missed, rel=1e-3)
    assert gradient_loss(torch.zeros_like(plane), 2 * plane, one) == pytest.approx(2 * all_missed, rel=1e-3)


def test_slope_loss_of_usual_slopes_is_the_share_of_power_missed() -> None:
    one = torch.ones(2, 1, 64, 64)
    for side, flat, usual, share in SLOPE_SIZES:
        losses = []
        for power in (usual - flat, 0.0):
            true = power**0.5 * torch.randn(2, 2, 64 // side, 64 // side, generator=torch.Generator().manual_seed(0))
            true = true.repeat_interleave(side, 2).repeat_interleave(side, 3)
            assert slope_loss(true, true, one) == 0
            losses.append(float(slope_loss(torch.zeros_like(true), true, one)))
            assert slope_loss(-true, true, one) == pytest.approx(4 * losses[-1], rel=1e-4)
        assert losses[1] == 0 and losses[0] > share * (1.0 - flat / usual) * 0.9
        fine = torch.randn(2, 2, 64, 64, generator=torch.Generator().manual_seed(1))
        whole = fine + true
        assert slope_loss(whole, true, one) > slope_loss(0.5 * fine + true, true, one) > 0


def test_edges_weigh_more_and_those_most_that_the_height_lacks() -> None:
    classes = torch.zeros(1, 8, 8, dtype=torch.long)
    classes[..., 4:] = 2
    mismatch = torch.zeros(1, 4, 4, 4)
    mismatch[:, :, :2] = 0.25  # sum over the classes 1: as different as the halves of it can be
    out: Any = SimpleNamespace(mismatch=mismatch)
    none = torch.zeros(1, 1, 8, 8)
    weight = dynamic_weight(out, classes, none, none, LossWeights(edge=1.0, mismatch=2.0), 1.0)[0, 0]
    weight = weight / weight[0, 0]
    assert torch.allclose(weight[:, :4], torch.tensor(1.0)), "plain stone counts alike, whatever the photograph shows"
    assert weight[0, 7] == pytest.approx(3.0) and weight[7, 7] == pytest.approx(2.0)
    calm = dynamic_weight(out, classes, none, none, LossWeights(edge=1.0, mismatch=2.0), 0.0)[0, 0]
    assert torch.allclose(calm[:, 4:], 2 * calm[:, :4])
    joints = none.clone()
    joints[..., :2] = 1
    jointed = dynamic_weight(out, classes, joints, none, LossWeights(edge=1.0, mismatch=2.0), 1.0)[0, 0]
    assert torch.equal(jointed[:, :2], jointed[:, 6:]), "a joint counts as an edge does"
    assert jointed[0, 0] / jointed[0, 2] == pytest.approx(3.0)
    heads = none.clone()
    heads[..., :4, :4] = 1
    faced = dynamic_weight(out, classes, none, heads, LossWeights(edge=1.0, mismatch=2.0, head=3.0), 0.0)[0, 0]
    assert faced[0, 0] / faced[7, 0] == pytest.approx(4) and faced.mean() == pytest.approx(1)


def test_form_loss_asks_flat_stone_to_stay_flat() -> None:
    flat, one = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    bump = flat.clone()
    bump[..., 24:40, 24:40] = 0.3
    assert form_loss(flat, flat, one) == 0 and form_loss(bump, flat, one) > 1


def test_an_enlarged_plateau_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outline is smoothed, which must not lift what lies along it."""
    depths = []
    monkeypatch.setattr(
        "training.carving.compressed", lambda depth, mask, *_: depths.append(depth[mask]) or np.zeros_like(depth)
    )
    rng, inside = np.random.default_rng(0), _ball(60)[1]
    plateau = Shape(np.where(inside, np.float32(50.0), np.float32(-1.0)), 1, np.zeros(3, np.float32), True)
    for times in (1, 2, 3):
        carve(plateau, (60 * times, 60 * times), draw_style(rng), rng)
        np.testing.assert_allclose(depths[-1], 50.0 * times, rtol=1e-3)


def test_a_mirrored_batch_is_a_photograph_of_the_mirrored_panel() -> None:
    height = np.linspace(0.0, 8.0, 64, dtype=np.float32)[None].repeat(64, 0)
    light = np.float32([0.6, 0.0, 0.8])
    sample = Sample(height, height, *np.zeros((2, 64, 64), np.uint8), light, *np.zeros((2, 64, 64), np.uint8))
    sample.heads[:, :9], sample.joints[:, 3:6], sample.edges[:, 40:], sample.segments[:, 50:] = 1, 1, 2, 3
    batch = collate([sample])
    turned = mirrored(batch)
    for name in ("x", "height", "edges", "segments", "heads", "joints"):
        assert torch.equal(turned[name], batch[name].flip(-1)), name
    assert turned["light"].tolist() == [pytest.approx([-0.6, 0.0, 0.8])]
    assert batch["light"].tolist() == [pytest.approx([0.6, 0.0, 0.8])], "the batch itself was changed"


def test_batches_are_read_again_only_where_the_next_is_not_made_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.RESTING", 3)
    monkeypatch.setattr("training.data.MOST_READ", 3)
    monkeypatch.setattr("training.data.retouched", lambda x: x + 100.0)
    made = Event()

    def stream() -> Iterator[dict[str, Any]]:
        for number in range(3):
            yield {"x": torch.full((1, 1, 2, 2), float(number)), "light": torch.ones(1, 3)}
        made.wait(60.0)
        while True:
            yield {"x": torch.full((1, 1, 2, 2), 3.0), "light": torch.ones(1, 3)}

    taken = again(stream(), lambda batch: batch)
    read = [next(taken) for _ in range(7)]
    # The one that rested longest, not the last one, which would teach the same twice.
    assert [float(batch["x"][0, 0, 0, 0]) for batch in read] == [0, 1, 2, 100, 101, 102, 100]
    sides = [float(batch["light"][0, 0]) for batch in read]
    assert sides == [1, 1, 1, -1, -1, -1, 1]
    made.set()
    assert float(next(taken)["x"][0, 0, 0, 0]) == 3, "read three times, the first is not kept: fewer rest than shall"


def test_a_stream_that_fails_ends_the_training() -> None:
    def stream() -> Iterator[dict[str, Any]]:
        yield {"x": torch.zeros(1, 1, 128, 128), "light": torch.ones(1, 3)}
        raise OSError("the library is gone")

    taken = again(stream(), lambda batch: batch)
    next(taken)
    with pytest.raises(OSError, match="the library is gone"):
        next(taken)


def test_retouching_changes_the_photograph_and_leaves_its_carving_visible() -> None:
    torch.manual_seed(3)
    row = torch.linspace(0.0, 60.0, 128).sin()
    x = (row * row[:, None])[None, None].repeat(16, 1, 1, 1) / row.std() ** 2
    first, second = retouched(x), retouched(x)
    assert first.shape == x.shape and not torch.equal(first, second)
    np.testing.assert_allclose(first.mean((2, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(first.std((2, 3)), x.std((2, 3)), rtol=1e-5)
    faint = retouched(0.3 * x)
    np.testing.assert_allclose(faint.std((2, 3)), 0.3 * x.std((2, 3)), rtol=1e-5, err_msg="blown up, as none is read")
    assert torch.isfinite(retouched(torch.zeros(2, 1, 128, 128))).all()
    alike = [float(torch.corrcoef(torch.stack((a.ravel(), b.ravel())))[0, 1]) for a, b in zip(first, x, strict=True)]
    assert min(alike) > 0.7 and max(alike) < 0.999
    assert np.std(alike) > 0.01, "all were retouched alike"


def _face(size: int = 128) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A head without features, the same with some, and where it is; (1, 1, size, size)."""
    y, x = np.mgrid[:size, :size].astype(np.float32) - size / 2
    lump = np.exp(-(x**2 + y**2) / 900)
    features = 0.1 * np.sin(x / 4) * np.sin(y / 4)
    parts = [torch.from_numpy(a.astype(np.float32))[None, None] for a in (lump, lump + features, lump > 0.2)]
    return parts[0], parts[1], parts[2]


def _inner(heads: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(within_faces(heads[0, 0].numpy()))[None, None]


def test_a_face_that_is_a_lump_costs_an_eighth_of_a_flat_one() -> None:
    guess, true, heads = _face()
    inner = _inner(heads)
    assert 0 < inner.sum() < heads.sum(), "the outline is left out"
    lumpy, right, flat = (face_loss(a, true, inner) for a in (guess, true + 0.5, 0 * guess))
    assert float(lumpy) == pytest.approx(float(flat) / 8, rel=0.05) and right < 1e-6
    for none in (_inner(FACELESS * heads), 0 * inner):
        assert face_loss(guess, true, none) == 0.0
    two = [torch.cat((a, a)) for a in (guess, true)]
    one_of_two = face_loss(*two, torch.cat((inner, 0 * inner)))
    torch.testing.assert_close(one_of_two, lumpy, msg="photographs without a face do not thin it out")
    guess.requires_grad_()
    face_loss(guess, true, inner).backward()
    assert torch.isfinite(guess.grad).all()
    assert abs(float(guess.grad[0, 0, 5, 5])) < 1e-3 * abs(float(guess.grad[0, 0, 64, 64]))


def test_few_pixels_of_a_head_hardly_count() -> None:
    guess, true, heads = _face(256)
    inner, few = _inner(heads), torch.zeros_like(heads, dtype=torch.float32)
    few[0, 0, 120:124, 120:124] = 1.0
    steep = [10 * a for a in (guess, true)]
    assert face_loss(*steep, few) < 0.05 * face_loss(*steep, inner)
    both = face_loss(*(torch.cat((a, a)) for a in (guess, true)), torch.cat((inner, few)))
    torch.testing.assert_close(both, face_loss(guess, true, inner), rtol=0.05, atol=0.0)


def test_a_share_of_panels_and_of_temple_walls_is_flat(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.compose.TEMPLE_SHARE", share)
        composer = Composer(Library(library), np.random.default_rng(4), 96)
        scenes = [composer.compose() for _ in range(60)]
        flat = [scene for scene in scenes if not np.isin(scene.segments, (1, 2, 3)).any() and scene.height.std() < 0.1]
        assert 3 <= len(flat) <= 20
        assert any(scene.blocks.any() for scene in flat) or not share


def test_worn_faces_keep_their_heads_and_lose_their_features() -> None:
    y, x = np.mgrid[:200, :300].astype(np.float32)
    heads = np.hypot(x - 80, y - 100) < 50
    heads |= np.hypot(x - 220, y - 100) < 8  # too small to show a face
    carved = (heads * 0.5 + 0.05 * np.sin(x / 3) * np.sin(y / 3)).astype(np.float32)
    kept, seen = [], set()
    for seed in range(40):
        height = carved.copy()
        gone = wear_faces(height, heads, np.random.default_rng(seed))
        np.testing.assert_array_equal(height[~heads], carved[~heads])
        np.testing.assert_array_equal(height[:, 200:], carved[:, 200:])
        inner = np.hypot(x - 80, y - 100) < 25
        assert height[inner].mean() == pytest.approx(0.5, abs=0.02)
        kept.append(float(np.polyfit(carved[inner], height[inner], 1)[0]))
        assert not (gone & ~heads).any() and gone[inner].all() == gone[inner].any()
        seen.add(bool(gone[inner].all()))
    assert min(kept) < 0.3 and max(kept) > 0.6 and seen == {True, False}


def test_balanced_weights_are_those_of_the_classes_that_occur() -> None:
    torch.testing.assert_close(balanced(torch.tensor([70.0, 30.0, 0.0]))[:2], balanced(torch.tensor([70.0, 30.0])))


def test_balanced_weights_favour_the_rare() -> None:
    weights = balanced(torch.tensor([90.0, 10.0]))
    assert weights[1] / weights[0] == pytest.approx(3, rel=0.02) and weights.mean() == pytest.approx(1)


def test_loss_trains_every_part_and_leaves_detector_b_frozen(library: Path) -> None:
    torch.manual_seed(0)
    stream = iter(Stream(library, None, 64, seed=4, scene_px=128))
    batch = collate([next(stream) for _ in range(2)])
    network = build_network("tiny")
    network.detector_b.freeze()
    for parameter in network.matching.parameters():  # its last layer begins at zero and lets nothing through
        torch.nn.init.normal_(parameter, std=0.1)
    network.train()
    out = network(batch["x"].repeat(1, 3, 1, 1))
    loss, terms = total_loss(out, batch, network.detector_b, torch.ones(4), torch.ones(6), LossWeights(), 1.0)
    loss.backward()
    assert torch.isfinite(loss) and all(torch.isfinite(t) for t in terms.values())
    for name, parameter in network.named_parameters():
        if name.startswith("detector_b"):
            assert parameter.grad is None
        else:
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
    weight = dynamic_weight(out, batch["edges"].long(), batch["joints"], batch["heads"], LossWeights(), 1.0)
    assert weight.mean() == pytest.approx(1, abs=1e-4) and not weight.requires_grad
    assert out.slopes.shape == (2, 2, 64, 64)


def test_margins_are_strips_along_the_sides() -> None:
    drawn = [margins(100, np.random.default_rng(seed)) for seed in range(40)]
    widest = int(100 * WIDEST_MARGIN)
    assert not any(beside[widest:-widest, widest:-widest].any() for beside in drawn)
    for side in (np.s_[0, 50], np.s_[-1, 50], np.s_[50, 0], np.s_[50, -1]):
        assert 0.1 < np.mean([beside[side] for beside in drawn]) < 0.5


def test_a_margin_has_neither_carving_nor_light() -> None:
    raised, figures = np.full((64, 64), 0.7, np.float32), np.ones((64, 64), np.uint8)
    scene = plain_scene(raised, 10.0, figures, np.zeros((64, 64), np.int32))
    stone = Stone.load()
    samples = [photograph_sample(scene, stone, np.random.default_rng(seed)) for seed in range(60)]
    framed = [s for s in samples if (s.height == 0).any()]
    assert 4 < len(framed) < 20
    for sample in framed:
        beside = sample.height == 0
        away = cv2.distanceTransform((~beside).astype(np.uint8), cv2.DIST_L2, 3)
        assert (sample.height[away > MARGIN_FADE_PX] == np.float32(0.7)).all()
        steps = np.diff(sample.height, axis=0)
        assert np.abs(steps).max() <= 1.5 * 0.7 / MARGIN_FADE_PX, "the panel's height fades, without a cliff"
        assert not sample.segments[beside].any() and sample.segments[~beside].all()
        np.testing.assert_array_equal(sample.edges, soft_edge_classes(sample.height))
        assert sample.grey[beside].std() < 0.02


@pytest.mark.parametrize("size", [53, 75, 160])
def test_segments_and_blocks_stay_with_the_height_they_are_of(size: int) -> None:
    columns = np.broadcast_to(np.arange(100), (100, 100))
    scene = plain_scene(columns.astype(np.float32), 1.0, columns.astype(np.uint8), columns.astype(np.int32))
    other = resized(scene, size)
    for part in (other.segments, other.blocks):
        assert np.abs((part - other.height)[:, 2:-2].mean()) < 0.05


def test_a_sample_knows_what_is_beside_its_joints(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no edges of the carving, but where the photograph ends at a margin."""
    blocks = np.zeros((64, 64), np.int32)
    blocks[30:, 20:] = 3
    flat = np.zeros((64, 64), np.float32)
    beside = np.zeros((64, 64), bool)
    monkeypatch.setattr("training.data.margins", lambda *_: beside)
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.data.MARGIN_SHARE", share)
        beside[:, 50:] = share == 1.0
        sample = photograph_sample(
            plain_scene(flat, 10.0, flat.astype(np.uint8), blocks), Stone.load(None), np.random.default_rng(1)
        )
        assert not sample.edges.any() and not sample.joints[:25].any() and not sample.joints[36:, 26:].any()
        assert sample.joints[29:31, 20:50].all() and sample.joints[30:, 19:21].all()
        assert sample.joints[:, 50:].any() == (share == 0.0)


def test_joints_reach_as_far_as_their_edges_are_chipped_and_as_their_photograph_was_enlarged() -> None:
    blocks = np.zeros((64, 64), np.int32)
    blocks[32:] = 1
    masonry = np.zeros((64, 64), np.float32)
    masonry[20:32, 10:20] = -0.5
    scene = replace(plain_scene(0 * masonry, 10.0, blocks.astype(np.uint8) * 0, blocks), masonry=masonry)
    once, thrice = (beside_joints(scene, enlarged) > 0 for enlarged in (1.0, 3.0))
    assert once.sum(axis=0)[40] == pytest.approx(JOINT_PX, abs=1) and once[19:21, 12:18].all()
    assert thrice.sum(axis=0)[40] == pytest.approx(3 * JOINT_PX, abs=1) and not once[:19].any()


def test_sunk_figures_lie_below_the_slab_as_deep_as_they_are_high() -> None:
    height = np.zeros((40, 60), np.float32)
    height[5:30, 5:20] = np.linspace(0.0, 0.4, 25, dtype=np.float32)[:, None]
    height[5:30, 30:50] = np.linspace(0.0, 1.0, 25, dtype=np.float32)[:, None]
    figures = height > 0
    before = height.copy()
    _sink(height, figures, np.random.default_rng(0))
    assert not height[~figures].any()
    for columns in (slice(5, 20), slice(30, 50)):
        top = height[5:30, columns].max()
        assert abs(top) < 0.2 * before[5:30, columns].max()


def test_thin_things_are_no_fins(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spear in deep carving stands out by little more than it is wide, a figure as it would."""
    monkeypatch.setattr("training.compose.carve", lambda shape, size, *_: (np.ones(size, np.float32),) * 2)
    composer = Composer(Library(library), np.random.default_rng(0), 200)
    style = replace(draw_style(np.random.default_rng(0), False), level=False, depth_ratio=0.4)
    tops = []
    for width in (8, 90):
        height, segments = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.uint8)
        shape = replace(composer.library.draw(composer.rng, "object"), height=np.ones((160, width), np.float32))
        composer._place(height, segments, shape, style, 100.0, 180.0, 160, 0.0, 1.0)
        tops.append(float(np.median(height[height > 0])))
    assert tops[0] == pytest.approx(LEAST_THIN, rel=0.01)
    assert tops[1] == pytest.approx(min(DEEPEST * 45 / (0.4 * 200), 1.0), rel=0.1)


def test_feet_stand_on_their_ledge_or_before_it(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.compose.carve", lambda shape, size, *_: (np.full(size, 0.2, np.float32),) * 2)
    composer = Composer(Library(library), np.random.default_rng(0), 100)
    style = replace(draw_style(np.random.default_rng(0), False), level=False, depth_ratio=0.1)
    height, segments = np.zeros((100, 100), np.float32), np.zeros((100, 100), np.uint8)
    height[80:], composer.ledges[80:] = 0.6, True
    shape = replace(composer.library.draw(composer.rng, "object"), height=np.ones((50, 40), np.float32))
    composer._place(height, segments, shape, style, 50.0, 90.0, 50, 0.0, 1.0)
    assert height[80:].min() >= 0.6 - 1e-6 and 0.0 < height[60, 50] < 0.3


def test_a_scene_seen_smaller_keeps_its_proportions(library: Path) -> None:
    scene = Composer(Library(library), np.random.default_rng(4), 128).compose()
    small = resized(scene, 80)
    assert small.height.shape == small.segments.shape == small.blocks.shape == (80, 80)
    assert small.depth_px / 80 == pytest.approx(scene.depth_px / 128)
    assert small.height.mean() == pytest.approx(float(scene.height.mean()), abs=0.01)


def test_some_photographs_are_taken_small_and_enlarged(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An enlarged photograph has next to nothing of the finest frequencies, and its truth is that of the full size."""
    scene = Composer(Library(library), np.random.default_rng(1), 128).compose()
    fine = []
    for share in (0.0, 1.0):
        monkeypatch.setattr("training.data.ENLARGED_SHARE", share)
        monkeypatch.setattr("training.data.MARGIN_SHARE", 0.0)
        samples = [photograph_sample(scene, Stone.load(None), np.random.default_rng(seed)) for seed in range(8)]
        assert all(s.grey.shape == s.height.shape == s.edges.shape == (128, 128) for s in samples)
        assert all(s.grey.min() >= 0 and s.grey.max() <= 1 for s in samples)
        spectra = [np.abs(np.fft.fft2(s.grey - s.grey.mean())) ** 2 for s in samples]
        fine.append(np.mean([s[40:89].sum() / s.sum() for s in spectra]))
    assert fine[1] < 0.67 * fine[0]
