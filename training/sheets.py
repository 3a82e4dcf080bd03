"""Sheets for the eye: synthetic photographs beside real ones, and what becomes of photographs, front and side.

    python -m training.sheets --photos DIR --library DIR --shapes DIR --output out

Writes ``synthetic.png``, rows of synthetic photographs and then all photographs found below DIR, cut to squares; and
``reliefs.png``, a row for each photograph: itself, its relief as shaded stone, and that stone turned by 30 degrees.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.errors import ReliefError
from inference.image_header import SUFFIXES
from inference.maps import DEPTH_TO_SIDE, shade
from inference.photo import read_photo
from inference.prediction import FloatArray
from inference.predictor import Predictor
from inference.refinement import refine

from .compose import Composer
from .data import photographed
from .library import Library
from .panel import write_image
from .textures import Stone

Picture = npt.NDArray[np.uint8]
SQUARE_PX, COLUMNS = 420, 4
ROW_PX = 480
TURN_DEG = 30.0
FLAT = 0.1
"""Standard deviation of height below which a scene shows too little to be looked at."""


def turned(picture: Picture, height: FloatArray, degrees: float = TURN_DEG) -> Picture:
    """A relief seen from its left, without perspective; behind it is black.

    Args:
        picture: (H, W) of its front.
        height: (H, W) float32, 0 slab to 1 full depth, a twentieth of the longer side.
        degrees: how far the relief is turned about its upright axis, its left side to the back.

    Returns:
        (H, W), the relief in its middle.
    """
    rows, columns = height.shape
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    depth_px = height * np.float32(DEPTH_TO_SIDE * max(rows, columns))
    centre = (columns - 1) / 2
    # What faces the eye has its places in order; where they turn back, what lies behind is hidden.
    place = centre + (np.arange(columns) - centre) * cosine - depth_px * sine
    visible = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    seen = np.arange(columns)
    out = np.zeros_like(picture)
    for row in range(rows):
        at = np.interp(seen, visible[row], np.arange(columns), left=-1, right=-1)
        inside = at >= 0
        out[row, inside] = np.interp(at[inside], np.arange(columns), picture[row])
    return out


def square(picture: Picture) -> Picture:
    """The middle of a picture."""
    side = min(picture.shape)
    top, left = ((length - side) // 2 for length in picture.shape)
    middle = picture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(middle, (SQUARE_PX, SQUARE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def grid(pictures: list[Picture]) -> Picture:
    """Squares in rows of COLUMNS."""
    blank = np.zeros((SQUARE_PX, SQUARE_PX), np.uint8)
    filled = pictures + [blank] * (-len(pictures) % COLUMNS)
    return np.vstack([np.hstack(filled[i : i + COLUMNS]) for i in range(0, len(filled), COLUMNS)])


def synthetic(composer: Composer, stone: Stone, count: int) -> list[Picture]:
    """Synthetic photographs, as the training sees them whole."""
    pictures: list[Picture] = []
    while len(pictures) < count:
        scene = composer.compose()
        if scene.height.std() < FLAT:
            continue
        grey, _ = photographed(scene, composer.rng, stone)
        pictures.append(square((grey * 255).astype(np.uint8)))
    return pictures


def relief_row(path: Path, predictor: Predictor) -> Picture:
    """A photograph, its relief from the front, and turned."""
    photo = read_photo(path)
    height = refine(predictor.predict(photo))
    front = shade(height)
    pictures = [(photo.grey * 255).astype(np.uint8), front, turned(front, height)]
    width = round(photo.grey.shape[1] * ROW_PX / photo.grey.shape[0])
    return np.hstack([cv2.resize(picture, (width, ROW_PX), interpolation=cv2.INTER_AREA) for picture in pictures])


def photographs(folder: Path) -> list[Path]:
    """All photographs below a folder.

    Raises:
        ReliefError: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ReliefError(f"There is no photograph below {folder}: no file with {', '.join(SUFFIXES)}.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.sheets", description="Make sheets for the eye.")
    parser.add_argument("--photos", type=Path, required=True, help="folder with photographs, searched to its depth")
    parser.add_argument("--library", type=Path, help="folder that training.shapes wrote; no synthetic sheet without")
    parser.add_argument("--shapes", type=Path, help="folder that holds stone_textures")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8, help="synthetic photographs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        paths = photographs(options.photos)
    except ReliefError as error:
        parser.error(str(error))
    options.output.mkdir(parents=True, exist_ok=True)
    if options.library:
        composer = Composer(Library(options.library), np.random.default_rng(options.seed))
        made = synthetic(composer, Stone.load(options.shapes), options.count)
        real = [square((read_photo(path).grey * 255).astype(np.uint8)) for path in paths]
        write_image(options.output / "synthetic.png", np.vstack([grid(made), grid(real)]))
    predictor = Predictor.load()
    rows = [relief_row(path, predictor) for path in paths]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows]
    write_image(options.output / "reliefs.png", np.vstack(padded))


if __name__ == "__main__":
    main()
