"""Every study starts as ``python -m studies.NAME``, and that is the command its results name."""

import runpy
import sys
from importlib import import_module

import click
import pytest
from study_helpers import NAMES, ROOT

from studies.lab.results import provenance

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")


def start(study: str, *arguments: str) -> None:
    """What ``python -m`` does, in this process."""
    sys.argv[1:] = arguments
    runpy.run_module(f"studies.{study}", run_name="__main__", alter_sys=True)


@pytest.fixture(autouse=True)
def _argv(monkeypatch):
    monkeypatch.setattr("sys.argv", ["a study"])


@pytest.mark.parametrize("study", NAMES)
def test_it_starts(study, capsys):
    with pytest.raises(SystemExit) as end:
        start(study, "--help")
    assert end.value.code == 0
    help_text = capsys.readouterr().out
    assert help_text.startswith(f"Usage: python -m studies.{study} [OPTIONS]")
    for option in ("--out", "--seed", "--quick", "--device", "--compile-only"):
        assert option in help_text


@pytest.mark.parametrize("study", [name for name in NAMES if (ROOT / "studies" / name).is_dir()])
def test_results_name_the_folder(study, monkeypatch, capsys):
    @click.command()
    @click.option("--seed")
    def main(seed):
        click.echo(provenance({})["command"])

    monkeypatch.setattr(import_module(f"studies.{study}.command"), "main", main)
    with pytest.raises(SystemExit):
        start(study, "--seed", "3")
    assert capsys.readouterr().out.endswith(f" -m studies.{study} --seed 3\n")
