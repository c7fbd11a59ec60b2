"""From the C++ that Brian2 has written to a program: quickly, and only once.

The many files of a program are compiled as two (`units`), and programs are kept in a folder of the
user's (`cache`): one that has been compiled before, by whatever process, is there at once. Programs
of `devices.build`, those for CUDA among them, and of ``set_device("cpp_fused")`` share it.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from brian2 import get_logger

from . import cache, units

__all__ = ["compile_by", "compile_cpp", "compile_in"]

logger = get_logger(__name__)


def compile_cpp(folder: Path, make: Sequence[str], afresh: bool = False) -> None:
    """Compile what Brian2 has written to `folder`, or take the program from those that are kept.

    Parameters
    ----------
    folder
        Holds Brian2's makefile and all that it names; the program will be called ``main``.
    make
        The command make, with options.
    afresh
        Compile also what is kept.

    Raises
    ------
    RuntimeError
        If it does not compile, with the compiler's last words.
    """
    project = units.write(folder)
    with cache.entry(units.key(project, make)) as entry:
        if afresh:
            units.remove(folder)
        elif entry and entry.fetch(folder):
            return
        try:
            compile_in(folder, [*make, "-f", units.MAKEFILE])
        except RuntimeError as error:
            logger.debug(f"not as two units, so file by file: {error}")
            compile_in(folder, make)
            return
        if entry:
            entry.keep(folder, units.files_read(project))


def compile_by(
    folder: Path, command: Sequence[str | Path], compilers: Sequence[str | Path]
) -> None:
    """Compile by one `command`, or take the program from those that are kept.

    Parameters
    ----------
    folder
        Holds all sources and headers but those of the `compilers` that the command calls, which
        are asked for their versions. The program will be called ``main``.

    Raises
    ------
    RuntimeError
        If it does not compile, with the compiler's last words.
    """
    with cache.entry(units.key_of_command(folder, command, compilers)) as entry:
        if entry and entry.fetch(folder):
            return
        compile_in(folder, command)
        if entry:
            entry.keep(folder, [])


def compile_in(folder: Path, command: Sequence[str | Path]) -> None:
    """Run a compiler (or make); RuntimeError with its last words if it fails."""
    process = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, errors="replace"
    )
    if process.returncode or not (folder / "main").exists():
        output = (process.stdout + process.stderr).strip()
        (folder / "compiler.log").write_text(output)
        raise RuntimeError(
            f"the program does not compile ({Path(command[0]).name} in {folder}): {output[-3000:]}"
        )
