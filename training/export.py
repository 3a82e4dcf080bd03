"""Write the weights that the extension bundles, for both runtimes, and what they are.

python -m training.export --run DIR --version 1.0.0
"""

from __future__ import annotations

import argparse
import copy
import gzip
import hashlib
import json
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inference.errors import ReliefError
from inference.network import Inference, ReliefNetwork, build_network
from inference.network.blocks import Residual
from inference.runtime import FILES, LIGHT_FILE, ONNX_FILE, OUTPUTS, TORCH_FILE, WEIGHTS_FILE, WEIGHTS_FOLDER

log = logging.getLogger(__name__)

SMALL = 1024
"""Tensors of fewer values stay float32: statistics and biases cost little and lose much."""

MAX_BYTES = 17_000_000
"""All files together stay below this."""


SIZED = {2: "height", 3: "width"}
"""Axes of a picture, by the names of their lengths."""


def _rounded(network: ReliefNetwork) -> ReliefNetwork:
    """A copy in evaluation mode with scales folded and large weights rounded to what float16 holds.

    Rounded before any file is written, so that both runtimes compute with the same numbers.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, Residual):
                part.fold()
        for weight in network.state_dict().values():
            if weight.is_floating_point() and weight.numel() >= SMALL:
                weight.copy_(weight.half().float())
    return network


def _state(network: ReliefNetwork) -> dict[str, Tensor]:
    """The state with large weights in float16; running counts are of no use any more but keep loading strict."""
    return {
        name: value.half() if value.is_floating_point() and value.numel() >= SMALL else value.clone()
        for name, value in network.state_dict().items()
    }


def _write_onnx(part: nn.Module, channels: int, answers: dict[str, dict[int, str]], path: Path) -> None:
    """The graph with large weights stored as float16, each followed by a cast that the reader folds away.

    Args:
        part: what to write.
        channels: of its input, (1, channels, H, W).
        answers: names of its answers, and which of their axes are as long as the input's height and width.
        path: of the file.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but the other one needs another package and draws the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part.eval(),
            (torch.zeros(1, channels, 128, 160),),
            str(path),
            input_names=["seen"],
            output_names=list(answers),
            dynamic_axes={"seen": SIZED, **answers},
            opset_version=17,
            # Normalisations stay nodes: folded into the weights they would be rounded a second time.
            training=torch.onnx.TrainingMode.PRESERVE,
            dynamo=False,
        )
    model = onnx.load(str(path))
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size >= SMALL:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def export(network: ReliefNetwork, folder: Path, version: str) -> None:
    """Write ``relief.pt.gz``, ``relief.onnx.gz``, ``light.onnx.gz`` and ``weights.json``.

    Args:
        network: trained; it stays as it is.
        folder: made if missing; files of these names there are replaced.
        version: what users and results call these weights.

    Raises:
        ReliefError: the files are too large to be shipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = _rounded(network)
    temporary = {name: folder / f".{name}.part" for name in (*FILES, WEIGHTS_FILE)}
    try:
        torch.save(_state(network), temporary[TORCH_FILE])
        _write_onnx(Inference(network), 3, dict.fromkeys(OUTPUTS, SIZED), temporary[ONNX_FILE])
        _write_onnx(network.light_branch, 1, {"light": {}}, temporary[LIGHT_FILE])
        # Without the time in them, so that the same network gives the same files.
        files = {name: gzip.compress(temporary[name].read_bytes(), mtime=0) for name in FILES}
        for name, content in files.items():
            temporary[name].write_bytes(content)
        size = sum(map(len, files.values()))
        if size >= MAX_BYTES:
            raise ReliefError(f"The weights take {size} bytes; {MAX_BYTES} are allowed. Choose a smaller network.")
        description = {
            "version": version,
            "config": network.config.name,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }
        temporary[WEIGHTS_FILE].write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        for name, path in temporary.items():
            os.replace(path, folder / name)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    log.info("Weights %s: %d bytes in %s", version, size, folder)


def main() -> None:
    """Export the averaged weights of a run's last checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--version", required=True, help="what these weights are called")
    parser.add_argument("--output", type=Path, default=WEIGHTS_FOLDER, help="default: where the extension looks")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    state = torch.load(options.run / "last.pt", map_location="cpu", weights_only=True)
    network = build_network(state["config"])
    network.load_state_dict(state["average"])
    export(network, options.output, options.version)


if __name__ == "__main__":
    main()
