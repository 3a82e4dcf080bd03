"""What each part of the method is worth: small runs of equal length, several seeds each, on the same data.

    python -m training.ablation --library DIR --shapes DIR --run DIR

Each seed gives every variant the same start weights and the same photographs in the same order, so a variant is
compared with the whole method seed by seed. A difference counts only where it is larger than these differences spread;
the table marks those with a star. Started again it goes on where it was, with more seeds or variants if asked for;
other options are refused.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.errors import ReliefError
from inference.evaluation import correlation, highpass
from inference.prediction import EDGE_CLASSES

from .benchmark import HIGHPASS_SHARE
from .data import Stream, batches, collate
from .labels import soft_edge_classes
from .losses import LossWeights, autocast, balanced
from .train import Options, Training, learning_rate, save, to_device, train_detector

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]
WHOLE = "whole method"
MAY_CHANGE = ("run", "seeds", "only", "jobs", "threads")
"""Options that another start may give otherwise; the scores it finds there are the same."""


@dataclass(frozen=True)
class Variant:
    """One part taken away.

    Attributes:
        weights: of the losses.
        binary: whether an edge is an edge, however soft.
        matching: whether the edge matching learns; else it leaves the height as it is.
    """

    weights: LossWeights = field(default_factory=LossWeights)
    binary: bool = False
    matching: bool = True


def _without(**names: float) -> LossWeights:
    return replace(LossWeights(), **names)


VARIANTS = {
    WHOLE: Variant(),
    "no segments": Variant(_without(segments=0.0)),
    "no soft edges": Variant(_without(edges=0.0, matching=0.0, edge=0.0, mismatch=0.0), matching=False),
    "binary edges": Variant(binary=True),
    "no edge matching": Variant(_without(matching=0.0, mismatch=0.0), matching=False),
    "static loss": Variant(_without(mismatch=0.0)),
    "no slopes": Variant(_without(slopes=0.0, error=0.0)),
    # What a plain U-Net of the same size makes of the same photographs.
    "height alone": Variant(
        _without(segments=0.0, edges=0.0, matching=0.0, edge=0.0, mismatch=0.0, slopes=0.0, error=0.0), matching=False
    ),
}


def relabelled(batch: Batch, binary: bool) -> Batch:
    """The batch, with one class of edges alone where ``binary``."""
    return {**batch, "edges": batch["edges"].clamp(max=1)} if binary else batch


def record(options: Options, steps: int, path: Path) -> None:
    """Keep the first batches of the options' stream: drawn once, seen by every variant."""
    source = Stream(options.library, options.shapes, options.crop, options.seed)
    stream = itertools.islice(batches(source, options.batch, options.workers), steps)
    save(path, {"batches": [{name: value.clone() for name, value in batch.items()} for batch in stream]})


def class_weights(stream: Any, device: str) -> tuple[Tensor, Tensor]:
    """Weights of soft-edge classes and segments from the first 12 batches, whose classes may be relabelled."""
    edges, segments = torch.zeros(4), torch.zeros(6)
    for _ in range(12):
        batch = next(stream)
        edges += torch.bincount(batch["edges"].flatten().long(), minlength=4)
        segments += torch.bincount(batch["segments"].flatten().long(), minlength=6)
    log.info("shares of edges %s, of segments %s", edges / edges.sum(), segments / segments.sum())
    return balanced(edges).to(device), balanced(segments).to(device)


def train(variant: Variant, options: Options, recorded: list[Batch]) -> Training:
    """A run over all batches once; detector B and the batch statistics see the first of them."""
    training = Training(options, variant.weights)
    # The last layer of the matching is zero at the start, and so stays zero where it learns nothing.
    training.model.matching.requires_grad_(variant.matching)
    stream = itertools.cycle(relabelled(batch, variant.binary) for batch in recorded)
    training.edge_weights, training.segment_weights = class_weights(stream, options.device)
    train_detector(training.model.detector_b, stream, options, training.edge_weights)
    training.average.load_state_dict(training.model.state_dict())
    training.average.eval()
    training.average.detector_b.freeze()
    training.model.train()
    for _ in recorded:
        share = training.step / len(recorded)
        training.set_learning_rate(learning_rate(options, training.step, share))
        training.one_step(to_device(next(stream), options.device), training.ramp(share))
        training.step += 1
    training.check()
    training.calibrate(stream)
    return training


