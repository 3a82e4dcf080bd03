"""Averages the weights of a run with older ones, and exports the mean.

    python -m training.mean --run RUN --other inference/weights/relief.pt.gz --share 0.55 --library DIR --shapes DIR \\
        --version NAME --output FOLDER

Source: the weight averaging of Wortsman et al., "Model soups", ICML 2022; batch statistics are measured anew.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from torch import Tensor

from inference.network import ReliefNetwork

from .export import export
from .train import Options, Training, load_exported, parse


def mean_of(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The mean of two states of one network, ``share`` of it the first's; counters are the first's."""
    return {
        name: share * value.float() + (1 - share) * second[name].float() if value.is_floating_point() else value
        for name, value in first.items()
    }


def averaged(options: Options, other: Path, share: float) -> ReliefNetwork:
    """The mean of a run's averaged weights and exported ones, its batch statistics measured anew.

    Args:
        options: of the run, with the photographs to measure on.
        other: ``relief.pt.gz`` of the same configuration.
        share: of the run's weights, 0 to 1.

    Raises:
        FileNotFoundError: the run has no checkpoint.
    """
    if not (options.run / "last.pt").exists():  # before a mistyped folder is made
        raise FileNotFoundError(f"There is no checkpoint in {options.run}.")
    training = Training(options)
    training.resume()
    network = training.average
    older = load_exported(other, options.device)
    network.load_state_dict(mean_of(network.state_dict(), older, share))
    network.detector_b.freeze()
    training.calibrate(training.photographs())
    return network


def main() -> None:
    """Average and export."""
    parser = argparse.ArgumentParser(
        prog="python -m training.mean",
        description=main.__doc__,
        epilog="Options of training.train hold too: --run, --library, --shapes, --crop, --batch.",
    )
    parser.add_argument("--other", type=Path, required=True, help="exported relief.pt.gz to average the run with")
    parser.add_argument("--share", type=float, default=0.5, help="of the run, 0 to 1")
    parser.add_argument("--version", required=True, help="what these weights are called")
    parser.add_argument("--output", type=Path, required=True, help="folder of the weights")
    given, rest = parser.parse_known_args()
    export(averaged(parse(rest), given.other, given.share), given.output, given.version)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
