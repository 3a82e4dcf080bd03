"""What each part of the method is worth: small runs of equal length, several seeds each, on the same data.

    python -m training.ablation --library DIR --shapes DIR --steps 600 --seeds 3

Each seed gives every variant the same start weights and the same stream of photographs. A difference from the whole
method counts only where it is larger than the spread of the seeds; the table marks those with a star.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inference.evaluation import correlation, highpass

from .benchmark import HIGHPASS_SHARE
from .data import Stream, batches, collate
from .losses import LossWeights, autocast
from .train import Options, Training, class_weights, learning_rate, to_device, train_detector

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]
WHOLE = "whole method"


@dataclass(frozen=True)
class Variant:
    """One part taken away.

    Attributes:
        weights: of the losses.
        binary: whether an edge is an edge, however soft.
        matching: whether the edge matching corrects the height.
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


class _NoMatching(nn.Module):
    """Stands for the edge matching where the height is to stay as it was."""

    def forward(self, difference: Tensor, height: Tensor, slopes: Tensor, detail: Tensor) -> Tensor:
        return torch.zeros_like(height)


def relabelled(stream: Iterator[Any], binary: bool) -> Iterator[Any]:
    """The batches, with one class of edges alone where ``binary``."""
    for batch in stream:
        yield {**batch, "edges": batch["edges"].clamp(max=1)} if binary else batch


def train(variant: Variant, options: Options, steps: int) -> Training:
    """A run of so many steps, whatever time they take."""
    training = Training(options, variant.weights)
    if not variant.matching:
        for network in (training.model, training.average):
            network.matching = _NoMatching()  # type: ignore[assignment]
        training.optimiser = torch.optim.AdamW(training.groups(), options.learning_rate)
    source = Stream(options.library, options.shapes, options.crop, options.seed)
    stream = relabelled(batches(source, options.batch, options.workers), variant.binary)
    training.edge_weights, training.segment_weights = class_weights(stream, options.device)
    train_detector(training.model.detector_b, stream, options, training.edge_weights)
    training.average.load_state_dict(training.model.state_dict())
    training.average.eval()
    training.average.detector_b.freeze()
    training.model.train()
    for step in range(steps):
        share = step / steps
        for group in training.optimiser.param_groups:
            group["lr"] = learning_rate(options, step, share)
        training.one_step(to_device(next(stream), options.device), training.ramp(share))
        training.step += 1
    training.calibrate(stream)
    return training


@torch.no_grad()
def score(training: Training, samples: Batch, batch: int) -> dict[str, float]:
    """Medians over photographs of held-out shapes: r of the high-passed height, and of the slopes."""
    heights, slopes = [], []
    for start in range(0, len(samples["x"]), batch):
        some = {name: value[start : start + batch] for name, value in samples.items()}
        part = to_device(some, training.options.device)
        with autocast(training.options.device):
            out = training.average(training.lit(part["x"], part["light"]))
        for found, true in zip(out.height[:, 0].float().cpu().numpy(), part["height"][:, 0].cpu().numpy(), strict=True):
            everywhere = np.ones(true.shape, bool)
            a, b = (highpass(h, everywhere, HIGHPASS_SHARE * len(true)) for h in (found, true))
            heights.append(correlation(a, b, everywhere))
            down, right = np.gradient(true)
            steep, flat = np.gradient(found)
            slopes.append(np.corrcoef(np.ravel([steep, flat]), np.ravel([down, right]))[0, 1])
    return {"r of height": float(np.median(heights)), "r of its slopes": float(np.median(slopes))}


def held_out(options: Options, count: int) -> Batch:
    """Photographs of shapes that no run is trained on, carved ones alone."""
    stream = iter(Stream(options.library, options.shapes, options.crop, 99, holdout=True))
    samples: list[Any] = []
    while len(samples) < count:
        sample = next(stream)
        if sample.height.std() > 0.05:
            samples.append(sample)
    return collate(samples)


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: mean and range over the seeds; a star where it lies further from the whole method than both spread."""
    columns = list(results[WHOLE][0])
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    whole = {c: np.array([row[c] for row in results[WHOLE]]) for c in columns}
    for name, rows in results.items():
        cells = []
        for c in columns:
            values = np.array([row[c] for row in rows])
            apart = abs(values.mean() - whole[c].mean()) > np.ptp(values) / 2 + np.ptp(whole[c]) / 2
            star = " *" if name != WHOLE and apart else ""
            cells.append(f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f}){star}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run every variant with every seed and print the table."""
    parser = argparse.ArgumentParser(prog="python -m training.ablation", description=main.__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--shapes", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--crop", type=int, default=192)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--count", type=int, default=48, help="held-out photographs")
    parser.add_argument("--detector-steps", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--config", default="base")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), help="these beside the whole method")
    given = parser.parse_args(arguments)
    names = [WHOLE, *(name for name in VARIANTS if name != WHOLE and (given.only is None or name in given.only))]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as place:
        options = Options(
            library=given.library, run=Path(place), shapes=given.shapes, minutes=0.0,
            batch=given.batch, crop=given.crop,
            workers=given.workers, threads=given.threads, learning_rate=2e-3, config=given.config, seed=0,
            device=given.device, detector_steps=given.detector_steps,
        )  # fmt: skip
        samples = held_out(options, given.count)
        for seed in range(given.seeds):
            for name in names:
                training = train(VARIANTS[name], replace(options, seed=seed), given.steps)
                results[name].append(score(training, samples, given.batch))
                log.info("seed %d, %s: %s", seed, name, results[name][-1])
    print(table(results))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    main()
