"""Predictions kept in memory and on disk."""

from __future__ import annotations

import os
from dataclasses import replace

import bpy
import numpy as np
import pytest


@pytest.fixture
def make(module):
    def prediction(value: float, weights: str = "1+abc"):
        shape = (4, 6)
        return module("inference.prediction").Prediction(
            height=np.full(shape, value, np.float32),
            slopes=np.full((*shape, 2), 1 / 3, np.float32),
            soft_edges=np.full((*shape, 4), 0.25, np.float32),
            segments=np.full((*shape, 6), 1 / 6, np.float32),
            confidence=np.full(shape, 0.5, np.float32),
            light=np.array([0.0, 0.6, 0.8], np.float32),
            weights=weights,
            runtime="test",
        )

    return prediction


@pytest.fixture
def new_store(module, tmp_path):
    store = module("operators.prediction_store").PredictionStore
    return lambda **values: store(**{"folder": tmp_path, **values})


def test_height_and_slopes_come_back_from_disk_exactly(new_store, make):
    new_store().put("photo", make(1 / 3))
    found = new_store().get("photo", "1+abc")
    np.testing.assert_array_equal(found.height, make(1 / 3).height)
    np.testing.assert_array_equal(found.slopes, make(1 / 3).slopes)
    np.testing.assert_allclose(found.segments, make(1 / 3).segments, atol=1e-4)
    assert found.segments.dtype == np.float32
    assert (found.weights, found.runtime) == ("1+abc", "test")


def test_photo_and_weights_are_both_the_key(new_store, make):
    store = new_store()
    store.put("photo", make(0.5))
    assert store.holds("photo", "1+abc")
    assert store.get("photo", "2+abc") is None
    assert store.get("other", "1+abc") is None


def test_oldest_files_leave_first(new_store, make, tmp_path):
    store = new_store()
    store.put("a", make(0.1))
    size = next(tmp_path.glob("*.npz")).stat().st_size
    small = new_store(limit_bytes=int(size * 2.5))
    small.put("b", make(0.2))
    for path, age in zip(small._files(), (200, 100), strict=True):
        os.utime(path, (age, age) if path == small._path(_key(small, "b")) else (age - 150, age - 150))
    small.put("c", make(0.3))
    assert len(list(tmp_path.glob("*"))) == 2
    fresh = new_store()
    assert [fresh.holds(name, "1+abc") for name in "abc"] == [False, True, True]


def _key(store, name: str) -> str:
    import sys

    return sys.modules[type(store).__module__]._key(name, "1+abc")


def test_one_that_is_larger_than_the_store_costs_none_of_the_others(new_store, make, tmp_path):
    new_store().put("a", make(0.1))
    (path,) = tmp_path.iterdir()
    small = new_store(limit_bytes=path.stat().st_size)
    small._write(_key(small, "b"), replace(make(0.2), height=np.zeros((2000, 2000), np.float32)))
    assert new_store().holds("a", "1+abc") and list(tmp_path.iterdir()) == [path]


def test_what_is_on_disk_is_not_kept_in_memory_too(module, new_store, make, tmp_path, monkeypatch):
    monkeypatch.setattr(module("operators.prediction_store"), "MEMORY_BYTES", 1)
    store = new_store()
    for number in range(3):
        store.put(f"photo {number}", make(number))
    assert len(store._memory) == 1 and len(list(tmp_path.iterdir())) == 3
    for number in range(3):
        assert store.get(f"photo {number}", "1+abc").height[0, 0] == number and len(store._memory) == 1
    for path in tmp_path.iterdir():
        path.unlink()
    store.put("photo 3", make(3))
    assert len(store._memory) == 2, "what no file holds any more stays"


def test_memory_is_limited_but_keeps_the_newest(new_store, make):
    store = new_store(folder=None, limit_bytes=1)
    store.put("a", make(0.1))
    store.put("b", make(0.2))
    assert store.get("a", "1+abc") is None
    assert store.get("b", "1+abc").height[0, 0] == np.float32(0.2)


@pytest.mark.parametrize("kept", [0, 100])
def test_damaged_file_counts_as_absent(new_store, make, tmp_path, kept):
    new_store().put("photo", make(0.1))
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(path.read_bytes()[:kept])
    assert new_store().get("photo", "1+abc") is None
    assert not path.exists()


@pytest.mark.parametrize("bit", [b"\x01", b"\x40"], ids=["encrypted", "patched"])
def test_a_flipped_bit_counts_as_absent(new_store, make, tmp_path, bit):
    """Of the flags in the archive's directory: a password is asked for, a way of storing that none knows."""
    new_store().put("photo", make(0.1))
    path = next(tmp_path.glob("*.npz"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] ^= bit[0] >> (bit[0] > 1)
    path.write_bytes(data)
    assert new_store().get("photo", "1+abc") is None and not path.exists()


def test_a_folder_that_the_system_refuses_holds_nothing(new_store, tmp_path):
    store = new_store(folder=tmp_path / ("a" * 300))  # too long a name, as one that may not be entered
    assert not store.holds("photo", "1+abc") and store.get("photo", "1+abc") is None


def test_a_file_that_another_blender_has_just_deleted_is_none(new_store, make, tmp_path, monkeypatch):
    store = new_store()
    store.put("photo", make(0.1))
    (path,) = tmp_path.iterdir()
    names = list(tmp_path.iterdir())
    path.unlink()
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda _folder: iter(names))
    assert store.clear() == 0


def test_clear_frees_the_disk(new_store, make, tmp_path):
    store = new_store()
    store.put("photo", make(0.1))
    (tmp_path / f"{'0' * 64}.1.part").write_bytes(b"half")
    assert store.clear() > 0 and not any(tmp_path.iterdir())
    assert not store.holds("photo", "1+abc")
    assert not list(tmp_path.iterdir())


def test_what_is_not_its_own_stays(new_store, make, tmp_path):
    own = tmp_path / f"{'0' * 64}.npz"
    for path in (own, tmp_path / "mine.npz", tmp_path / "download.part"):
        path.write_bytes(bytes(1000))
    assert new_store().clear() == 1000 and not own.exists()
    new_store(limit_bytes=1).put("photo", make(0.1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download.part", "mine.npz"]


def test_where_blender_makes_no_folder_nothing_lands_in_the_current_one(module, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bpy.utils, "extension_path_user", lambda *_args, **_values: "")
    store = module("operators.prediction_store").store.__wrapped__()
    store.put("photo", make(0.1))
    assert store.folder is None and store.holds("photo", "1+abc") and not list(tmp_path.iterdir())


def test_a_folder_that_may_only_be_read_costs_no_prediction(module, new_store, make, tmp_path, monkeypatch):
    new_store().put("photo", make(0.1))

    def refuse(*_args: object, **_words: object) -> None:
        raise PermissionError

    monkeypatch.setattr(module("operators.prediction_store").os, "utime", refuse)
    assert new_store().get("photo", "1+abc") is not None
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"half")
    monkeypatch.setattr(type(path), "unlink", refuse)
    store = new_store()
    assert store.get("photo", "1+abc") is None and not store.holds("photo", "1+abc"), "or it cannot be read again"
    store.put("photo", make(0.1))
    assert store.holds("photo", "1+abc")