@torch.no_grad()
def score(training: Training, samples: Batch) -> dict[str, float]:
    """Of photographs of held-out shapes: median r of the high-passed height and of the slopes, and how well the soft
    edges of the height found are those of the true height, as the mean F1 of the classes but none."""
    heights, slopes = [], []
    confusion = np.zeros((len(EDGE_CLASSES),) * 2)
    size = training.options.batch
    for start in range(0, len(samples["x"]), size):
        part = to_device({name: v[start : start + size] for name, v in samples.items()}, training.options.device)
        with autocast(training.options.device):
            out = training.average(training.lit(part["x"], part["light"]))
        for found, true in zip(out.height[:, 0].float().cpu().numpy(), part["height"][:, 0].cpu().numpy(), strict=True):
            everywhere = np.ones(true.shape, bool)
            a, b = (highpass(h, everywhere, HIGHPASS_SHARE * len(true)) for h in (found, true))
            heights.append(correlation(a, b, everywhere))
            slopes.append(np.corrcoef(np.ravel(np.gradient(found)), np.ravel(np.gradient(true)))[0, 1])
            np.add.at(confusion, (soft_edge_classes(true), soft_edge_classes(found)), 1)
    f1 = 2 * confusion.diagonal() / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    return {
        "r of height": float(np.median(heights)),
        "r of its slopes": float(np.median(slopes)),
        "F1 of its edges": float(f1[1:].mean()),
    }


def held_out(options: Options, count: int) -> Batch:
    """Photographs of shapes that no run is trained on, carved ones alone."""
    stream = iter(Stream(options.library, options.shapes, options.crop, 99, holdout=True))
    samples: list[Any] = []
    while len(samples) < count:
        sample = next(stream)
        if sample.height.std() > 0.05:
            samples.append(sample)
    return collate(samples)


def one(name: str, options: Options, recorded: Path, samples: Path) -> dict[str, float]:
    """Train and score one variant with one seed, or read its score where it was finished before.

    Its run lies in ``options.run`` as `training.train` would leave it, so that `training.export` can write its weights.
    """
    finished = options.run / "score.json"
    if not finished.exists():
        training = train(VARIANTS[name], options, torch.load(recorded, weights_only=True)["batches"])
        save(training.checkpoint, training.state())
        part = finished.with_suffix(".part")
        part.write_text(json.dumps(score(training, torch.load(samples, weights_only=True))), encoding="utf-8")
        part.replace(finished)
    found: dict[str, float] = json.loads(finished.read_text(encoding="utf-8"))
    return found


def keep(path: Path, options: dict[str, Any]) -> None:
    """Write a run's options at its first start; scores of other options would not be comparable with its own.

    Raises:
        ReliefError: the run was begun with others.
    """
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    begun = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name, value in options.items() if begun.get(name) != value]
    if other:
        told = "; ".join(f"{name} was {begun.get(name)} and is {options[name]}" for name in other)
        raise ReliefError(f"{path.parent} was begun with other options: {told}. Give another --run.")


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: means over the seeds, and how far a variant lies from the whole method with the same seed, which gave
    both the same photographs: mean and range; a star where the mean is larger than the range is wide."""
    columns = list(results[WHOLE][0])
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    whole = {c: np.array([row[c] for row in results[WHOLE]]) for c in columns}
    for name, rows in results.items():
        cells = []
        for c in columns:
            values = np.array([row[c] for row in rows])
            if name == WHOLE:
                cells.append(f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})")
                continue
            apart = values - whole[c]
            star = " *" if len(apart) > 1 and abs(apart.mean()) > np.ptp(apart) else ""
            cells.append(f"{values.mean():.3f}: {apart.mean():+.3f} ({apart.min():+.3f} to {apart.max():+.3f}){star}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run every variant with every seed and print the table; started again, it goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m training.ablation", description=main.__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--shapes", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="folder of all runs and their scores")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--crop", type=int, default=192)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--count", type=int, default=96, help="held-out photographs")
    parser.add_argument("--detector-steps", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch in each run; 0: its own choice")
    parser.add_argument("--config", default="small")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), help="these beside the whole method")
    given = parser.parse_args(arguments)
    names = [WHOLE, *(name for name in VARIANTS if name != WHOLE and (given.only is None or name in given.only))]
    options = Options(
        library=given.library, run=given.run, shapes=given.shapes, minutes=0.0, batch=given.batch, crop=given.crop,
        workers=given.workers, threads=given.threads, learning_rate=2e-3, config=given.config, seed=0,
        device=given.device, detector_steps=given.detector_steps,
    )  # fmt: skip
    options.run.mkdir(parents=True, exist_ok=True)
    kept = {name: str(value) for name, value in vars(given).items() if name not in MAY_CHANGE}
    try:
        keep(options.run / "options.json", kept)
    except ReliefError as error:
        parser.error(str(error))
    samples = options.run / "held_out.pt"
    if not samples.exists():
        save(samples, held_out(options, given.count))
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    # A run in a process of its own: PyTorch's threads do not survive a fork.
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed in range(given.seeds):
            recorded = options.run / f"batches-{seed}.pt"
            runs = [replace(options, seed=seed, run=options.run / f"{name}-{seed}".replace(" ", "-")) for name in names]
            if not recorded.exists() and not all((run.run / "score.json").exists() for run in runs):
                record(replace(options, seed=seed), given.steps, recorded)
            scores = pool.map(one, names, runs, itertools.repeat(recorded), itertools.repeat(samples))
            for name, found in zip(names, scores, strict=True):
                results[name].append(found)
                log.info("seed %d, %s: %s", seed, name, found)
            recorded.unlink(missing_ok=True)
    print(table(results))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    main()
