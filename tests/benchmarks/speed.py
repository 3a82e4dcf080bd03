"""Times the road from photograph to object: medians, the share of each stage, and the command's peak memory.

    .venv/bin/python tests/benchmarks/speed.py [PHOTO] [--size 1024] [--repeats 5]

Run it on an otherwise idle machine; compare ratios within one run, not seconds between machines.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENABLING = """
import importlib.util, sys, time, bpy
start, root = time.perf_counter(), r"{root}"
spec = importlib.util.spec_from_file_location(
    "photo_to_relief", root + "/__init__.py", submodule_search_locations=[root]
)
package = importlib.util.module_from_spec(spec)
sys.modules["photo_to_relief"] = package
spec.loader.exec_module(package)
package.register()
print((time.perf_counter() - start) * 1000, "torch" in sys.modules, "cv2" in sys.modules)
package.unregister()
"""


def median(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of some calls, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def square(photo: Path, size: int, folder: Path) -> Path:
    """The photograph stretched to size x size."""
    import cv2

    path = folder / "square.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(photo)), (size, size), interpolation=cv2.INTER_CUBIC))
    return path


def stages(photo: Path, repeats: int, runtime: str) -> None:
    """Each stage alone, from file to Blender object."""
    import bpy
    from mathutils import Matrix
    from photo_to_relief.inference import MeshSettings, Predictor, RefinementSettings, build_mesh, read_photo, refine
    from photo_to_relief.inference.normalisation import MULTIPLE_PX, lit, standardise
    from photo_to_relief.inference.texture import encode_detail
    from photo_to_relief.operators import bridge
    from photo_to_relief.operators.reconstruction import Reconstruction

    predictor = Predictor.load(runtime=runtime)
    picture = read_photo(photo)
    prediction = predictor.predict(picture)
    height = refine(prediction, RefinementSettings())
    mesh = build_mesh(height, MeshSettings(), prediction)
    result = Reconstruction(
        picture, picture.sha256, {}, prediction, height, mesh, None, RefinementSettings(), MeshSettings(), {}
    )
    seconds = {
        "read": median(lambda: read_photo(photo), repeats),
        "predict": median(lambda: predictor.predict(picture), repeats),
        "refine": median(lambda: refine(prediction, RefinementSettings(detail=1.2)), repeats),
        "mesh": median(lambda: build_mesh(height, MeshSettings(), prediction), repeats),
        "normal map": median(lambda: encode_detail(height, mesh, MeshSettings()), repeats),
    }
    arrays = sum(seconds.values())
    scene = bpy.context.scene
    placed = median(lambda: bridge.create_relief(result, scene, Matrix.Identity(4)), repeats)
    relief = bpy.context.scene.collection.children[bridge.COLLECTION].objects[0]
    moved = median(lambda: bridge.update_relief(relief, mesh, result.settings), repeats)
    rows, columns = picture.grey.shape
    whole = picture.grey[: rows // MULTIPLE_PX * MULTIPLE_PX, : columns // MULTIPLE_PX * MULTIPLE_PX]
    seen = lit(standardise(whole), prediction.light[:2])
    one_pass = median(lambda: predictor.network.run(seen), repeats)
    print(f"{photo.name}, {columns}x{rows} px, {len(mesh.vertices):,} vertices, {predictor.runtime}")
    for name, value in seconds.items():
        print(f"  {name:32}{value:8.3f} s {value / arrays:5.0%}")
    print(f"  {'one pass of the network':32}{one_pass:8.3f} s")
    print(f"  {'photo to mesh arrays':32}{arrays:8.3f} s")
    print(f"  {'object from arrays':32}{placed:8.3f} s")
    print(f"  {'refinement to moved vertices':32}{seconds['refine'] + seconds['mesh'] + moved:8.3f} s")


def main_loop(photo: Path, runtime: str) -> None:
    """Gaps in a loop of 5 ms turns, as Blender's own loop takes them, without and with a reconstruction beside it."""
    from photo_to_relief.inference import MeshSettings, RefinementSettings
    from photo_to_relief.operators.job import Job
    from photo_to_relief.operators.reconstruction import reconstruct

    def gaps(goes_on: Callable[[], bool]) -> list[float]:
        found, last = [], time.perf_counter()
        while goes_on():
            time.sleep(0.005)
            now = time.perf_counter()
            found.append(1000 * (now - last))
            last = now
        return sorted(found)

    job = Job(
        lambda progress: reconstruct(photo, RefinementSettings(), MeshSettings(), runtime=runtime, progress=progress)
    )
    until = time.perf_counter() + 2
    idle = gaps(lambda: time.perf_counter() < until)
    job.start()
    busy = gaps(lambda: not job.done)
    job.result()
    for name, found in (("main loop, idle", idle), ("main loop, reconstructing", busy)):
        median_ms, most_ms = statistics.median(found), found[int(0.99 * len(found))]
        print(f"  {name:32}{median_ms:8.1f} ms a turn, 99 of 100 below {most_ms:.1f}, longest {found[-1]:.1f}")


