"""States of training on disk: those that a study keeps, and those that come with it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ebn_brian.gradient import State, load

from .store import keys


def state_path(
    out: Path, train: Callable[..., Any], settings: Mapping[str, Any], seed: int
) -> Path:
    """Where `train` keeps the state of a seed, without a suffix: one place for each setting.

    It is another one if the code has changed since.
    """
    key = keys(train, settings, {"seed": (seed,)})["seed"].hex()[:12]
    folder = out / "states"
    folder.mkdir(exist_ok=True)
    return folder / f"seed{seed}_{key}"


def stored_states(folder: Path, seed: int, names: Sequence[str]) -> list[State]:
    """States that come with a study, ``seed1NAME.npz`` of each name.

    Raises
    ------
    click.UsageError
        If one is not there, with the seeds that are.
    """
    files = [folder / f"seed{seed}{name}.npz" for name in names]
    if missing := [file for file in files if not file.is_file()]:
        known = sorted({file.stem.partition("_")[0] for file in folder.glob("*.npz")})
        raise click.UsageError(
            f"--pretrained: {missing[0]} is not there; come with the study: "
            + (", ".join(known) or "none")
        )
    return [load(file) for file in files]
