"""Trains the network; resumable, on a CPU or a GPU as it stands.

    python -m training.train --library DIR --shapes DIR --run DIR --minutes 120

Writes ``last.pt`` (everything needed to resume) and ``curve.csv`` into the run's folder; ``python -m training.export
--run DIR`` makes of it the weights that the extension bundles. Another ``--crop`` may be given when a run is resumed.
"""

from __future__ import annotations

import argparse
import copy
import csv
import gzip
import io
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor, nn

from inference.network import ReliefNetwork, build_network
from inference.network.edges import SoftEdgeDetectorB
from inference.network.light import light_loss
from inference.normalisation import belief

from .data import Stream, again, batches
from .depthwise import hasten
from .losses import EDGE_SHARES, SEGMENT_SHARES, LossWeights, autocast, balanced, detector_loss, total_loss

log = logging.getLogger(__name__)

EMA_DECAY = 0.998
WARMUP_STEPS = 200
CALIBRATION_BATCHES = 60
DECAY = 0.03
"""Weight decay of matrices and kernels."""
MAX_NORM = 1e6
"""Norm of the gradient that no healthy step has: better stop at the last checkpoint than train on garbage."""
DECAY_FROM = 0.45
"""Share of the time after which the learning rate falls to zero, linearly."""
ABOVE = 0.5
"""Evidence that light comes from above, which it does in most samples; see `inference.normalisation.believed`."""
LIGHT_KNOWN = (0.4, 0.45, 0.15)
"""Shares of the samples that are read with the true light, with the light found, with no word of the light."""
RAMP_FROM, RAMP_TO = 0.2, 0.4
"""Shares of the time between which the mismatch comes into the dynamic weight."""


@dataclass(frozen=True)
class Options:
    """What a run is."""

    library: Path
    run: Path
    shapes: Path | None
    minutes: float
    batch: int
    crop: int
    workers: int
    threads: int
    learning_rate: float
    config: str
    seed: int
    device: str
    detector_steps: int
    start: Path | None = None
    again: bool = False


def to_device(batch: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    """The batch on the device, photographs in channels_last."""
    moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    moved["x"] = moved["x"].to(memory_format=torch.channels_last)
    return moved


def learning_rate(options: Options, step: int, share: float) -> float:
    """Warm-up by steps, constant, then linear decay by share of the time."""
    decay = min(1.0, max(0.0, (1 - share) / (1 - DECAY_FROM)))
    return options.learning_rate * min(1.0, (step + 1) / WARMUP_STEPS) * max(decay, 0.01)


def is_mixing(weight: Tensor) -> bool:
    """Whether a weight is that of a 1x1 convolution, a matrix from all channels to all channels."""
    return weight.ndim == 4 and min(weight.shape[:2]) > 1 and weight.shape[2:] == (1, 1)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int) -> None:
    """Exponential moving average of weights and of batch statistics; young averages forget faster."""
    decay = min(EMA_DECAY, (1 + step) / (10 + step))
    old, new = list(average.state_dict().values()), list(model.state_dict().values())
    real = [value.is_floating_point() for value in old]
    torch._foreach_lerp_(list(compress(old, real)), list(compress(new, real)), 1 - decay)
    for a, b, floats in zip(old, new, real, strict=True):
        if not floats:
            a.copy_(b)


def load_exported(path: Path, device: str) -> dict[str, Tensor]:
    """The weights in a ``relief.pt.gz`` that `training.export` wrote."""
    with gzip.open(path) as file:
        state: dict[str, Tensor] = torch.load(io.BytesIO(file.read()), map_location=device, weights_only=True)
    return state


def train_detector(detector: SoftEdgeDetectorB, stream: Any, options: Options, edge_weights: Tensor) -> float:
    """Teach detector B the soft edges of true heights, then freeze it; returns its last mean loss."""
    optimiser = torch.optim.AdamW(detector.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(options.detector_steps, 1))
    detector.train()
    mean = float("nan")
    for step in range(options.detector_steps):
        batch = to_device(next(stream), options.device)
        with autocast(options.device):
            logits = detector(batch["height"])
        loss = detector_loss(logits, batch["edges"].long(), edge_weights)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        mean = loss.item() if step == 0 else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            log.info("detector B step %d loss %.3f", step, mean)
    detector.freeze()
    return mean


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then rename it."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def turned_light(light: Tensor, turns: int) -> Tensor:
    """Vectors toward the light, (N, 3), as seen in pictures that were turned left by quarters of a circle."""
    right, up, out = light.unbind(1)
    for _ in range(turns):
        right, up = -up, right
    return torch.stack((right, up, out), 1)


