"""The command line: ``relief reconstruct PHOTO ... --output DIR``, from a shell and as ``blender --command relief``.

Exit codes: 0 all done, now or by an earlier run; 1 some photograph failed or was skipped, the others are done; 2 wrong
usage, before any work; 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import functools
import hashlib
import importlib.util
import io
import itertools
import json
import math
import os
import shutil
import signal
import sys
import time
import traceback
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..inference.errors import ReliefError, is_out_of_memory
from ..inference.image_header import SUFFIXES, read_header
from ..inference.settings import READING, RUNTIMES, MeshSettings, PreparationSettings, RefinementSettings
from . import reconstruction
from .hidden import hidden_name, make_hidden, replace_all
from .patterns import find_photographs
from .reconstruction import Reconstruction, reconstruct, timed

if TYPE_CHECKING:
    from ..inference.restoration import Preparation

FORMATS = ("blend", "glb", "render")
_MODEL_SUFFIXES = {"blend": ".blend", "glb": ".glb", "render": ".render.png"}
_MAP_SUFFIXES = (".height.tif", ".normal.png", ".edges.png", ".segments.png", ".preview.png", ".json")
_FREE_BYTES, _MAP_BYTES_PER_PIXEL = 256_000_000, 12
"""Least free space of the results' drive with which a photograph is begun, and what large maps take of it."""
_BYTES_PER_SOURCE_PIXEL, _BYTES_PER_PIXEL, _BYTES_PER_VERTEX = 18, 150, 1000
"""Memory for a file's pixels, for a photograph of the size at which it is read, and for models; measured."""
_PATIENCE_S, _MOVING_S = 1.5, 60.0
"""How long another process may take to move the rest of its results to their places, and how long after it made their
record that is what it may be at."""
_BLENDERS_PATH_BYTES = 1023
"""Of a longer path Blender takes the beginning, and writes there."""


@dataclass(frozen=True)
class _Options:
    photos: list[Path]
    folders: dict[Path, str]
    """Below the output, for the photographs of patterns, where their tree is kept."""
    idle: list[str]
    unreadable: list[str]
    output: Path
    refinement: RefinementSettings
    mesh: MeshSettings
    preparation: PreparationSettings
    corners: tuple[tuple[float, float], ...]
    light_deg: float | None
    negative: bool
    formats: tuple[str, ...]
    runtime: str
    max_size: int | None
    texture_size: int | None
    overwrite: bool
    quiet: bool

    def outputs(self, photo: Path) -> list[Path]:
        """All files that a photograph gets."""
        suffixes = [*(_MODEL_SUFFIXES[name] for name in self.formats), *_MAP_SUFFIXES]
        return [self.folder(photo) / f"{photo.stem}{suffix}" for suffix in suffixes]

    def folder(self, photo: Path) -> Path:
        """Where a photograph's files go."""
        return self.output / self.folders.get(photo, "")


