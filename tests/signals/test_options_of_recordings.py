"""The study's options for recordings: what they do, and what is said."""

import click
import numpy as np
import pytest
from click.testing import CliRunner
from table_files import CHANNELS, TIME, N, table

from studies.learning.input import open_recording, recording_options


@pytest.fixture
def run(tmp_path):
    """Output and recording of a command line, for a table of this text."""
    path = tmp_path / "table.csv"
    opened = []

    @click.command()
    @recording_options
    def command(**options):
        try:
            opened.append(open_recording(options | {"signal": path}))
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def run_it(content, *arguments):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = CliRunner().invoke(command, arguments)
        return " ".join(result.output.split()), opened[-1] if result.exit_code == 0 else None

    return run_it


def test_what_was_read_is_said(run):
    said, recording = run(
        table("Sample Index,Time (s),A,B,off", range(N), TIME, *CHANNELS.T, [0] * N)
    )
    assert "table.csv: 2 channels, 2 s; the last quarter is kept for the test" in said
    assert "500 samples at 250 Hz; time: Time (s); channels: A, B" in said
    assert "left out: Sample Index (a counter)" in said
    assert "left out: off (is 0 throughout)" in said
    assert recording.n_steps == 20_000
    assert recording.n_signals == 2
    assert np.asarray(recording.drive(0, 5)).shape == (5, 2)


@pytest.mark.parametrize(
    ("header", "arguments", "says"),
    [
        ("A,B", (), "sampling_rate must be given (--sampling-rate)"),
        ("when,A,B", (), "--time-column 'when' takes it in seconds"),
        ("t,A,B", ("--sampling-rate", "99"), "--time-column 'none' leaves it aside"),
        ("t,A,B", ("--columns", "C"), "there is no 'C'"),
        ("t,A", (), "--separator ... names another, --skip-rows ... another header"),
        ("t,A,B", ("--encoding", "none"), "--encoding 'none': there is none of this name"),
    ],
)
def test_a_doubt_names_the_option(run, header, arguments, says):
    columns = CHANNELS.T if header == "A,B" else (TIME, *CHANNELS.T)
    said, recording = run(table(header, *columns), *arguments)
    assert recording is None
    assert says in said


def test_options_settle_it(run):
    text = "Gerät\n" + table("when;Größe;B", separator=";")
    for columns in (
        ("--columns", "Größe", "--columns", "3"),
        ("--columns", "Größe,B"),
        ("--columns", "2-3"),
    ):
        arguments = (
            "--time-column",
            "1",
            "--encoding",
            "cp437",
            "--separator",
            ";",
            "--skip-rows",
            "1",
        )
        said, recording = run(text.encode("cp437"), *arguments, *columns)
        assert "channels: Größe, B" in said
        assert recording.n_signals == 2


def test_a_trigger_that_takes_everything_is_spoken_of(run):
    said, _ = run(table("t,A,TRIG", TIME, CHANNELS[:, 0], (np.arange(N) % 250 < 20) * 65_535_000))
    assert "'TRIG' varies more than 100 times as much as 'A'" in said
    assert "--columns ... chooses those to encode" in said
