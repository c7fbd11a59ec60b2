"""Results on disk: not one bit may change, nor any code that they come from."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from engine_helpers import assert_squares, runs, square, study

from studies.lab import store


def test_every_bit_counts(tmp_path):
    path = tmp_path / "x.result"
    store.store(path, b"key", {"x": np.arange(3.0)})
    sound = path.read_bytes()
    np.testing.assert_array_equal(store.load(path, b"key")["x"], np.arange(3.0))
    assert store.load(path, b"another key") is None
    for bit in np.random.default_rng(0).integers(8 * len(sound), size=200):
        content = bytearray(sound)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        assert store.load(path, b"key") is None


@pytest.fixture
def trees(tmp_path, monkeypatch) -> Path:
    """Copies of the package and of the studies, which results seem to come from."""
    for tree in store.TREES:
        shutil.copytree(tree, tmp_path / tree.name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(store, "TREES", tuple(tmp_path / tree.name for tree in store.TREES))
    return tmp_path


FILES = (
    "ebn_brian/fused/templates/fused.cpp",
    "ebn_brian/fused/templates/pieces.cpp",
    "ebn_brian/fused/fused.h",
    "ebn_brian/chips/circuit.py",
    "ebn_brian/training.py",
    "ebn_brian/py.typed",
    "studies/__init__.py",
    "studies/lab/store.py",
    "studies/learning/task.py",
    "studies/mismatch/arms.py",
    "studies/granularity.py",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["other text", "nothing left", "gone", "renamed"])
def test_any_file_counts(trees, name, change):
    file, before = trees / name, store.code_checksum(square)
    text = file.read_text()
    if change == "other text":
        file.write_text(text + "\n")
    elif change == "nothing left":
        file.write_text("" if text else " ")
    elif change == "gone":
        file.unlink()
    else:
        file.rename(file.with_name("renamed" + file.name))
    assert store.code_checksum(square) != before


@pytest.mark.parametrize("name", ["ebn_brian/a.py", "studies/mismatch/a.h", "studies/new/a.txt"])
def test_a_new_file_counts(trees, name):
    before = store.code_checksum(square)
    (trees / name).parent.mkdir(exist_ok=True)
    (trees / name).touch()
    assert store.code_checksum(square) != before


@pytest.mark.parametrize("folder", ["ebn_brian", "ebn_brian/fused", "studies/mismatch"])
def test_compiled_modules_do_not(trees, folder):
    before = store.code_checksum(square)
    (trees / folder / "__pycache__").mkdir()
    (trees / folder / "__pycache__" / "arms.cpython-312.pyc").write_bytes(b"compiled")
    assert store.code_checksum(square) == before


def test_the_trees_are_the_package_and_the_studies():
    assert [tree.name for tree in store.TREES] == ["ebn_brian", "studies"]
    for name in FILES:
        assert (store.TREES[0].parent / name).is_file()


@pytest.mark.parametrize("package", ["brian2", "numpy", "scipy"])
def test_versions_count(monkeypatch, package):
    before = store.code_checksum(square)
    real = store.version
    monkeypatch.setattr(store, "version", lambda name: real(name) + ".1" * (name == package))
    assert store.code_checksum(square) != before


def test_tasks_run_again_after_a_change(trees, tmp_path, capsys):
    study(tmp_path, n=2)
    study(tmp_path, n=2)
    template = trees / "ebn_brian" / "fused" / "templates" / "fused.cpp"
    template.write_text(template.read_text() + "// a word more\n")
    assert_squares(study(tmp_path, n=2)[0], 2)
    assert [runs(tmp_path / "traces", k) for k in range(2)] == [2, 2]
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(": 2 of 2 results are there")
    assert second.endswith(": 0 of 2 results are there, 2 damaged or of other settings: done again")
