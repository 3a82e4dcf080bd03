"""What lies beside a panel, told from what may be stone."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference.background import at_size, find_box, find_panel
from inference.photo import photo_from_array


def stone(rows: int, columns: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (0.45 + 0.1 * rng.standard_normal((rows, columns))).clip(0.2, 0.8).astype(np.float32)


@pytest.mark.parametrize("tone", [0.0, 0.03, 0.95, 1.0])
@pytest.mark.parametrize("scale", [1, 5])
def test_a_panel_on_black_or_white_is_found(tone: float, scale: int) -> None:
    grey = np.full((200 * scale, 240 * scale), tone, np.float32)
    grey += 0.006 * np.random.default_rng(2).standard_normal(grey.shape).astype(np.float32)
    inside = np.zeros(grey.shape, bool)
    inside[40 * scale : 150 * scale, 60 * scale : 200 * scale] = True
    grey[inside] = stone(*grey.shape)[inside]
    found = find_panel(grey.clip(0.0, 1.0))
    assert found is not None
    size = inside.shape[::-1]
    found = cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    assert (found & ~inside).sum() < 0.05 * inside.sum() and found[inside].mean() > 0.99


@pytest.mark.parametrize("brightness", [0.5, 1.0, 1.6])
def test_what_is_cut_out_by_its_transparency_is_found(brightness: float) -> None:
    y, x = np.mgrid[:240, :300].astype(np.float32)
    opacity = np.clip((1.0 - ((x - 150) / 110) ** 2 - ((y - 120) / 90) ** 2) * 40 + 0.5, 0.0, 1.0)
    cut = np.dstack([brightness * stone(240, 300)] * 3 + [opacity])
    photo = photo_from_array(np.rint(255 * cut.clip(0.0, 1.0)).astype(np.uint8), "cut")
    panel = at_size(find_panel(photo.grey), photo.grey)
    assert panel is not None and (panel != (opacity > 0.5)).mean() < 0.01


@pytest.mark.parametrize("brightness", [0.02, 0.2, 1.0])
def test_a_cut_out_is_its_own_panel_however_dark_or_small(brightness: float) -> None:
    y, x = np.mgrid[:240, :300]
    shown = np.hypot(y - 80, x - 200) < 40
    cut = np.dstack([brightness * stone(240, 300)] * 3 + [shown])
    photo = photo_from_array(np.rint(255 * cut.clip(0.0, 1.0)).astype(np.uint8), "cut")
    panel = at_size(find_panel(photo.grey, photo.opaque), photo.grey, exact=True)
    np.testing.assert_array_equal(panel, shown)
    rows, columns = find_box(photo.grey, photo.opaque)
    assert (rows.start, rows.stop, columns.start, columns.stop) == pytest.approx((41, 120, 161, 240), abs=1)


def test_stone_alone_and_its_shadows_are_all_panel() -> None:
    grey = stone(300, 300)
    assert find_panel(grey) is None
    grey[100:200, 100:200] = 0.0  # a deep niche: it does not reach the border
    assert find_panel(grey) is None
    grey[:40, :40] = 0.0  # too small to matter, and perhaps a shadow
    assert find_panel(grey) is None
    grey[:, :90] = 0.5  # plain, but neither black nor white: so may smooth stone be
    assert find_panel(grey) is None


def test_smooth_stone_in_light_that_fades_away_is_panel() -> None:
    y, x = np.mgrid[:300, :300].astype(np.float32) / 300 - 0.5
    plaster = (0.955 + 0.05 * np.sin(12 * x) * np.sin(12 * y)).astype(np.float32)
    assert (plaster > 0.9).all() and find_panel(plaster) is None
    grey = stone(300, 300)
    assert find_panel(grey * np.clip(1.15 - 4.0 * (x * x + y * y), 0.0, 1.0) ** 2) is None  # corners
    assert find_panel(grey * np.clip(1.0 - 1.6 * (x + 0.5), 0.0, 1.0) ** 1.5) is None  # raking light from the left


def test_pale_stone_on_a_white_page_is_not_the_page() -> None:
    rng = np.random.default_rng(2)
    grey = np.ones((300, 300), np.float32)
    pale = 0.8 + 0.05 * rng.standard_normal((220, 220))
    pale[:80, :60] = 0.96  # as pale as a background may be, up to its edge
    grey[40:260, 40:260] = pale.clip(0.0, 1.0)
    found = find_panel(grey)
    assert found is not None and found[40:260, 40:260].mean() > 0.97 and found.mean() < 0.56


@pytest.mark.parametrize("tone", [0.0, 1.0])
def test_the_outline_in_a_large_photograph_is_no_saw(tone: float) -> None:
    y, x = np.mgrid[:1900, :1900].astype(np.float32) - 950
    disc = np.hypot(x, y) < 700
    grey = np.where(disc, stone(1900, 1900), np.float32(tone))
    panel = at_size(find_panel(grey), grey)
    assert panel is not None and panel.shape == grey.shape
    assert (panel != disc).mean() < 2e-5  # one in a thousand of the pixels at the outline, those of the saw are a half


@pytest.mark.parametrize("tone", [0.0, 0.5, 1.0])
def test_nothing_but_background_is_taken_as_it_is(tone: float) -> None:
    assert find_panel(np.full((120, 90), tone, np.float32)) is None


def _sides(grey: npt.NDArray[np.float32]) -> tuple[int, ...]:
    rows, columns = find_box(grey)
    return rows.start, rows.stop, columns.start, columns.stop


@pytest.mark.parametrize("tone", [0.02, 0.15, 0.7, 0.85, 1.0])
@pytest.mark.parametrize("scale", [1, 4])
def test_page_cloth_and_lid_beside_a_panel_are_cut_away(tone: float, scale: int) -> None:
    rng = np.random.default_rng(2)
    grey = np.float32(tone) + 0.004 * rng.standard_normal((200 * scale, 260 * scale)).astype(np.float32)
    inside = np.s_[20 * scale : 150 * scale, 40 * scale : 220 * scale]
    grey[inside] = stone(130 * scale, 180 * scale)
    found = _sides(grey.clip(0.0, 1.0))
    assert np.abs(np.subtract(found, np.multiply((20, 150, 40, 220), scale))).max() <= scale
    captioned = grey.copy()
    captioned[170 * scale : 174 * scale, 60 * scale : 200 * scale : 2] = 0.3 if tone > 0.5 else 0.9
    assert _sides(captioned.clip(0.0, 1.0)) == found, "a caption is no panel"


def test_a_cut_out_of_the_stones_own_tone_is_found() -> None:
    grey = np.full((200, 260), 0.5, np.float32)
    grey[30:150, 50:220] = stone(120, 170)
    assert _sides(grey) == (30, 150, 50, 220)


def test_what_is_carved_and_smooth_stone_are_not_cut_away() -> None:
    grey = stone(300, 300)
    assert _sides(grey) == (0, 300, 0, 300)
    framed = 0.45 + 0.002 * np.random.default_rng(3).standard_normal((300, 300)).astype(np.float32)
    framed[30:270, 30:270] = grey[30:270, 30:270]
    assert _sides(framed) == (0, 300, 0, 300), "a smooth frame of the same stone"
    smooth = np.full((300, 300), 0.7, np.float32)
    smooth += 0.002 * np.random.default_rng(3).standard_normal((300, 300)).astype(np.float32)
    y, x = np.mgrid[:300, :300]
    bust = np.hypot(y - 300, x - 150) < 150
    smooth[bust] = grey[bust]  # before smooth ground
    smooth[90:150, 148:152] = 0.3  # and its spear
    assert _sides(smooth) == (0, 300, 0, 300)
    assert _sides(np.full((300, 300), 0.4, np.float32)) == (0, 300, 0, 300)
    assert _sides(np.linspace(0.0, 1.0, 300 * 300, dtype=np.float32).reshape(300, 300)) == (0, 300, 0, 300)


def test_a_print_on_paper_on_a_scanners_lid_is_found() -> None:
    rng = np.random.default_rng(2)
    grey = np.full((400, 400), 0.03, np.float32)
    grey[40:360, 50:350] = 0.92
    grey[80:320, 90:310] = 0.7
    grey += 0.004 * rng.standard_normal(grey.shape).astype(np.float32)
    grey[100:300, 110:290] = stone(200, 180)
    assert np.abs(np.subtract(_sides(grey.clip(0.0, 1.0)), (100, 300, 110, 290))).max() <= 1


def test_mouldings_along_a_side_are_carved() -> None:
    rng = np.random.default_rng(4)
    grey = stone(400, 400)
    profile = 0.7 + 0.18 * np.sin(np.linspace(0.0, 6.0 * np.pi, 60, dtype=np.float32))
    grey[:60] = profile[:, None] + 0.003 * rng.standard_normal((60, 400)).astype(np.float32)
    assert _sides(grey.clip(0.0, 1.0)) == (0, 400, 0, 400)


@pytest.mark.parametrize("darkest", [0.7, 0.5, 0.3, 0.1])
def test_smooth_stone_in_light_that_fades_away_is_not_cut(darkest: float) -> None:
    y, x = np.mgrid[:300, :300].astype(np.float32) / 300
    smooth = 0.7 + 0.004 * np.random.default_rng(3).standard_normal((300, 300)).astype(np.float32)
    smooth[120:] = stone(180, 300) + 0.2
    assert _sides((smooth * (darkest + (1.0 - darkest) * y)).astype(np.float32)) == (0, 300, 0, 300)
    assert _sides((smooth * (darkest + (1.0 - darkest) * x)).astype(np.float32)) == (0, 300, 0, 300)


def test_whole_photographs_of_any_size_stay_whole() -> None:
    for rows, columns in ((2736, 3648), (4912, 7360), (687, 500), (721, 500), (993, 500), (64, 900), (900, 64)):
        grey = np.full((rows, columns), 0.4, np.float32)
        grey[::2] = 0.6
        assert _sides(grey) == (0, rows, 0, columns)


@pytest.mark.parametrize("side", [64, 100, 150])
def test_small_pictures_with_little_on_them(side: int) -> None:
    grey = np.full((side, side + 40), 0.9, np.float32)
    assert _sides(grey) == (0, side, 0, side + 40)
    grey[side // 2 : side // 2 + 5, 10:-10] = stone(5, side + 20)
    assert _sides(grey) == (0, side, 0, side + 40)


def test_a_panel_too_small_to_be_read_is_left_where_it_is() -> None:
    grey = np.ones((200, 200), np.float32)
    grey[80:140, 80:140] = stone(60, 60)
    assert _sides(grey) == (0, 200, 0, 200)


def broken_piece(tone: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    y, x = np.mgrid[:300, :360]
    away = np.hypot(y - 150, x - 180) - 14 * np.sin(5 * np.arctan2(y - 150, x - 180))
    inside = away < 105
    return np.where(inside, stone(300, 360), tone).clip(0.0, 1.0).astype(np.float32), inside


@pytest.mark.parametrize("ground", ["velvet", "noise", "JPEG"])
def test_black_that_is_neither_even_nor_plain_is_background(ground: str) -> None:
    rng = np.random.default_rng(5)
    black = np.full((300, 360), 0.03, np.float32)
    if ground == "velvet":
        black += 0.6 * cv2.GaussianBlur(rng.standard_normal(black.shape).astype(np.float32), (0, 0), 12.0)
        black += 0.01 * rng.standard_normal(black.shape).astype(np.float32)
    if ground == "noise":
        black += 0.025 * np.abs(rng.standard_normal(black.shape)).astype(np.float32)
    grey, inside = broken_piece(black)
    if ground == "JPEG":
        packed = cv2.imencode(".jpg", np.rint(grey * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
        grey = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    panel = find_panel(grey)
    assert panel is not None
    assert panel[inside].mean() > 0.97 and panel[~inside].mean() < 0.05


def test_a_noisy_shadow_over_a_side_is_panel() -> None:
    shaded = stone(300, 400)
    shaded[:, 330:] = 0.04 + 0.012 * np.random.default_rng(9).standard_normal((300, 70))
    shaded = shaded.clip(0.0, 1.0)
    assert find_panel(shaded) is None and find_box(shaded) == (slice(0, 300), slice(0, 400))


@pytest.mark.parametrize("tone", [0.02, 0.8, 0.95])
def test_both_pictures_of_a_stereo_card_are_kept(tone: float) -> None:
    rng = np.random.default_rng(6)
    card = tone + 0.004 * rng.standard_normal((260, 460)).astype(np.float32)
    for left in (30, 240):
        card[30:230, left : left + 190] = stone(200, 190)
    card[240:252, 30:60] = 0.5  # a label is none
    rows, columns = find_box(card.clip(0.0, 1.0))
    ends = rows.start, rows.stop, columns.start, columns.stop
    assert ends == pytest.approx((30, 230, 30, 430), abs=4) or tone == 0.02
    assert rows.start <= 31 and rows.stop >= 229 and columns.start <= 31 and columns.stop >= 429


@pytest.mark.parametrize("tone", [0.75, 0.95])
def test_words_under_a_picture_are_cut_away_with_their_strip(tone: float) -> None:
    """What is plain between them is too little of the photograph to tell."""
    page = np.full((246, 300), tone, np.float32)
    page += 0.004 * np.random.default_rng(7).standard_normal(page.shape).astype(np.float32)
    page[:210] = 0.5 * stone(210, 300)
    words = np.rint(page * 255).astype(np.uint8)
    for row, text in enumerate(("Relief of a lion hunt, gypsum, the", "palace of Nineveh, 645 BC, room C")):
        cv2.putText(words, text, (2, 226 + 16 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.52, 20, 1, cv2.LINE_AA)
    rows, columns = find_box((words / 255).astype(np.float32))
    assert (rows.start, rows.stop, columns.start, columns.stop) == pytest.approx((0, 210, 0, 300), abs=2)


def test_overexposed_plaster_is_no_page() -> None:
    """Its shadows alone are not white."""
    plaster = np.full((400, 400), 1.0, np.float32)
    for fold in range(40, 370, 40):
        plaster[fold : fold + 5, 40:360] = plaster[40:360, fold : fold + 5] = 0.4
        plaster[fold - 20 : fold - 14, 40:360] = 1.0
    plaster[60:340:40, 60:340:40] = 1.0
    for gap in range(70, 360, 80):
        plaster[gap - 12 : gap, :] = plaster[:, gap - 12 : gap] = 1.0
    plaster += 0.003 * np.random.default_rng(8).standard_normal(plaster.shape).astype(np.float32)
    assert find_panel(plaster.clip(0.0, 1.0)) is None
