"""Two ways to run the network behind one seam: OpenCV's DNN module, and PyTorch."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .errors import ReliefError
from .prediction import FloatArray
from .settings import RUNTIMES

log = logging.getLogger(__name__)

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
WEIGHTS_FILE = "weights.json"
TORCH_FILE = "relief.pt.gz"
ONNX_FILE = "relief.onnx.gz"
LIGHT_FILE = "light.onnx.gz"
FILES = (TORCH_FILE, ONNX_FILE, LIGHT_FILE)
"""PyTorch's file holds the whole network; the ONNX files hold its two parts, of which the one for light goes first."""

OUTPUTS = ("height", "slopes", "soft_edges", "segments", "confidence")
"""Names of the exported network's answers, in order."""

REINSTALL = "Reinstall the extension, or fetch the repository again."


class RawPrediction(NamedTuple):
    """The network's answer for one pass, at the size of its input.

    Convention:
        Channels first. Pixel frame: x right, y down.

    Attributes:
        height: (H, W) float32.
        slopes: (2, H, W) float32, d height / dx and d height / dy per pixel of the input.
        soft_edges: (4, H, W) float32, probabilities.
        segments: (6, H, W) float32, probabilities.
        confidence: (H, W) float32, 0 to 1.
    """

    height: FloatArray
    slopes: FloatArray
    soft_edges: FloatArray
    segments: FloatArray
    confidence: FloatArray

    @classmethod
    def from_batch(cls, arrays: Sequence[npt.NDArray[Any]]) -> RawPrediction:
        """From the answers to a batch of one, in the order of OUTPUTS."""
        height, slopes, soft_edges, segments, confidence = (np.asarray(a, np.float32)[0] for a in arrays)
        return cls(height[0], slopes, soft_edges, segments, confidence[0])


class Runtime(Protocol):
    """What runs the network."""

    name: str

    def run(self, x: FloatArray) -> RawPrediction:
        """One pass.

        Args:
            x: (3, H, W) float32, what ``normalisation.lit`` makes; H and W multiples of 32, at least 64.
        """
        ...

    def find_light(self, grey: FloatArray) -> FloatArray:
        """Evidence of where the light comes from.

        Args:
            grey: (H, W) float32, standardised; H and W at least 64.

        Returns:
            (3,) float32, x right and y up: two parts of a vector toward the light, the longer the surer, and the logit
            of the sine of its elevation.
        """
        ...