class Training:
    """A run: model, average, optimisers and clock, together resumable.

    Muon trains the 1x1 convolutions, which are matrices and most of the weights, AdamW all others. On the same 109
    batches, from weights 0.11 on, the loss of the last 59 was lower by 0.05 +- 0.015 of 3.5 than with AdamW alone.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; its step scaled as in
    Liu et al., "Muon is Scalable for LLM Training", 2025.
    """

    def __init__(self, options: Options, weights: LossWeights | None = None) -> None:
        self.options = options
        self.weights = weights or LossWeights()
        torch.manual_seed(options.seed)
        if options.threads:
            torch.set_num_threads(options.threads)
            numba.set_num_threads(min(options.threads, numba.get_num_threads()))
        torch.backends.cudnn.benchmark = True
        self.model: ReliefNetwork = build_network(options.config).to(options.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model)
        if options.device == "cpu":
            hasten(self.model)
        self.step, self.seconds, self.starts = 0, 0.0, 0
        self.taught = options.start is not None
        self.rng = np.random.default_rng(options.seed)
        self.edge_weights, self.segment_weights = torch.ones(4), torch.ones(6)
        options.run.mkdir(parents=True, exist_ok=True)
        self.checkpoint = options.run / "last.pt"
        learned = {n: p for n, p in self.model.named_parameters() if not n.startswith("detector_b")}
        self.mixing = [p for p in learned.values() if is_mixing(p)]
        others = {n: p for n, p in learned.items() if not is_mixing(p)}
        kernels = [p for n, p in others.items() if p.ndim > 1 and not n.endswith(".scale")]
        vectors = [p for n, p in others.items() if p.ndim == 1 or n.endswith(".scale")]
        groups = [{"params": kernels, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, options.learning_rate, fused=True)
        self.steepest = torch.zeros((), device=options.device)
        # Muon knows matrices alone: these share their numbers with the 1x1 convolutions.
        self.matrices = [nn.Parameter(p.detach().flatten(1)) for p in self.mixing]
        self.muon = torch.optim.Muon(
            self.matrices, options.learning_rate, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"
        )

    def set_learning_rate(self, rate: float) -> None:
        """The learning rate of the next steps."""
        for group in (*self.adam.param_groups, *self.muon.param_groups):
            group["lr"] = rate

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "adam": self.adam.state_dict(),
            "muon": self.muon.state_dict(),
            "edge_weights": self.edge_weights,
            "segment_weights": self.segment_weights,
            "step": self.step,
            "seconds": self.seconds,
            "starts": self.starts,
            "taught": self.taught,
            "config": self.options.config,
        }

    def resume(self) -> bool:
        """Take up the run's last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, map_location=self.options.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.adam.load_state_dict(state["adam"])
        self.muon.load_state_dict(state["muon"])
        self.edge_weights, self.segment_weights = state["edge_weights"], state["segment_weights"]
        self.step, self.seconds, self.starts = state["step"], state["seconds"], state["starts"] + 1
        self.taught = state["taught"]
        self.model.detector_b.freeze()
        log.info("resumed at step %d after %.0f minutes", self.step, self.seconds / 60)
        return True

    def run(self) -> None:
        """Train until the run's minutes are over."""
        options = self.options
        resumed = self.resume()
        stream = self.photographs()
        if not resumed:
            shares = torch.tensor(EDGE_SHARES), torch.tensor(SEGMENT_SHARES)
            self.edge_weights, self.segment_weights = (balanced(share).to(options.device) for share in shares)
            if options.start:
                self.model.load_state_dict(load_exported(options.start, options.device))
                self.model.detector_b.freeze()
            else:
                train_detector(self.model.detector_b, stream, options, self.edge_weights)
            self.average.load_state_dict(self.model.state_dict())
        self.average.eval()
        self.average.detector_b.freeze()
        self.model.train()
        budget = options.minutes * 60
        move = partial(to_device, device=options.device)
        moved = again(stream, move) if options.again else map(move, stream)
        means: dict[str, Tensor] = {}
        begun, base, saved = time.monotonic(), self.seconds, time.monotonic()
        while self.seconds < budget:
            share = self.seconds / budget
            self.set_learning_rate(learning_rate(options, self.step, share))
            terms = self.one_step(next(moved), self.ramp(share))
            means = {name: value.lerp(means.get(name, value), 0.98) for name, value in terms.items()}
            self.step += 1
            self.seconds = base + time.monotonic() - begun
            if self.step % 50 == 0:
                self.check()
                self.tell({name: value.item() for name, value in means.items()})
            if time.monotonic() - saved > 240:
                self.check()
                save(self.checkpoint, self.state())
                saved = time.monotonic()
        self.check()
        self.calibrate(self.photographs())  # none of which were retouched: those of users are not
        save(self.checkpoint, self.state())

    def photographs(self) -> Iterator[dict[str, Any]]:
        """Endless batches of new photographs."""
        options = self.options
        seed = options.seed + 1000 * self.starts
        return batches(Stream(options.library, options.shapes, options.crop, seed), options.batch, options.workers)

    def ramp(self, share: float) -> float:
        """How far the mismatch has come into the dynamic weight, and detector B into the loss.

        After a share of the run; at once with weights that know heights already.
        """
        return 1.0 if self.taught else min(1.0, max(0.0, (share - RAMP_FROM) / (RAMP_TO - RAMP_FROM)))

    @torch.no_grad()
    def calibrate(self, stream: Any) -> None:
        """Measure the average's batch statistics anew: those of its ever-changing model do not fit it."""
        frozen = set(self.average.detector_b.modules())
        norms = [m for m in self.average.modules() if isinstance(m, nn.BatchNorm2d) and m not in frozen]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
        self.average.train()
        for _ in range(CALIBRATION_BATCHES):
            with autocast(self.options.device):
                batch = to_device(next(stream), self.options.device)
                self.average(self.lit(batch["x"], batch["light"]))
        self.average.eval()

    @torch.no_grad()
    def lit(self, x: Tensor, light: Tensor) -> Tensor:
        """What the network reads: with the true light, with the light that it finds itself, or with none."""
        with autocast(self.options.device):
            evidence = self.average.light_branch(x)
        found = evidence[:, :2].float()
        found[:, 1] += ABOVE
        found *= belief(found.square().sum(1, keepdim=True))
        true = light[:, :2] / light[:, :2].norm(dim=1, keepdim=True).clamp_min(1e-6)
        chance = torch.rand(len(x), 1, device=x.device)
        told, found_too = LIGHT_KNOWN[0], LIGHT_KNOWN[0] + LIGHT_KNOWN[1]
        towards = torch.where(chance < told, true, found * (chance < found_too))
        return torch.cat((x, x * towards[:, :1, None, None], x * towards[:, 1:, None, None]), 1)

    def one_step(self, batch: dict[str, Tensor], ramp: float) -> dict[str, Tensor]:
        """Forward, loss, backward, update, average; returns the terms of the loss."""
        x, light = batch["x"], batch["light"]
        with autocast(self.options.device):
            out = self.model(self.lit(x, light))
            turns = int(self.rng.integers(1, 4))
            turned = self.model.light_branch(torch.rot90(x, turns, (2, 3)))
        loss, terms = total_loss(
            out, batch, self.model.detector_b, self.edge_weights, self.segment_weights, self.weights, ramp
        )
        loss = loss + self.weights.light * light_loss(turned, turned_light(light, turns))
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.steepest = torch.maximum(self.steepest, norm)  # of a NaN too; nothing here waits for the device
        self.step_optimisers()
        update_average(self.average, self.model, self.step)
        return {"total": loss.detach()} | {name: term.detach() for name, term in terms.items()}

    def check(self) -> None:
        """See that no step since the last checkpoint had an unhealthy gradient.

        Raises:
            FloatingPointError: one had; what was learnt since is worth nothing.
        """
        if not self.steepest < MAX_NORM:
            raise FloatingPointError(f"The gradient's norm was {self.steepest.item():g} before step {self.step}.")
        self.steepest.zero_()

    def step_optimisers(self) -> None:
        """Update the weights by their gradients."""
        for matrix, weight in zip(self.matrices, self.mixing, strict=True):
            matrix.grad = None if weight.grad is None else weight.grad.flatten(1)
        self.muon.step()
        self.adam.step()

    def tell(self, means: dict[str, float]) -> None:
        """Log the running means and append them to the curve."""
        rate = self.step * self.options.batch / max(self.seconds, 1e-9)
        log.info("%5d %6.1f min %.1f/s %s", self.step, self.seconds / 60, rate,
                 " ".join(f"{k} {v:.3f}" for k, v in means.items()))  # fmt: skip
        path = self.options.run / "curve.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "minutes", *means])
            writer.writerow([self.step, f"{self.seconds / 60:.2f}", *(f"{v:.4f}" for v in means.values())])


def parse(arguments: list[str] | None = None) -> Options:
    """Options from the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train the network.")
    parser.add_argument("--library", type=Path, required=True, help="folder that training.shapes wrote")
    parser.add_argument("--shapes", type=Path, help="folder that holds stone_textures; procedural stone without it")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; an old run there is resumed")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; 0: its own choice")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--config", default="base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--detector-steps", type=int, default=400)
    parser.add_argument("--again", action="store_true", help="read photographs again where the next are not made yet")
    parser.add_argument("--start", type=Path, help="exported relief.pt.gz that a new run begins with")
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    Training(parse()).run()