def main(argv: list[str]) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the arguments after the program's name, such as ``["reconstruct", "panel.jpg", "--output", "out"]``.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else it outlives its terminal
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        options = _parse(argv)
        if isinstance(options, int):
            return options
        reconstruction.check_opencv()
        if options.formats:
            _check_bpy()
        reconstruction.load_predictor(options.runtime)  # before photographs are read for it
        outcomes = [_try(photo, options, number) for number, photo in enumerate(options.photos, 1)]
    except ReliefError as error:
        _tell(f"relief: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal itself may have been closed
            print("\nrelief: stopped", file=sys.stderr)
        return 130
    done, existed, failed = map(outcomes.count, ("done", "existed", "failed"))
    if len(outcomes) > 1 and not options.quiet:
        _tell(f"{done} done, {existed} existed already, {failed} failed or skipped", sys.stdout)
    for pattern in options.idle:
        _tell(f"relief: {pattern}: no photograph matches this pattern. Check it, and the folder.", sys.stderr)
    for folder in options.unreadable:
        _tell(f"relief: {folder}: left out, it cannot be read. Mend that and run again.", sys.stderr)
    return 1 if failed or options.idle or options.unreadable else 0


def _interrupt(*_told: object) -> None:
    """Stop once, whatever is told after that, so that nothing half-made is left."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise KeyboardInterrupt


def _tell(text: str, stream: TextIO) -> None:
    """Print a line. A log on a full disk ends no batch; a pipe that nobody reads any more does."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise


def check(argv: list[str]) -> int | None:
    """The exit code where help or wrong usage ends the command, None where it may run; needs nothing installed."""
    options = _parse(argv)
    return options if isinstance(options, int) else None


def _parse(argv: list[str]) -> _Options | int:
    """The options, or the exit code where help or wrong usage ends the command."""
    for stream in (sys.stdout, sys.stderr):  # a photograph's name may hold what the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _check(_parser().parse_args(argv))
    except ReliefError as error:
        print(f"relief: {error}", file=sys.stderr)
        return 2
    except SystemExit as end:  # argparse: 0 after --help, 2 after wrong usage; Blender must not be left by it
        return int(end.code or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("relief", description="A photograph of a carved relief becomes a 3D relief.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    words = "make textured reliefs and maps of photographs"
    add = commands.add_parser("reconstruct", help=words, description=words, allow_abbrev=False).add_argument
    words = (
        'JPEG, PNG, TIFF, WebP or BMP; also a pattern in quotes, such as "scans/**/*.jpg" or "scans/**/*", which leaves'
    )
    words += f" out all but files in {' '.join(SUFFIXES)}, in small letters or capitals"
    add("photos", nargs="+", type=_path, metavar="PHOTO", help=words)
    add("--output", required=True, type=_path, metavar="DIR", help="folder of the results; made if missing")
    for setting in (*fields(MeshSettings), *fields(PreparationSettings)):
        flag, kind = "--" + setting.name.replace("_", "-"), type(setting.default)
        words, limits = setting.metadata["description"].replace("%", "%%"), setting.metadata
        words += " in metres" if limits["unit"] == "LENGTH" else f", {limits['low']:.9g} to {limits['high']:.9g}"
        add(flag, type=kind, metavar=kind.__name__.upper(), help=f"{words} (default: {setting.default})")
    add(
        "--corners",
        metavar='"X,Y X,Y X,Y X,Y"',
        help="straighten the panel between these corners, in quotes and in any order, each as parts of the photo's"
        " width and height from the top left; or none",
    )
    add(
        "--light",
        metavar="DEG",
        help="where the light comes from, 0 right and 90 above; or auto: the network finds it (default: auto)",
    )
    words = "swap dark and bright first, for a glass negative that was scanned as it is"
    add("--negative", action=argparse.BooleanOptionalAction, help=words)
    add(
        "--max-size",
        type=int,
        metavar="PX",
        help="longest side, of the panel if there are --corners; what is larger is reduced (default: to 60 megapixels,"
        " the most in any case); what then has"
        " less than 768 pixels on the shorter side is read, and gets maps, enlarged as ever",
    )
    words = "longest side of the pictures that the models wear; 2048 is plenty for headsets (default: the photo's own)"
    add("--texture-size", type=int, metavar="PX", help=words)
    add(
        "--formats",
        default=",".join(FORMATS),
        help="any of blend,glb,render with commas between, or none (default: all)",
    )
    add("--runtime", choices=RUNTIMES, default="auto", help="what runs the network (default: auto)")
    add(
        "--settings",
        type=_path,
        metavar="FILE.json",
        help="take settings, corners, light, restoration and --negative of an earlier NAME.json; options win over it",
    )
    words = "give each folder below the fixed part of a pattern one of its own in DIR, instead of putting all into one"
    add("--tree", action="store_true", help=words)
    add("--overwrite", action="store_true", help="replace results that were made otherwise, instead of skipping them")
    add("--quiet", action="store_true", help="say only what went wrong")
    return parser


def _path(text: str) -> Path:
    """A path, with the home folder for ~, which no shell puts there in quotes or after an equals sign."""
    if not text:  # of a variable that is not set; it would be the folder one is in
        raise argparse.ArgumentTypeError("it is empty. Give a path")
    return Path(os.path.expanduser(text))


def _check(arguments: argparse.Namespace) -> _Options:
    """The arguments as options, or a ReliefError that says what is wrong with them."""
    values = _read_settings(arguments.settings) if arguments.settings else {}
    given = {f.name: getattr(arguments, f.name) for cls in (MeshSettings, PreparationSettings) for f in fields(cls)}
    if arguments.corners is not None:
        values.pop("aspect", None)  # that of the panel between the file's corners
    values |= {name: value for name, value in given.items() if value is not None}
    formats = tuple(name for name in dict.fromkeys(arguments.formats.split(",")) if name != "none")
    if not set(formats) <= set(FORMATS) or (formats and "none" in arguments.formats.split(",")):
        raise ReliefError(f"--formats is {arguments.formats!r}. Give any of {','.join(FORMATS)}, or none.")
    for option, size in (("--max-size", arguments.max_size), ("--texture-size", arguments.texture_size)):
        if size is not None and size < 64:
            raise ReliefError(f"{option} is {size}. Give at least 64 pixels.")
    photos, idle, unreadable = find_photographs(arguments.photos, _result_finder())
    folders = photos if arguments.tree else {}
    if folders and not any(folders.values()):
        raise ReliefError(
            "--tree keeps the folders of a pattern, and here is none. Give it in quotes, or the shell writes it out."
        )
    try:
        output = Path(os.path.abspath(arguments.output))  # Blender takes the beginning of a relative one from PWD
    except OSError as error:
        raise ReliefError(f"--output {arguments.output} lies in a folder that is gone. Give a full path.") from error
    options = _Options(
        photos=list(photos),
        folders=folders,
        idle=idle,
        unreadable=unreadable,
        output=output,
        refinement=RefinementSettings.from_mapping(values),
        mesh=MeshSettings.from_mapping(values),
        preparation=PreparationSettings.from_mapping(values),
        corners=values.get("corners", ()) if arguments.corners is None else _corners(arguments.corners),
        light_deg=values.get("light_deg") if arguments.light is None else _light_deg(arguments.light),
        negative=values.get("negative", False) if arguments.negative is None else arguments.negative,
        formats=formats,
        runtime=arguments.runtime,
        max_size=arguments.max_size,
        texture_size=arguments.texture_size,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
    )
    if arguments.aspect and not options.corners:
        raise ReliefError("--aspect is that of the panel between --corners. Give those too, or leave it out.")
    _check_files(options)
    return options


def _corners(text: str) -> tuple[tuple[float, float], ...]:
    """Corners from "x,y x,y x,y x,y", or none."""
    if text == "none":
        return ()
    try:
        corners = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in text.split()))
    except ValueError:
        corners = ()
    if not _are_corners(corners):
        raise ReliefError(
            f'--corners is {text!r}. Give four, such as "0.05,0.1 0.95,0.08 0.97,0.9 0.04,0.93", or none.'
        )
    return corners


def _are_corners(corners: Sequence[tuple[float, float]]) -> bool:
    return len(corners) == 4 and all(0.0 <= v <= 1.0 for corner in corners for v in corner)


def _light_deg(text: str) -> float | None:
    """Where the light comes from; None where the network shall find it."""
    try:
        light_deg = None if text == "auto" else float(text)
    except ValueError:
        light_deg = math.nan
    if light_deg is not None and not math.isfinite(light_deg):
        raise ReliefError(f"--light is {text!r}. Give degrees, 0 right and 90 above, or auto.")
    return light_deg


def _check_files(options: _Options) -> None:
    try:
        if options.formats:
            str(options.output).encode()
        if "blend" in options.formats and _has_backslash(options.output):
            raise ReliefError(
                f"--output {options.output} has a backslash, which Blender takes for a slash. Choose another, or leave"
                " blend out of --formats."
            )
        options.output.mkdir(parents=True, exist_ok=True)
        place = make_hidden(options.output)
        alike = place.with_name(place.name.swapcase()).exists()
        place.rmdir()
    except UnicodeEncodeError:
        raise ReliefError(f"--output {options.output} has letters that Blender cannot write. Choose another.") from None
    except OSError as error:
        raise ReliefError(
            f"--output {options.output} cannot be written to: {error.strerror}. Choose another, or mend its rights."
        ) from error

    def known_as(name: str | Path) -> str:
        """The name as the folder of the results tells names apart."""
        return unicodedata.normalize("NFC", str(name)).casefold() if alike else str(name)

    stems: dict[str, list[Path]] = {}
    for photo in options.photos:
        stems.setdefault(known_as(options.folder(photo) / photo.stem), []).append(photo)
    clashes = [" and ".join(map(str, photos)) for photos in stems.values() if len(photos) > 1]
    if clashes:
        raise ReliefError(
            f"These would be written under one name: {'; '.join(clashes)}. Rename some, give each its own --output, or"
            " keep the folders of a pattern with --tree."
        )
    real = functools.cache(os.path.realpath)  # a look at every folder above; there may be ten thousand photographs
    outputs = (path for photo in options.photos for path in options.outputs(photo))
    written = {known_as(os.path.join(real(path.parent), path.name)) for path in outputs}
    for photo in options.photos:
        place = os.path.join(real(photo.parent), photo.name)
        places = [place, real(photo)] if os.path.islink(place) else [place]
        if not written.isdisjoint(map(known_as, places)):
            raise ReliefError(f"{photo} would be overwritten by a result. Choose another --output.")


def _has_backslash(path: str | Path) -> bool:
    """Whether a name has one, where it is a letter like others."""
    return os.sep != "\\" and "\\" in str(path)


def _is_foreign(path: Path) -> bool:
    """Whether a path has bytes that are no UTF-8, which Blender cannot write to."""
    return os.fsencode(path).decode("utf-8", "replace") != str(path)


def _check_names(photo: Path, options: _Options, place: Path) -> None:
    """See that Blender can write what is asked for in a folder; what it makes of other names tells nobody why.

    Raises:
        ReliefError: it cannot.
    """
    if "blend" in options.formats and _has_backslash(photo.name):
        raise ReliefError(
            "its name has a backslash, which Blender takes for a slash. Rename it, or leave blend out of --formats."
        )
    stem = os.fsencode(photo.stem).decode("utf-8", "replace")
    for name in options.formats:
        length = len(f"{place / hidden_name() / stem}{_MODEL_SUFFIXES[name]}".encode())  # made there
        if length > _BLENDERS_PATH_BYTES:
            raise ReliefError(
                f"its {name} would have a path of {length} bytes, and Blender writes none above {_BLENDERS_PATH_BYTES}."
                " Choose a shorter --output, or use --formats none."
            )


def _result_finder() -> Callable[[Path], bool]:
    """What says whether a run has written a file: it has the name of a result, and the record of it lies beside it."""
    is_record = functools.cache(lambda path: bool(_read_record(path)))

    def is_result(path: Path) -> bool:
        endings = [suffix for suffix in (*_MODEL_SUFFIXES.values(), *_MAP_SUFFIXES) if path.name.endswith(suffix)]
        return any(is_record(path.with_name(path.name.removesuffix(ending) + ".json")) for ending in endings)

    return is_result


def _read_settings(path: Path) -> dict[str, Any]:
    """The `settings` of a NAME.json, and its `preparation` where it has one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors put a mark at the beginning
        values, preparation = record["settings"], record.get("preparation", {})
    except OSError as error:
        raise ReliefError(f"--settings {path} cannot be read: {error.strerror}. Check the path.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReliefError(
            f'--settings {path} is no JSON object with "settings" in it. Give the NAME.json of a run.'
        ) from error
    known = {f.name for cls in (RefinementSettings, MeshSettings) for f in fields(cls)}
    if not isinstance(values, dict) or not values.keys() <= known:
        raise ReliefError(f'The "settings" of {path} must be an object with names out of: {", ".join(sorted(known))}.')
    try:
        corners = tuple((float(x), float(y)) for x, y in preparation.get("corners", ()))
        light_deg = preparation.get("light_deg")
        light_deg = None if light_deg is None else float(light_deg)
    except (AttributeError, TypeError, ValueError) as error:
        raise ReliefError(f'The "preparation" of {path} is not as a run writes it. Take it out.') from error
    known = {"corners", "light_deg", "negative", *(f.name for f in fields(PreparationSettings))}
    if not preparation.keys() <= known:
        raise ReliefError(f'The "preparation" of {path} must have names out of: {", ".join(sorted(known))}.')
    if corners and not _are_corners(corners):
        raise ReliefError(f'The "corners" of {path} must be none or four, in parts of the width and height.')
    if light_deg is not None and not math.isfinite(light_deg):
        raise ReliefError(f'The "light_deg" of {path} must be degrees, or null.')
    if not isinstance(preparation.get("negative", False), bool):
        raise ReliefError(f'The "negative" of {path} must be true or false.')
    return {**values, **preparation, "corners": corners, "light_deg": light_deg}


def _try(photo: Path, options: _Options, number: int) -> str:
    """What became of one photograph: done, existed or failed, which does not keep the others from their turn."""
    progress = _Progress(f"[{number}/{len(options.photos)}] {photo.name}", sys.stderr.isatty() and not options.quiet)
    try:
        written = [] if _exists_already(photo, options) else _make(photo, options, progress)
    except (ReliefError, OSError) as error:
        progress.end()
        _tell(f"relief: {photo}: {error}", sys.stderr)
        return "failed"
    except Exception as error:  # noqa: BLE001 (whatever it is, the other photographs get their turn)
        progress.end()
        if is_out_of_memory(error):
            _tell(f"relief: {photo}: not enough memory. Use a smaller --max-size.", sys.stderr)
        else:
            fault = traceback.format_exc()
            _tell(f"{fault}relief: {photo}: failed by the fault shown above.", sys.stderr)
        return "failed"
    progress.end()
    if not options.quiet:
        _tell(f"{photo}: {', '.join(written) or 'exists already'}", sys.stdout)
    if not written:
        return "existed"
    unasked = [photo.stem + suffix for name, suffix in _MODEL_SUFFIXES.items() if name not in options.formats]
    stale = [name for name in unasked if (options.folder(photo) / name).exists()]
    if stale:
        words = f"{', '.join(stale)} are not of this run. Delete them, or name their formats too"
        _tell(f"relief: {photo}: {words}", sys.stderr)
    return "done"


def _exists_already(photo: Path, options: _Options, patient: bool = True) -> bool:
    """Whether everything is there, made of this photograph as is asked for now; False where nothing stands in the way.

    Args:
        photo: the photograph.
        options: what is asked for.
        patient: whether to wait for the rest of what another process may be moving there.

    Raises:
        ReliefError: something else has the names, and is not to be replaced.
    """
    outputs = options.outputs(photo)
    existing = [path.name for path in outputs if path.exists()]
    if not existing:
        return False
    names, json_path = ", ".join(existing), outputs[-1]
    record = _read_record(json_path)
    preparation = _preparation(options)
    asked = {
        "preparation": preparation.to_mapping() if preparation.needed else {},
        "settings": {**options.refinement.to_mapping(), **options.mesh.to_mapping()},
        "max_size": options.max_size,
        "weights": reconstruction.load_predictor(options.runtime).weights,
        "reading": READING,
    }
    alike = record.items() >= asked.items() and set(options.formats) <= set(record.get("formats", ()))
    alike &= not options.formats or record.get("texture_size") == options.texture_size  # maps have none
    if not record and json_path.exists():  # an archive's own notes, say, which --overwrite is not about
        raise ReliefError(
            f"skipped, {json_path.name} exists and is no record of results. Move it, or choose another --output."
        )
    if record and not _is_of(photo, record["photo"]):
        why = f"skipped, another photograph has this name: {names} exist. Rename one"
    elif record and not alike:
        why = (
            f"skipped, made with other settings, formats, weights or an older version, as {json_path.name} says. "
            "Choose another --output"
        )
    elif len(existing) < len(outputs):
        if record and patient and time.time() - json_path.stat().st_mtime < _MOVING_S:
            time.sleep(_PATIENCE_S)
            return _exists_already(photo, options, patient=False)
        why = f"incomplete, {len(existing)} of {len(outputs)} results exist: {names}. Move them"
        if not record:  # which comes first and leaves last
            raise ReliefError(f"{why}: without {json_path.name} nothing says that a run has made them.")
    else:
        return True
    if options.overwrite:
        return False
    raise ReliefError(f"{why}, or use --overwrite to replace them.")


def _read_record(path: Path) -> dict[str, Any]:
    """What a NAME.json says of the results beside it; nothing where it is missing, or no record."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["photo"]["sha256"], set(record.get("formats", ()))
        return record
    return {}


def _is_of(photo: Path, noted: dict[str, Any]) -> bool:
    """Whether a record's photograph is this file. One that was not touched since is not read: archives are large."""
    if os.name != "nt" and noted.items() >= _touched(photo).items():  # Windows tells no time of change
        return True
    with photo.open("rb") as file:
        return bool(noted["sha256"] == hashlib.file_digest(file, "sha256").hexdigest())


def _touched(path: Path) -> dict[str, int]:
    """What any change of a file changes too, also one that keeps its time of modification."""
    told = path.stat()
    return {"bytes": told.st_size, "modified_ns": told.st_mtime_ns, "changed_ns": told.st_ctime_ns}


def _make(photo: Path, options: _Options, progress: _Progress) -> list[str]:
    """Make everything in a hidden folder beside its place, then move it there: all of it or nothing appears.

    Returns:
        The files; none where another run has made them meanwhile.
    """
    # Before the network runs for minutes. With --tree other drives may be linked into the folder of the results.
    folder = options.folder(photo)
    place = next(parent for parent in (folder, *folder.parents) if parent == options.output or os.path.lexists(parent))
    if not os.path.lexists(place):  # made anew it may lie on another disk: that of a drive which is away
        raise ReliefError(f"--output {options.output} is gone. Bring it back, then start again.")
    if not place.is_dir():
        raise ReliefError(f"{place} is no folder, and one of that name is needed. Move it away.")
    beside = place
    if options.formats and (_is_foreign(place) or _has_backslash(place)):  # as a folder of --tree
        beside = options.output
    _check_names(photo, options, beside)
    _check_room(photo, options, place)
    touched = _touched(photo) if photo.is_file() else {}  # before it is read
    part = make_hidden(beside)
    aside = part / "old"  # no result's name: those have suffixes
    done = False
    try:
        result = reconstruct(
            photo,
            options.refinement,
            options.mesh,
            _preparation(options),
            runtime=options.runtime,
            max_size=options.max_size,
            texture_px=options.texture_size,
            progress=progress,
        )
        _write_maps(part / result.photo.name, result, progress)
        if options.formats:
            _write_models(part / result.photo.name, result, options, progress)
        _write_record(part / f"{result.photo.name}.json", photo, touched, result, options)
        paths = options.outputs(photo)
        places = {part / (result.photo.name + path.name.removeprefix(photo.stem)): path for path in paths}
        for made in places:
            with made.open("rb+") as file:
                os.fsync(file.fileno())  # else a power cut may leave an empty file under the final name
        if _exists_already(photo, options):
            return []
        options.folder(photo).mkdir(parents=True, exist_ok=True)
        replace_all(places, aside)
        done = True
    finally:
        if not done and any(aside.glob("*")):  # the last copy of something
            _tell(f"relief: earlier results that could not be put back lie in {aside}", sys.stderr)
        else:
            shutil.rmtree(part, ignore_errors=True)
    return [str(path) for path in paths]


def _check_room(photo: Path, options: _Options, place: Path) -> None:
    """Before the network runs for minutes, or Linux kills the whole batch for memory.

    Raises:
        ReliefError: there is too little memory for this photograph, or too little space for its results.
    """
    free = _free_memory()
    source, pixels = _sizes(photo, options, free)
    room = max(_FREE_BYTES, _MAP_BYTES_PER_PIXEL * pixels)
    if shutil.disk_usage(place).free < room:
        raise ReliefError(f"the disk is full: less than {room / 1e6:.0f} MB are free in {place}. Make room.")
    least = _BYTES_PER_SOURCE_PIXEL * source  # at any size
    needed = least + _BYTES_PER_PIXEL * pixels
    if options.formats:
        needed += _BYTES_PER_VERTEX * min(pixels, options.mesh.max_vertices)
    if free is not None and needed > free:
        advice = "Use a smaller --max-size, or --max-vertices for the models."
        if least > free:
            advice = "Scale the file down: to open it alone takes more than that."
        raise ReliefError(
            f"it takes about {needed / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} GB are free. {advice}"
        )


def _sizes(photo: Path, options: _Options, free: float | None) -> tuple[int, int]:
    """The pixels that a photograph's file takes when it is opened, and those at which it, or its panel, is read.

    Returns:
        Zeros where whoever reads the photograph tells what is wrong with it.

    Raises:
        ReliefError: the file alone is larger than the memory.
    """
    import numpy as np

    from ..inference.photo import KEPT_PIXELS, MAX_FILE_BYTES  # here: it needs OpenCV, which the zip brings
    from ..inference.predictor import read_size
    from ..inference.restoration import ordered, panel_sizes

    try:
        size = photo.stat().st_size
        if not photo.is_file() or size > MAX_FILE_BYTES:
            return 0, 0
        if free is not None and size > free:
            raise MemoryError
        header = read_header(photo.read_bytes(), photo.name)
    except (OSError, ReliefError):
        return 0, 0
    except MemoryError:
        raise ReliefError(
            f"its file of {size / 1e9:.1f} GB needs more memory than is free. Scale the file down."
        ) from None
    source = header.width * header.height
    kept = min(1.0, math.sqrt(KEPT_PIXELS / source))
    rows, columns = (side * kept for side in (header.height, header.width))
    if header.orientation >= 5:  # stored lying on its side
        rows, columns = columns, rows
    if options.corners:
        try:
            quad = ordered(np.array(options.corners) * (columns, rows))
            whole, panel = panel_sizes(quad, (rows, columns), options.preparation.aspect, options.max_size)
        except ReliefError:
            return source, 0
        return source + math.prod(whole), math.prod(read_size(*(max(side, 1) for side in reversed(panel))))
    scale = min(1.0, (options.max_size or math.inf) / max(rows, columns))
    return source, math.prod(read_size(*(max(round(side * scale), 1) for side in (rows, columns))))


def _own_memory() -> float:
    """Bytes that this process holds, as Linux says."""
    return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _free_memory() -> float | None:
    """Bytes that may still be taken, as far as Linux or a container's limit says; None elsewhere."""
    found = []
    with suppress(OSError, ValueError, KeyError):
        lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        kilobytes = {words[0]: int(words[1]) for words in lines}
        found.append(1024.0 * (kilobytes["MemAvailable:"] + kilobytes["SwapFree:"]))
    for limit in _memory_limits():
        with suppress(OSError, ValueError):
            found.append(float(int(limit.read_text(encoding="ascii"))) - _own_memory())
    return min(found, default=None)


def _memory_limits() -> list[Path]:
    """Files that may hold limits of this process's memory: those of its cgroups, of either version, and all above."""
    limits = {Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")}
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, own = line.split(":", 2)
            top, name = "/sys/fs/cgroup", "memory.max"
            if controllers:
                top, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
            if not controllers or "memory" in controllers.split(","):
                inner = Path(own.lstrip("/"))
                limits.update(Path(top, part, name) for part in (inner, *inner.parents))
    return sorted(limits)


def _check_bpy() -> None:
    """Before the network runs for minutes."""
    if importlib.util.find_spec("bpy") is None:
        raise ReliefError(
            "models need Blender's module bpy, which is not installed. Install it, or use --formats none."
        )
    try:
        import bpy  # noqa: F401
    except ImportError as error:  # on a bare Linux, of a library that every desktop has
        raise ReliefError(
            f"models need Blender's module bpy, which cannot be loaded: {error}. Install that, or use --formats none."
        ) from error


def _preparation(options: _Options) -> Preparation:
    from ..inference.restoration import Preparation  # here: it needs OpenCV, which the zip brings

    return Preparation(options.preparation, options.corners, options.light_deg, options.negative)


def _write_maps(stem: Path, result: Reconstruction, progress: _Progress) -> None:
    from ..inference import maps

    progress(1.0, 1.0, "Writing the maps")
    width_m, depth_m = result.mesh_settings.width_m, result.mesh_settings.depth_m
    prediction = result.prediction
    with timed(result.times_s, "maps"):
        maps.write_maps(stem, result.height, prediction, result.mesh_settings)
        depth_px = depth_m / width_m * result.height.shape[1]
        maps.write_preview(_with(stem, ".preview.png"), result.photo, result.height, prediction, depth_px)


def _write_models(stem: Path, result: Reconstruction, options: _Options, progress: _Progress) -> None:
    from . import scene_io

    progress(1.0, 1.0, "Placing the relief")
    try:
        with timed(result.times_s, "scene"):
            relief = scene_io.stage(result, options.texture_size)
        _write_each(stem, relief, result, options, progress)
    finally:
        scene_io.close()  # before the next photograph is read


def _write_each(stem: Path, relief: Any, result: Reconstruction, options: _Options, progress: _Progress) -> None:
    from . import scene_io

    writers: dict[str, Callable[[Path], None]] = {
        "blend": scene_io.save_blend,
        "glb": lambda path: scene_io.save_glb(path, relief),
        "render": scene_io.render,
    }
    for name in options.formats:
        progress(1.0, 1.0, "Rendering" if name == "render" else f"Writing the {name}")
        with timed(result.times_s, name):
            writers[name](_with(stem, _MODEL_SUFFIXES[name]))


def _write_record(path: Path, photo: Path, touched: dict[str, int], result: Reconstruction, options: _Options) -> None:
    """What was made of what, by which weights and settings, in which time; ``touched`` is of before it was read."""
    rows, columns = result.height.shape
    width_px, height_px = result.photo.source_size
    right, up, out = result.prediction.light.tolist()
    name = os.fsencode(photo.name).decode("utf-8", "replace")  # names in other encodings, in old archives
    record = {
        "photo": {
            "file": name,
            "sha256": result.file_sha256,
            **touched,
            "width_px": width_px,
            "height_px": height_px,
        },
        "maps": {"width_px": columns, "height_px": rows},
        "mesh": {"vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)},
        "weights": result.prediction.weights,
        "reading": READING,
        "runtime": result.prediction.runtime,
        "light": {"direction_deg": _degrees(math.atan2(up, right)) % 360, "elevation_deg": _degrees(math.asin(out))},
        "preparation": result.preparation,
        "settings": result.settings,
        "formats": options.formats,
        "max_size": options.max_size,
        "texture_size": options.texture_size,
        "times_s": result.times_s,
    }
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _degrees(radians: float) -> int:
    """Whole ones: nobody sees more of a light."""
    return round(math.degrees(radians))


def _with(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


class _Progress:
    """One line on stderr that is written over and over; silent where nobody looks."""

    def __init__(self, label: str, shown: bool) -> None:
        # A line that is wider than the terminal, the stage with it, could not be written over.
        room = shutil.get_terminal_size().columns - 40
        widths = itertools.accumulate(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in label)
        self._label = label[: sum(width <= room for width in widths)]
        self._shown = shown

    def __call__(self, done: float, total: float, stage: str) -> bool:
        self._show(f"{self._label}: {done / total:4.0%} {stage}")
        return False

    def end(self) -> None:
        self._show("")

    def _show(self, line: str) -> None:
        try:
            if self._shown:
                print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        except OSError:  # the terminal was closed, and the batch goes on
            self._shown = False