FRIEZE = """
import resource, sys, time
sys.path.insert(0, r"{root}")
import cv2, numpy as np
from inference import Predictor, RefinementSettings, refine
from inference.photo import photo_from_array
example = cv2.imread(r"{photo}", cv2.IMREAD_GRAYSCALE)
square = cv2.resize(example, (2048, 2048), interpolation=cv2.INTER_CUBIC)
for tiles in (1, 4):
    photo = photo_from_array(np.tile(square, (1, tiles)), "frieze")
    start = time.perf_counter()
    prediction = Predictor.load().predict(photo)
    predicted = time.perf_counter()
    refine(prediction, RefinementSettings(smoothing=0.3, bevel=0.5, edge_threshold=0.2, raise_figure=0.1))
    refined = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(2048 * tiles, predicted - start, refined - predicted, peak)
"""


def frieze(photo: Path) -> None:
    """Prediction and refinement of 2048x2048 and of 8192x2048 pixels: seconds, and the peak memory of the process."""
    words = [sys.executable, "-c", FRIEZE.format(root=ROOT, photo=photo)]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
    rows = [[float(value) for value in line.split()] for line in lines if line]
    for width, predicted, refined, peak in rows:
        print(f"  {f'{width:.0f}x2048':32}{predicted:8.3f} s predicted, {refined:.3f} s refined, peak {peak:.2f} GB")
    (_, one, _, _), (_, four, _, _) = rows
    print(f"  {'four times the pixels':32}{four / one:8.2f} times the time of prediction")


def enabling(repeats: int) -> None:
    """What enabling the extension costs, in a fresh Blender each time."""
    words = [sys.executable, "-c", ENABLING.format(root=ROOT)]
    lines = [subprocess.run(words, check=True, capture_output=True, text=True).stdout.split() for _ in range(repeats)]
    took = statistics.median(float(line[-3]) for line in lines)
    print(f"  {'enabling':32}{took / 1000:8.3f} s, torch loaded: {lines[0][-2]}, cv2 loaded: {lines[0][-1]}")


def whole(photo: Path, folder: Path) -> None:
    """The whole command with all its formats: seconds and peak memory."""
    start = time.perf_counter()
    words = [
        sys.executable,
        str(ROOT / "relief"),
        "reconstruct",
        str(photo),
        "--output",
        str(folder / "out"),
        "--quiet",
    ]
    subprocess.run(words, check=True, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"  {'the whole command':32}{time.perf_counter() - start:8.3f} s, peak memory {peak:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the road from photograph to object.")
    parser.add_argument("photo", nargs="?", type=Path, default=ROOT / "examples" / "panel.jpg")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--frieze", action="store_true", help="also a frieze of 8192x2048 pixels: some minutes")
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location(
        "photo_to_relief", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with tempfile.TemporaryDirectory() as place:
        photo = square(options.photo, options.size, Path(place))
        whole(photo, Path(place))
        enabling(options.repeats)
        stages(photo, options.repeats, options.runtime)
        main_loop(photo, options.runtime)
        if options.frieze:
            frieze(options.photo)


if __name__ == "__main__":
    main()
