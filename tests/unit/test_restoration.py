"""Straightening, evening of light and removal of dust, on pictures whose right answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.errors import ReliefError
from inference.photo import photo_from_array
from inference.restoration import Preparation, even_light, find_dust, ordered, panel_aspect, prepare, remove_dust
from inference.settings import PreparationSettings


def camera(aspect: float, focal: float, tilt: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """Corners of a panel 2 * aspect wide and 2 high as a pinhole camera sees it, from the top left, clockwise."""
    corners = np.array([(-aspect, -1, 0), (aspect, -1, 0), (aspect, 1, 0), (-aspect, 1, 0)], float)
    a, b = tilt
    turn_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    seen = corners @ (turn_x @ turn_y).T + (0, 0, 2.2 * max(aspect, 1) * focal / max(size))
    return focal * seen[:, :2] / seen[:, 2:] + np.array(size) / 2


def picture(rows: int = 300, columns: int = 400) -> np.ndarray:
    """Soft blobs, brighter to the right and below, so that no side can be taken for another."""
    rng = np.random.default_rng(2)
    noise = cv2.GaussianBlur(rng.random((rows, columns), np.float32), (0, 0), 6.0)
    noise = (noise - noise.min()) / np.ptp(noise)
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    return (0.2 + 0.4 * noise + 0.2 * x + 0.1 * y).astype(np.float32)


@pytest.mark.parametrize("aspect", [0.6, 1.0, 2.5])
@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.5, 0.0), (0.4, -0.3)])
def test_proportions_are_found_from_the_corners(aspect: float, tilt: tuple[float, float]) -> None:
    size = (1600, 1200)
    quad = camera(aspect, 1.2 * 1600, tilt, size)
    assert panel_aspect(quad, size) == pytest.approx(aspect, rel=0.02)


def test_focal_length_is_found_where_both_ways_are_tilted() -> None:
    quad = camera(1.5, 2.4 * 1600, (0.5, 0.4), (1600, 1200))
    assert panel_aspect(quad, (1600, 1200)) == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize("tilt", [(0.35, 0.0), (0.0, 0.35), (0.5, 0.0)])
def test_uncertain_clicks_on_a_panel_tilted_one_way_tell_no_focal_length(tilt: tuple[float, float]) -> None:
    size = (3000, 2000)
    quad = camera(1.4, 1.2 * 3000, tilt, size)
    rng = np.random.default_rng(0)
    found = [panel_aspect(quad + rng.normal(0.0, 2.0, quad.shape), size) for _ in range(100)]
    assert np.abs(np.array(found) / 1.4 - 1.0).max() < 0.08


def test_corners_come_in_any_order() -> None:
    quad = np.array([(10, 20), (300, 5), (310, 220), (0, 200)], float)
    for order in ((0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)):
        np.testing.assert_array_equal(ordered(quad[list(order)]), quad)


@pytest.mark.parametrize("mirrored", [False, True])
def test_corners_of_a_panel_above_the_eye_seen_along_its_wall(mirrored: bool) -> None:
    """3 x 1 m at 3 m, from its right: the corner that is furthest to the upper left is the panel's top right one."""
    quad = np.array([(1711, 2126), (3159, 549), (3608, 1265), (1655, 2787)], float)
    if mirrored:
        quad = quad[[1, 0, 3, 2]] * (-1, 1) + (4000, 0)
    np.testing.assert_array_equal(ordered(quad[[2, 0, 3, 1]]), quad)


