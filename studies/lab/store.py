"""Results of tasks on disk: whole or not at all, and sound only for what they depend on."""

import hashlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

import ebn_brian

from .results import whole

Arrays = Mapping[str, np.ndarray]
#: The trees of code that results come from.
TREES = (Path(ebn_brian.__file__).parent, Path(__file__).parents[1])


def store(path: Path, key: bytes, arrays: Arrays) -> None:
    """Write `arrays` to `path`, whole or not at all, with a checksum over them and `key`."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    digest = hashlib.sha256(key + payload).digest()
    whole(path, lambda partial: partial.write_bytes(digest + payload))


def load(path: Path, key: bytes) -> Arrays | None:
    """What was stored in `path` under `key`; None if nothing was, or it is not sound."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if content[:32] != hashlib.sha256(key + content[32:]).digest():
        return None
    with np.load(io.BytesIO(content[32:]), allow_pickle=False) as file:
        return dict(file)


def keys(function: Callable, settings: Mapping, tasks: Mapping[str, Sequence]) -> dict[str, bytes]:
    """What the result of each task depends on, as a checksum."""
    common = [code_checksum(function), function.__qualname__, repr(sorted(settings.items()))]
    return {
        name: hashlib.sha256("\0".join([*common, repr(tuple(task))]).encode()).digest()
        for name, task in tasks.items()
    }


def code_checksum(function: Callable) -> str:
    """Of all files of the package and of the studies, of the module of `function`, and of the
    versions of what they stand on."""
    module = sys.modules[function.__module__].__file__
    digest = hashlib.sha256()
    for name, path in [*_files(), *([("module", Path(module))] if module else [])]:
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    for name in ("brian2", "numpy", "scipy"):
        digest.update(version(name).encode())
    return digest.hexdigest()


def _files() -> Iterator[tuple[str, Path]]:
    """Every file of `TREES`, whatever its kind, by its name within the tree."""
    for tree in TREES:
        for path in sorted(tree.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{tree.name}/{path.relative_to(tree)}", path
