"""Compiled programs, kept in a folder of the user's for the next time.

The folder is that of the user's caches, or the environment variable ``EBN_CACHE``; where that is
empty, nothing is kept. A program lies under a key of all that it depends on (`units.key`), beside a
list of the other files that the compiler has read, which must be as they were. Processes that build
the same at once wait for the first. Those used longest ago go where all together are too large.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from brian2 import get_logger
from filelock import FileLock
from platformdirs import user_cache_path

logger = get_logger(__name__)

#: Most bytes that all programs take together.
LIMIT = 512 * 1024 * 1024
PROGRAM, FILES = "main", "files.json"


def folder() -> Path | None:
    """Where programs are kept, None if they are not."""
    chosen = os.environ.get("EBN_CACHE")
    if chosen == "":
        return None
    return Path(chosen).absolute() if chosen else user_cache_path("ebn_brian") / "programs"


@contextmanager
def off() -> Iterator[None]:
    """While it holds, programs are compiled and not kept, to see how long that takes."""
    before = os.environ.get("EBN_CACHE")
    os.environ["EBN_CACHE"] = ""
    try:
        yield
    finally:
        os.environ.pop("EBN_CACHE")
        if before is not None:
            os.environ["EBN_CACHE"] = before


@dataclass(frozen=True)
class Entry:
    """The place of one program."""

    path: Path

    def fetch(self, target: Path) -> bool:
        """Put the program into the folder `target`, if it is there and nothing has changed."""
        try:
            kept = json.loads((self.path / FILES).read_text())
            if any(state(target, name) != before for name, before in kept["read"].items()):
                return False
            program = (self.path / PROGRAM).read_bytes()
            if hashlib.sha256(program).hexdigest() != kept["sha256"]:
                return False
            (target / PROGRAM).unlink(missing_ok=True)
            (target / PROGRAM).write_bytes(program)
            (target / PROGRAM).chmod(0o755)
            os.utime(self.path)
        except (OSError, ValueError, KeyError):
            return False
        return True

    def keep(self, source: Path, read: Sequence[str]) -> None:
        """Keep the program in the folder `source`, compiled from the files `read` and others.

        A folder that cannot be written, or a full disk, keeps nothing.
        """
        with suppress(OSError):
            program = (source / PROGRAM).read_bytes()
            kept = {
                "sha256": hashlib.sha256(program).hexdigest(),
                "read": {name: state(source, name) for name in read},
            }
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".") as temporary:
                new = Path(temporary) / "new"
                new.mkdir()
                (new / PROGRAM).write_bytes(program)
                (new / FILES).write_text(json.dumps(kept))
                shutil.rmtree(self.path, ignore_errors=True)
                new.rename(self.path)
            make_room(self.path.parent)


def state(source: Path, name: str) -> str:
    """What tells whether a file, named as seen from the folder `source`, is as it was.

    Its content where it belongs to the program; else, for those of the system are hundreds, its
    size and the time of its last change.
    """
    if not Path(name).is_absolute():
        return hashlib.sha256((source / name).read_bytes()).hexdigest()
    status = Path(name).stat()
    return f"{status.st_size} {status.st_mtime_ns}"


@contextmanager
def entry(key: str | None) -> Iterator[Entry | None]:
    """The place for the program `key`, for one process at a time; None if it is not to be kept."""
    top = folder()
    lock = None
    if top is not None and key is not None:
        try:
            (top / ".locks").mkdir(parents=True, exist_ok=True)
            lock = FileLock(top / ".locks" / key[:2])  # of few files, which may stay
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            logger.debug(f"programs are not kept in {top}: {error}")
            lock = None
    try:
        yield Entry(top / key) if lock and top and key else None
    finally:
        if lock:
            lock.release()


def programs(top: Path) -> list[tuple[float, int, Path]]:
    """Time of last use, size in bytes and folder of the programs in `top`, the oldest first."""
    found = []
    for path in top.glob("[0-9a-f]*"):
        with suppress(OSError):  # another process may clear
            size = sum(file.stat().st_size for file in path.iterdir())
            found.append((path.stat().st_mtime, size, path))
    return sorted(found)


def make_room(top: Path) -> None:
    """Remove the programs that were used longest ago, until the rest is within `LIMIT`."""
    kept = programs(top)
    excess = sum(size for _, size, _ in kept) - LIMIT
    for _, size, path in kept[:-1]:
        if excess <= 0:
            break
        shutil.rmtree(path, ignore_errors=True)
        excess -= size


def clear(top: Path) -> None:
    """Remove all programs in `top`."""
    for _, _, path in programs(top):
        shutil.rmtree(path, ignore_errors=True)
