"""The user's own recording: its options, and what is said of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import click
from brian2 import Hz

from ebn_brian import signals
from ebn_brian.signals.columns import listed
from ebn_brian.training import DT

from .task import Recording

#: Options by their names in the library.
OPTIONS: dict[str, dict[str, Any]] = {
    "sampling_rate": {"type": float, "help": "In Hz, where the file does not tell."},
    "time_column": {"help": "Name or number of the column that is the time; none: no column is."},
    "columns": {
        "multiple": True,
        "help": "Names, numbers or ranges (2-9) of the channels  [default: all that are signals]",
    },
    "separator": {"help": "Of a table's columns: a character, tab or space."},
    "encoding": {"help": "Of a table's characters."},
    "skip_rows": {"type": int, "help": "Lines of a table before its header."},
}
#: Bytes of a file that takes a while.
LARGE = 1 << 26


def recording_options(command: Callable) -> Callable:
    """Options that say how ``--signal`` is to be read."""
    for name, settings in reversed(OPTIONS.items()):
        settings = settings | {"help": f"Of --signal. {settings['help']}"}
        command = click.option(_option(name), **settings)(command)
    return command


def open_recording(options: Mapping[str, Any]) -> Recording:
    """The recording of the command line; says what was read.

    Raises
    ------
    ValueError
        As `signals.recording_drive`, with the names of the options.
    """
    given = {name: options[name] for name in OPTIONS}
    rate, columns = given.pop("sampling_rate"), given.pop("columns")
    if options["signal"].is_file() and options["signal"].stat().st_size > LARGE:
        click.echo(f"Reading {options['signal'].name} (a minute for an hour of 8 channels)")
    try:
        drive, info = signals.recording_drive(
            options["signal"],
            DT,
            sampling_rate=None if rate is None else rate * Hz,
            columns=columns or None,
            **given,
        )
    except ValueError as error:
        raise ValueError(_as_typed(str(error))) from error
    _say(info)
    return Recording(drive, info["n_steps"], len(info["channels"]))


def _say(info: Mapping[str, Any]) -> None:
    """What was read, and what was not."""
    click.echo(
        f"{info['file']}: {len(info['channels'])} channels, {info['duration_s']:.4g} s; "
        "the last quarter is kept for the test"
    )
    time = "" if info["time_column"] is None else f"time: {info['time_column']}; "
    click.echo(
        f"  {info['n_samples']} samples at {info['sampling_rate_hz']:g} Hz; {time}"
        f"channels: {listed(info['channels'])}"
    )
    for note in info["notes"]:
        click.echo(f"  {_as_typed(note)}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _as_typed(message: str) -> str:
    """A message of the library with the names of the options in it."""
    message = message.replace("must be given", "must be given (--sampling-rate)")
    return re.sub(rf"\b({'|'.join(OPTIONS)})=", lambda name: f"{_option(name[1])} ", message)
