"""What tests of the circuits' studies share: the published recordings, and a run of the command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from study_helpers import FIGURE1

from studies.circuit.command import main

RECORDED = FIGURE1.parent / "circuit"
needs_recording = pytest.mark.skipif(
    not (RECORDED / "sim1_50us.csv").exists(), reason="needs the published recordings"
)


def summary_of(arguments: list[str], out: Path) -> dict:
    """The summary of the study of the learning circuit."""
    result = CliRunner().invoke(main, ["--out", str(out), *arguments])
    assert result.exit_code == 0, result.output
    return json.loads((out / "summary.json").read_text())
