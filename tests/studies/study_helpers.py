"""What tests of studies share: where a study's command is, what it prints, the published data."""

import os
from importlib import import_module
from pathlib import Path

import click
import pytest

import studies

ROOT = Path(studies.__path__[0]).parent
FIGURE1 = Path(os.environ.get("EBN_REFERENCE", ROOT.parent / "shared" / "reference")) / "figure1"
needs_figure1 = pytest.mark.skipif(not FIGURE1.is_dir(), reason="needs the published Figure 1 data")

#: All studies.
NAMES = (
    *("learning", "granularity", "mismatch", "sensitivity", "circuit", "circuit_mismatch"),
    *("calibrate", "characterise", "benchmark", "chip", "design", "erbp", "rules", "tradeoffs"),
    *("dynamics", "neuron_loss", "autoencoder", "predictive_coding", "delayed_xor"),
)


def command(study: str) -> click.Command:
    """The command of a study, which is a folder or a module."""
    folder = (ROOT / "studies" / study).is_dir()
    return import_module(f"studies.{study}.command" if folder else f"studies.{study}").main


def output(result) -> str:
    """What a command has printed, without the line breaks and the frame that click puts in."""
    return " ".join(result.output.split())