@dataclass(frozen=True)
class Weights:
    """The bundled weights, as ``weights.json`` describes them.

    Attributes:
        folder: where they lie.
        version: what they are called.
        config: name of the network's preset.
        sha256: file name to hash.
    """

    folder: Path
    version: str
    config: str
    sha256: dict[str, str]

    @property
    def label(self) -> str:
        """Version and the start of the hash; both runtimes have the same, as their files hold the same numbers."""
        return f"{self.version}+{self.sha256[TORCH_FILE][:8]}"

    @classmethod
    def read(cls, folder: Path = WEIGHTS_FOLDER) -> Weights:
        """Read the description.

        Raises:
            ReliefError: it is missing or damaged.
        """
        path = folder / WEIGHTS_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            hashes = {name: str(values["sha256"][name]) for name in FILES}
            return cls(folder, str(values["version"]), str(values["config"]), hashes)
        except FileNotFoundError:
            raise ReliefError(f"The network's weights are missing: there is no {path}. {REINSTALL}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReliefError(
                f"The description of the network's weights, {path}, cannot be read. {REINSTALL}"
            ) from error

    def content(self, name: str) -> bytes:
        """What a weight file holds, unpacked; the file was checked against its hash.

        Raises:
            ReliefError: the file is missing, unreadable or not the one described.
        """
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise ReliefError(f"The network's weights are missing: there is no {path}. {REINSTALL}") from None
        except OSError as error:
            raise ReliefError(
                f"The network's weights, {path}, cannot be read: {error.strerror}. {REINSTALL}"
            ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256[name]:
            raise ReliefError(f"The network's weights, {path}, are damaged or of another version. {REINSTALL}")
        return gzip.decompress(content)


class OpenCVRuntime:
    """OpenCV's DNN module on the processor."""

    def __init__(self, weights: Weights) -> None:
        import cv2

        self.name = "opencv (cpu)"
        contents = [np.frombuffer(weights.content(name), np.uint8) for name in (ONNX_FILE, LIGHT_FILE)]
        try:
            # From memory: OpenCV opens no path with letters outside the system's code page on Windows.
            self._net, self._light_net = (cv2.dnn.readNetFromONNX(content) for content in contents)
        except cv2.error as error:
            raise ReliefError(
                f"This OpenCV ({cv2.__version__}) cannot read the network's weights; OpenCV 5 is needed. {REINSTALL}"
            ) from error

    def run(self, x: FloatArray) -> RawPrediction:
        """See ``Runtime``."""
        self._net.setInput(np.ascontiguousarray(x, np.float32)[None])
        return RawPrediction.from_batch(self._net.forward(list(OUTPUTS)))

    def find_light(self, grey: FloatArray) -> FloatArray:
        """See ``Runtime``."""
        self._light_net.setInput(np.ascontiguousarray(grey, np.float32)[None, None])
        return np.array(self._light_net.forward()[0], np.float32)


class TorchRuntime:
    """PyTorch in float32, on a GPU where there is one."""

    def __init__(self, weights: Weights, device: str | None = None) -> None:
        import torch

        from .network import PRESETS, Inference, build_network

        self._torch: Any = torch
        self._device = device or _gpu() or "cpu"
        self.name = f"torch ({self._device})"
        content = weights.content(TORCH_FILE)
        if weights.config not in PRESETS:
            raise ReliefError(f"The network's weights are of an unknown size, {weights.config!r}. {REINSTALL}")
        network = build_network(weights.config)
        try:
            network.load_state_dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
        except (RuntimeError, pickle.UnpicklingError) as error:
            raise ReliefError(f"The network's weights do not fit this version of the extension. {REINSTALL}") from error
        # PyTorch's own annotations of ``to`` leave out the memory format.
        inference: Any = Inference(network).eval()
        self._network = inference.to(self._device, memory_format=torch.channels_last)

    def run(self, x: FloatArray) -> RawPrediction:
        """See ``Runtime``."""
        return RawPrediction.from_batch(self._answers(self._network, x[None]))

    def find_light(self, grey: FloatArray) -> FloatArray:
        """See ``Runtime``."""
        return np.array(self._answers(lambda x: [self._network.network.light_branch(x)], grey[None, None])[0][0])

    def _answers(self, part: Callable[[Any], Sequence[Any]], batch: FloatArray) -> list[FloatArray]:
        """What a part of the network says to a batch; a ReliefError if the GPU's memory does not suffice."""
        torch = self._torch
        try:
            with torch.inference_mode(), _unrounded(torch.backends.cudnn):
                x = torch.from_numpy(np.ascontiguousarray(batch, np.float32)).to(self._device)
                return [np.asarray(answer.cpu().numpy(), np.float32) for answer in part(x)]
        except RuntimeError as error:
            if not any(words in str(error) for words in ("out of memory", "ALLOC_FAILED")):  # CUDA's; cuDNN's, cuBLAS's
                raise
            raise ReliefError(
                "The graphics processor has too little free memory. Choose a runtime that uses the processor."
            ) from error


@contextmanager
def _unrounded(cudnn: Any) -> Iterator[None]:
    """Convolutions on NVIDIA's cards in float32: rounded to TF32 they cut heights into steps."""
    # Since PyTorch 2.9 the former switch cannot even be read where someone has used the new one.
    holder, name, value = (cudnn.conv, "fp32_precision", "ieee") if hasattr(cudnn, "conv") else (cudnn, "allow_tf32", 0)
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


def _gpu() -> str | None:
    """PyTorch's name of the GPU, or None."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return None


def load_runtime(name: str, weights: Weights) -> Runtime:
    """The runtime that is asked for; "auto" is PyTorch where it is installed and has a GPU, else OpenCV.

    Raises:
        ReliefError: no such runtime, PyTorch is asked for and not installed, or the weights are missing or damaged.
    """
    if name not in RUNTIMES:
        raise ReliefError(f"There is no runtime {name!r}. Choose one of: {', '.join(RUNTIMES)}.")
    # Looked for without importing: an import costs seconds, which only those with a PyTorch installation pay.
    installed = importlib.util.find_spec("torch") is not None
    if name.startswith("torch"):
        if not installed:
            raise ReliefError("PyTorch is not installed for this Python. Install it, or choose the runtime opencv.")
        try:
            import torch  # noqa: F401
        except Exception as error:  # a missing library, another NumPy: whatever its own start runs into
            raise ReliefError(
                f"PyTorch is installed, but cannot be loaded: {error}. Reinstall it, or choose the runtime opencv."
            ) from error
        return TorchRuntime(weights, "cpu" if name == "torch-cpu" else None)
    on_gpu = _on_gpu(weights) if name == "auto" and installed else None
    return on_gpu or OpenCVRuntime(weights)


def _on_gpu(weights: Weights) -> TorchRuntime | None:
    """PyTorch on a GPU, if there is one and it answers: a broken installation is no reason to fail without it."""
    try:
        if _gpu() is None:
            return None
        runtime = TorchRuntime(weights)
        runtime.run(np.zeros((3, 64, 64), np.float32))
    except Exception as error:  # noqa: BLE001 - drivers and libraries fail in ways of their own
        log.warning("PyTorch is installed but does not run, so OpenCV is used: %s", error)
        return None
    return runtime
