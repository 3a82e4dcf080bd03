"""Rendering meshes to height maps, and shapes made by rule."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from training import bodies, body_model, dress, faces, height_maps, people, procedural
from training.library import OUTSIDE, STEPS_PER_PX, packed, unpacked

# a box 4 wide, 2 high, 1 deep, with a peg of size 1 standing out by 2 at its upper right front corner
BOX = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def _box(low: tuple[float, float, float], high: tuple[float, float, float], first: int) -> tuple[list, list]:
    corners = [(x, y, z) for z in (low[2], high[2]) for y in (low[1], high[1]) for x in (low[0], high[0])]
    triangles = [t for a, b, c, d in BOX for t in ((a, b, c), (a, c, d))]
    return corners, [[i + first for i in t] for t in triangles]


def _pegged_box() -> height_maps.Mesh:
    corners, triangles = _box((0, 0, 0), (4, 2, 1), 0)
    more, extra = _box((3, 1, 1), (4, 2, 3), 8)
    return height_maps.Mesh(np.array(corners + more, float), np.array(triangles + extra))


def test_front_view_has_right_at_right_and_up_at_top() -> None:
    canvas = height_maps.render_mesh(_pegged_box(), 88)  # margin 4: 80 pixels for 4 units, 20 a unit
    assert canvas.shape == (48, 88)
    assert canvas[14, 74] == pytest.approx(60)  # the peg's front, z = 3
    assert canvas[34, 74] == pytest.approx(20)
    assert canvas[14, 14] == pytest.approx(20)
    assert canvas[2, 2] < procedural.EMPTY / 2


def test_yaw_turns_the_front_to_the_right_and_pitch_looks_from_above() -> None:
    front = np.array([0.0, 0.0, 1.0])
    assert height_maps.view_matrix(90, 0) @ front == pytest.approx([1, 0, 0])
    assert height_maps.view_matrix(0, 90) @ front == pytest.approx([0, -1, 0])
    assert height_maps.view_matrix(0, 90) @ np.array([0.0, 1.0, 0.0]) == pytest.approx([0, 0, 1])


def test_sphere_depth() -> None:
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 65), np.linspace(0, np.pi, 33))
    vertices = np.stack([np.sin(b) * np.cos(a), np.cos(b), np.sin(b) * np.sin(a)], -1).reshape(-1, 3)
    i = (np.arange(32)[:, None] * 65 + np.arange(64)).reshape(-1)
    triangles = np.concatenate([np.stack([i, i + 1, i + 65], 1), np.stack([i + 1, i + 66, i + 65], 1)])
    canvas = height_maps.render_mesh(height_maps.Mesh(vertices, triangles), 208)  # radius 100, centre (104, 104)
    assert canvas[104, 104] == pytest.approx(100, abs=0.7)
    assert canvas[104, 164] == pytest.approx(80, abs=0.7)
    assert canvas[44, 104] == pytest.approx(80, abs=0.7)


def test_halving_halves_height_and_keeps_the_silhouette() -> None:
    canvas = procedural.new_canvas(4, 6)
    canvas[:, 2:4] = 8.0
    canvas[0, 0] = 5.0  # one of four pixels: dropped
    assert height_maps.halve(canvas)[:, 1] == pytest.approx([4, 4])
    assert height_maps.halve(canvas)[0, 0] < procedural.EMPTY / 2


def test_crop_starts_at_one_and_moves_the_head() -> None:
    canvas = procedural.new_canvas(40, 50)
    canvas[10:30, 20:45] = 7.0
    canvas[10, 20] = 9.0
    cropped = height_maps.crop(canvas, (25.0, 12.0, 3.0))
    assert cropped is not None
    height, head = cropped
    assert height.shape == (20, 25)
    assert (height[0, 0], height[5, 5]) == (3.0, 1.0)
    assert head == (5.0, 2.0, 3.0)


def test_loop_subdivision_of_a_closed_mesh_shrinks_it_and_keeps_its_centre() -> None:
    corners, triangles = _box((-1, -1, -1), (1, 1, 1), 0)
    matrix, finer = height_maps.loop_matrix(np.array(triangles), 8)
    vertices = matrix @ np.array(corners, float)
    assert vertices.shape == (8 + 18, 3)
    assert finer.shape == (48, 3)
    assert np.asarray(matrix.sum(1)).ravel() == pytest.approx(np.ones(26))
    assert np.abs(vertices).max() <= 1.0
    assert np.linalg.norm(vertices[:8], axis=1).max() < 1.5  # corners were at 1.73


@pytest.mark.parametrize("kind", procedural.ORNAMENTS)
def test_ornaments_are_carved_patterns(kind: str) -> None:
    pattern = procedural.ornament(kind, 60, 90, 12.0, np.random.default_rng(3))
    assert pattern.shape == (60, 90)
    assert pattern.dtype == np.float32
    assert pattern.min() >= 0 and pattern.max() <= 1
    assert pattern.std() > 0.05


def test_unknown_ornament_is_refused() -> None:
    with pytest.raises(ValueError, match="ornament"):
        procedural.ornament("plaid", 8, 8, 4.0, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["tree", "lotus", "pavilion", "tower", "ladder", "vase", "elephant"])
def test_made_shapes_stand_on_the_lower_rim(name: str) -> None:
    canvas, _ = procedural.make(name, 160, np.random.default_rng(2))
    drawn = canvas > procedural.EMPTY / 2
    assert max(canvas.shape) == 160
    assert 0.02 < drawn.mean() <= 1
    if name != "lotus":
        assert np.flatnonzero(drawn.any(1)).max() > canvas.shape[0] - 16


def test_same_seed_same_shape() -> None:
    first, _ = procedural.make("tree", 120, np.random.default_rng(5))
    again, _ = procedural.make("tree", 120, np.random.default_rng(5))
    assert np.array_equal(first, again)


def test_faces_are_carved_alike_on_both_sides_and_nowhere_else() -> None:
    model = SimpleNamespace(bone={"eye.L": 0, "eye.R": 1, "oris05": 2})
    joints = np.array([(0.31, 7.28, 1.25), (-0.31, 7.28, 1.25), (0.0, 6.75, 1.56)])
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-0.8, 0.8, 81), np.linspace(6.0, 8.4, 121)))
    front, back = np.stack((x, y, 0 * x + 1.4), 1), np.stack((x, y, 0 * x - 0.4), 1)
    carved = faces.carved_face(front, joints, model, np.random.default_rng(1)).reshape(121, 81)
    assert np.allclose(carved, carved[:, ::-1])
    rows, _ = np.nonzero(np.abs(carved) > 1e-3)
    assert 0.01 < carved.max() < 0.15
    assert 6.5 < np.linspace(6.0, 8.4, 121)[rows].min() < 6.7  # mouth
    assert 7.4 < np.linspace(6.0, 8.4, 121)[rows].max() < 8.0  # brows
    assert not faces.carved_face(back, joints, model, np.random.default_rng(1)).any()


def test_heights_on_disk_are_finer_than_a_half_float() -> None:
    height = np.array([[OUTSIDE, 1.0], [300.1, 999.9]], np.float32)
    again = unpacked(packed(height))
    assert again[0].tolist() == [OUTSIDE, 1.0]
    assert np.abs(again - height).max() <= 0.5 / STEPS_PER_PX


def test_what_lies_far_behind_keeps_its_form() -> None:
    canvas = procedural.new_canvas(20, 20)
    canvas[5:15, 5:15] = np.arange(10, dtype=np.float32)
    canvas[9:11, 9:11] = 900.0
    height, _ = height_maps.crop(canvas, (-1.0, -1.0, -1.0))
    assert height[0].tolist() == list(range(1, 11))
    assert height.max() == 901.0


def test_a_face_is_seen_where_nothing_lies_before_its_joints() -> None:
    canvas = np.full((20, 30), 5.0, np.float32)
    face = np.array([(10.0, 5.0, 3.0), (16.2, 5.0, 3.0), (13.0, 12.0, 3.5)])
    assert faces.in_front(canvas, face, 2.5)
    canvas[3:8, 14:19] = 9.0  # a hand before an eye
    assert not faces.in_front(canvas, face, 2.5) and faces.in_front(canvas, face, 6.5)
    assert not faces.in_front(canvas, face + (20.0, 0.0, 0.0), 99.0), "beyond the canvas"
    assert not faces.in_front(canvas, face - (0.0, 6.0, 0.0), 99.0)


def test_most_bodies_are_turned_so_that_their_faces_are_seen() -> None:
    rng = np.random.default_rng(1)
    turned = np.abs([bodies._random_yaw(rng) for _ in range(2000)])
    assert (turned < 50).mean() > 0.75 and 0.08 < ((turned > 70) & (turned < 110)).mean() < 0.18


def test_a_profile_shows_its_face_with_the_near_eye_and_mouth() -> None:
    canvas = np.full((20, 30), 5.0, np.float32)
    face = np.array([(10.0, 5.0, 3.0), (11.0, 5.0, -9.0), (8.0, 12.0, 1.0), (8.0, 12.0, 3.0), (8.0, 12.0, -2.0)])

    def shown(yaw: float, pitch: float = 0.0, most: float = 2.5) -> bool:
        view = height_maps.view_matrix(yaw, pitch)
        return faces.shows_face(canvas, face, view[:, 2], view[:, 0], most)

    assert shown(-60) and shown(-90) and shown(-97), "its left eye is near"
    assert not shown(60) and not shown(90), "the right eye would be near, and lies deep"
    assert not shown(0) and not shown(-50), "both eyes are wanted"
    assert not shown(-105) and not shown(0, 90) and not shown(0, -90), "turned away, bowed, thrown back"
    canvas[3:8, 8:13] = 9.0  # a hand before the eye
    assert not shown(-90) and shown(-90, most=6.5)


def test_beards_lie_on_what_is_before_them_unless_it_is_far_before() -> None:
    canvas = np.full((4, 5), 6.0, np.float32)
    canvas[0, 0], canvas[3, 4] = procedural.EMPTY, 90.0
    points = np.array([(0.0, 0.0, 2.0), (1.0, 0.0, 2.0), (1.2, 2.0, 8.0), (4.0, 3.0, 2.0), (9.0, 0.0, 5.0)])
    assert bodies._laid_on(canvas, points, 10.0).tolist() == [2.0, 6.0, 8.0, 2.0, 6.0]


def _posing(names: tuple[str, ...]) -> SimpleNamespace:
    """A model of straight rest rotations with just the bones that poses name."""
    bones = ["root", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "head", "wrist.L", "wrist.R"]
    bones += [f"finger{i}-{k}.{side}" for i in range(1, 6) for k in range(1, 4) for side in "LR"]
    return SimpleNamespace(
        bones=bones,
        bone={name: i for i, name in enumerate(bones)},
        directed={name: {"legL": [[0, -1, 0]], "legR": [[0, -1, 0]]} for name in names},
        recorded={},
        rotations=lambda spec, joints: np.tile(np.eye(3), (len(bones), 1, 1)),
    )


def test_poses_sit_and_are_composite_as_often_as_in_real_reliefs_and_held_out_ones_stay_so() -> None:
    model = _posing((*people.STANDING, "dance", "archer", "seiza", "rajalila", "bhumisparsa"))
    rng = np.random.default_rng(2)
    joints = rng.normal(0, 1, (len(model.bones), 3))
    drawn = [people.random_pose(model, joints, rng, False) for _ in range(600)]
    assert not {name for _, name, _ in drawn} & height_maps.HELD_OUT
    assert {people.random_pose(model, joints, rng, True)[1] for _ in range(40)} <= height_maps.HELD_OUT
    assert 0.34 < np.mean([name in people.SEATED for _, name, _ in drawn]) < 0.46
    standing = [(rotations, turned) for rotations, name, turned in drawn if name in people.STANDING]
    composite = [(rotations, turned) for rotations, turned in standing if turned]
    assert 0.14 < len(composite) / len(standing) < 0.27
    assert not any(turned for _, name, turned in drawn if name not in people.STANDING)

    def heading(rotations: body_model.Rotations, *bones: str) -> float:
        ahead = np.array([0.0, 0.0, 1.0])
        for bone in reversed(bones):
            ahead = rotations[model.bone[bone]] @ ahead
        return float(np.degrees(np.arctan2(ahead[0], ahead[2])))

    spine = ("root", "spine04", "spine03", "spine02", "spine01")
    for rotations, turned in composite:
        assert 60 <= abs(turned) <= 85
        assert heading(rotations, *spine) == pytest.approx(0, abs=1e-6), "the chest stays"
        assert heading(rotations, *spine, "neck01", "neck02", "head") == pytest.approx(turned, abs=4)
        assert 0.6 <= heading(rotations, "root") / turned <= 1.0, "legs turn with the head"


def _skull() -> np.ndarray:
    """An egg of a head, 2.2 high from its chin at 0: 0.75 wide and 0.95 deep to each side, its face to z > 0."""
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 60, endpoint=False), np.linspace(0, np.pi, 40))
    egg = (0.75 * np.sin(b) * np.sin(a), 1.1 + 1.1 * np.cos(b), 0.95 * np.sin(b) * np.cos(a))
    return np.stack(egg, -1).reshape(-1, 3)


@pytest.mark.parametrize("composite", [False, True])
def test_headgear_leaves_brows_free_and_half_of_it_is_high(composite: bool) -> None:
    skull, eyes, high = _skull(), 1.15, []
    for seed in range(150):
        worn = dress.Dressing()
        dress.add_headgear(skull, eyes, np.ones(len(skull)), np.random.default_rng(seed), worn, True, composite)
        spheres = [(c, r) for centres, radii, _ in worn.items for c, r in zip(centres, radii, strict=True)]
        high.append(max([c[1] + r for c, r in spheres], default=2.2) > 2.2 + 0.5)
        lowest = [c[1] - r for c, r in spheres if c[2] > 0.6 and abs(c[0]) < 0.5]
        assert min(lowest, default=9.0) > eyes + 0.28, "where carved brows are"
    assert 0.45 < np.mean(high) < 0.8


def test_earrings_hang_beneath_the_ears_outside_of_the_jaw_and_alike() -> None:
    lobes = np.array([(0.73, 3.96, 0.5), (-0.73, 3.96, 0.5)])
    for seed in range(30):
        worn = dress.Dressing()
        dress.add_earrings(lobes, np.random.default_rng(seed), worn)
        left, right = (centres for centres, _, _ in worn.items)
        assert np.allclose(left * (-1, 1, 1), right)
        assert 0.4 < 3.96 - left[:, 1].min() < 1.0, "toward the shoulders"
        assert left[:, 1].max() < 3.96 + 0.01 and left[:, 0].min() > 0.6 and left[:, 2].max() < 0.75
        steps = np.linalg.norm(np.diff(left, axis=0), axis=1)
        assert (steps < 2 * worn.items[0][1][:-1]).all(), "beads touch"


@pytest.mark.parametrize("long", [False, True])
def test_beards_leave_the_lips_free_and_have_depth_in_profile(long: bool) -> None:
    skull, mouth = _skull(), np.array([0.0, 0.55, 0.8])
    for seed in range(20):
        worn, hanging = dress.Dressing(), dress.Dressing()
        dress.add_beard(skull, mouth, np.ones(len(skull)), long, np.random.default_rng(seed), worn, hanging)
        rows = np.concatenate([centres for centres, _, _ in hanging.items])
        assert rows[:, 1].max() + hanging.items[0][1][0] < mouth[1] - 0.15
        assert np.ptp(rows[:, 2]) > 0.5
        assert rows[:, 1].min() < (-0.9 if long else -0.1)
        on_jaw = worn.items[0][0]
        assert not ((np.abs(on_jaw[:, 0]) < 0.2) & (on_jaw[:, 2] > 0.5) & (on_jaw[:, 1] > mouth[1] - 0.3)).any()