@pytest.mark.parametrize(
    "corners", [[(0, 0), (100, 0), (50, 30), (50, 100)], [(0, 0), (50, 0), (100, 0), (100, 100)], [(0, 0)] * 4]
)
def test_corners_that_make_no_panel(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(ReliefError, match="corners"):
        ordered(np.array(corners, float))


def test_straightened_panel_is_the_panel() -> None:
    panel = picture()
    rows, columns = panel.shape
    quad = np.array([(90, 70), (480, 110), (450, 400), (60, 430)], np.float32)
    flat = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    matrix = cv2.getPerspectiveTransform(flat - 0.5, quad - 0.5)
    photo = cv2.warpPerspective(panel, matrix, (600, 500), flags=cv2.INTER_CUBIC)
    corners = tuple((float(x) / 600, float(y) / 500) for x, y in quad[[1, 0, 2, 3]])
    settings = PreparationSettings(aspect=columns / rows)
    original = photo_from_array((photo * 255).astype(np.uint8), "skewed")
    straight = prepare(original, Preparation(settings, corners))
    assert straight.grey.shape[1] / straight.grey.shape[0] == pytest.approx(columns / rows, rel=0.01)
    assert straight.colour.shape == (*straight.grey.shape, 3)
    same = cv2.resize(straight.grey, (columns, rows), interpolation=cv2.INTER_AREA)
    assert np.abs(same - panel)[4:-4, 4:-4].max() < 0.03
    assert straight.sha256 != original.sha256


def test_crop_keeps_the_pixels() -> None:
    photo = photo_from_array((picture() * 255).astype(np.uint8), "photo")
    corners = ((0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8))
    cropped = prepare(photo, Preparation(PreparationSettings(aspect=200 / 180), corners))
    np.testing.assert_allclose(cropped.grey, photo.grey[60:240, 100:300], atol=1e-4)


@pytest.mark.parametrize("aspect", [0.5, 0.0, 5.0])
def test_a_straightened_panel_keeps_the_largest_side(aspect: float) -> None:
    photo = photo_from_array((picture() * 255).astype(np.uint8), "photo")
    preparation = Preparation(PreparationSettings(aspect=aspect), ((0.05, 0.02), (0.5, 0.3), (0.5, 0.7), (0.05, 0.98)))
    free, kept = prepare(photo, preparation).grey.shape, prepare(photo, preparation, max_size=350).grey.shape
    assert max(free) > 360 and max(kept) == 350
    assert kept[1] / kept[0] == pytest.approx(free[1] / free[0], rel=0.02)
    assert prepare(photo, preparation, max_size=9000).grey.shape == free
    with pytest.raises(ReliefError, match="or a larger size if one is given"):
        prepare(photo, preparation, max_size=63)


def test_a_straightened_panel_is_reduced_as_a_photograph_is() -> None:
    """Each pixel of its own: picked out of finer ones they would be a chance pattern."""
    fine = np.random.default_rng(3).random((400, 400), np.float32)
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    reduced = prepare(photo_from_array(fine, "p"), Preparation(PreparationSettings(aspect=1.0), corners), max_size=100)
    np.testing.assert_allclose(reduced.grey, cv2.resize(fine, (100, 100), interpolation=cv2.INTER_AREA), atol=0.01)


def test_too_small_a_panel() -> None:
    photo = photo_from_array((picture() * 255).astype(np.uint8), "photo")
    with pytest.raises(ReliefError, match="further apart"):
        prepare(photo, Preparation(corners=((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))))


def test_light_is_evened_and_detail_stays() -> None:
    rng = np.random.default_rng(5)
    detail = 0.05 * rng.standard_normal((300, 400)).astype(np.float32)
    fall = np.linspace(0.8, 0.2, 400, dtype=np.float32)[None]
    photo = np.clip(fall * (1 + detail), 0, 1)
    colour = np.repeat(np.rint(photo[..., None] * 255).astype(np.uint8), 3, 2)
    grey, evened = even_light(photo, colour, 1.0)
    left, right = grey[:, 40:120].mean(), grey[:, 280:360].mean()
    assert left / right < 1.35 < photo[:, 40:120].mean() / photo[:, 280:360].mean()
    assert np.corrcoef((grey / grey.mean(0)).ravel(), detail.ravel())[0, 1] > 0.95
    assert np.abs(evened[..., 1] / 255 - grey).max() < 0.02
    half, _ = even_light(photo, colour, 0.5)
    assert left / right < half[:, 40:120].mean() / half[:, 280:360].mean() < 3


@pytest.mark.parametrize("tone", [0.0, 0.15, 0.75, 1.0])
def test_light_is_evened_on_the_panel_alone(tone: float) -> None:
    """A background around it is no dark that it lies in."""
    detail = 0.05 * np.random.default_rng(5).standard_normal((200, 200)).astype(np.float32)
    panel = 0.45 * (1 + detail)
    photo = np.full((400, 400), tone, np.float32)
    photo[100:300, 100:300] = panel
    colour = np.repeat(np.rint(photo[..., None] * 255).astype(np.uint8), 3, 2)
    grey, evened = even_light(photo, colour, 1.0)
    seen = grey[100:300, 100:300]
    assert np.abs(cv2.GaussianBlur(seen, (0, 0), 8) / 0.45 - 1).max() < 0.1
    assert (grey[:90] == tone).all() and (evened[:90] == round(255 * tone)).all()
    assert np.corrcoef(seen.ravel(), detail.ravel())[0, 1] > 0.95


def dusty(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photograph with white specks, black specks and a scratch, and where they are."""
    cover = np.zeros(photo.shape, np.uint8)
    rng = np.random.default_rng(7)
    for _ in range(30):
        cv2.circle(cover, (int(rng.integers(10, 390)), int(rng.integers(10, 290))), 1, 255, -1)
    cv2.line(cover, (30, 40), (330, 120), 255, 1)
    spoilt = photo.copy()
    spoilt[cover > 0] = 0.98
    spoilt[150:][cover[150:] > 0] = 0.02
    return spoilt, cover > 0


def test_dust_goes_and_the_rest_stays() -> None:
    photo = picture()
    spoilt, cover = dusty(photo)
    colour = np.repeat(np.rint(spoilt[..., None] * 255).astype(np.uint8), 3, 2)
    clean, clean_colour = remove_dust(spoilt, colour, 0.5)
    assert np.abs(clean - photo)[cover].mean() < 0.1 * np.abs(spoilt - photo)[cover].mean()
    assert np.abs(clean_colour[..., 0] / 255 - photo)[cover].mean() < 0.1 * np.abs(spoilt - photo)[cover].mean()
    touched = clean != spoilt
    assert touched[~cv2.dilate(cover.astype(np.uint8), np.ones((5, 5))).astype(bool)].mean() < 0.001


@pytest.mark.parametrize("times", [3, 6])
def test_dust_of_a_large_scan_is_as_wide_as_its_pixels_are_many(times: int) -> None:
    spoilt, cover = dusty(picture())
    size = (400 * times, 300 * times)
    large = cv2.resize(spoilt, size, interpolation=cv2.INTER_LINEAR)
    there = cv2.resize(cover.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    assert find_dust(large, 0.5)[there].mean() > 0.9


def test_the_thin_parts_of_a_cut_out_are_no_dust() -> None:
    """A staff before nothing stays, and a rim; dust within goes as ever."""
    spoilt, cover = dusty(picture())
    opaque = np.zeros(spoilt.shape, bool)
    opaque[40:280, 60:360] = True
    opaque[:, 20:24] = True
    spoilt = np.where(opaque, spoilt, 0.0).astype(np.float32)
    spoilt[:, 20:24] = 0.6
    colour = np.where(opaque, np.rint(spoilt * 255), 128).astype(np.uint8)[..., None].repeat(3, 2)
    clean, clean_colour = remove_dust(spoilt, colour, 1.0, opaque)
    np.testing.assert_array_equal(clean[:, 20:24], spoilt[:, 20:24])
    np.testing.assert_array_equal(clean[~opaque], 0.0)
    np.testing.assert_array_equal(clean_colour[~opaque], 128)
    rim = opaque & ~cv2.dilate(cover.astype(np.uint8), np.ones((5, 5))).astype(bool)
    rim &= cv2.erode(opaque.astype(np.uint8), np.ones((5, 5))) == 0
    assert (clean != spoilt)[rim].mean() < 0.01
    within = cover & opaque
    within[:, :30] = False
    assert np.abs(clean - picture())[within].mean() < 0.1 * np.abs(spoilt - picture())[within].mean()


def test_the_dots_of_a_print_are_no_dust() -> None:
    y, x = np.mgrid[:300, :400]
    screen = 0.25 * (np.cos(2 * np.pi * (x + y) / 8.0) + np.cos(2 * np.pi * (x - y) / 8.0))
    printed = cv2.GaussianBlur((picture() + screen > 0.5).astype(np.float32), (0, 0), 1.0)
    colour = np.repeat(np.rint(printed[..., None] * 255).astype(np.uint8), 3, 2)
    assert (find_dust(printed, 1.0) > 0).mean() > 0.1
    clean, _ = remove_dust(printed, colour, 1.0)
    assert (clean != printed).mean() < 0.02


def test_carving_is_no_dust() -> None:
    """A bright ring as large as an eye, a lit ledge and rough stone all stay."""
    rng = np.random.default_rng(8)
    photo = picture() + 0.04 * rng.standard_normal((300, 400)).astype(np.float32)
    cv2.circle(photo, (200, 150), 12, 0.95, 5)
    photo[60:72] = 0.9
    assert find_dust(np.clip(photo, 0, 1), 0.5).mean() < 0.002


def test_around_a_negative_that_was_cut_out_is_nothing() -> None:
    picture = np.full((80, 96, 4), 0.2, np.float32)
    picture[..., 3] = 1.0
    picture[:, 60:, 3] = 0.0
    photo = prepare(photo_from_array(picture, "plate"), Preparation(negative=True))
    np.testing.assert_allclose(photo.grey[:, :60], 0.8, atol=1e-6)
    assert not photo.grey[:, 60:].any() and (photo.colour[:, 60:] == 128).all()


def test_a_negative_is_turned_round_and_grey() -> None:
    shades = np.tile(np.linspace(0.1, 0.9, 96, dtype=np.float32), (80, 1))
    tinted = (shades[..., None] * (230, 255, 200)).astype(np.uint8)
    photo = photo_from_array(tinted, "plate")
    positive = prepare(photo, Preparation(negative=True))
    np.testing.assert_allclose(positive.grey, 1.0 - photo.grey, atol=1e-6)
    assert np.abs(positive.colour - 255.0 * positive.grey[..., None]).max() <= 0.51
    assert positive.sha256 != photo.sha256 and Preparation(negative=True).to_mapping()["negative"] is True


def test_nothing_to_do_gives_the_same_photo() -> None:
    photo = photo_from_array((picture() * 255).astype(np.uint8), "photo")
    assert prepare(photo, Preparation()) is photo


@pytest.mark.parametrize("page", [None, 0.75])
def test_even_light_stays_as_it_is_on_black_and_on_a_page(page: float | None) -> None:
    """The ground of a picture on a page does not reach the photograph's border."""
    y, x = np.mgrid[:500, :500]
    coin = np.hypot(y - 250, x - 250) < 150
    rng = np.random.default_rng(3)
    grey = np.where(coin, 0.5 + 0.05 * rng.standard_normal((500, 500)), 0.02)
    if page:
        picture = np.zeros(grey.shape, bool)
        picture[60:440, 60:440] = True
        grey = np.where(picture, grey, page + 0.004 * rng.standard_normal((500, 500)))
    grey = grey.clip(0.0, 1.0).astype(np.float32)
    evened, _ = even_light(grey, np.repeat(np.rint(grey * 255).astype(np.uint8)[..., None], 3, 2), 1.0)
    assert np.abs(evened - grey)[np.hypot(y - 250, x - 250) < 135].max() < 0.03
