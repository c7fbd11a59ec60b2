"""The options that all studies share, and what they refuse."""

import os

import click
import pytest
from click.testing import CliRunner

from studies.lab.cli import check_before_start, study_options


@click.command()
@study_options("test")
def study(**options):
    check_before_start(options["out"], options["device"])
    click.echo(repr(options))


class TestOptions:
    def run(self, *arguments):
        return CliRunner().invoke(study, arguments)

    def test_defaults(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = self.run()
        assert result.exit_code == 0
        assert "'seed': 1" in result.output
        assert "'quick': False" in result.output
        assert (tmp_path / "results" / "test").is_dir()
        assert os.listdir(tmp_path / "results" / "test") == []

    @pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "x"])
    def test_seeds(self, seed, tmp_path):
        result = self.run("--seed", seed, "--out", str(tmp_path))
        assert result.exit_code == 2
        assert "seed" in result.output
        assert seed in result.output

    def test_unknown_device(self, tmp_path):
        result = self.run("--device", "tpu", "--out", str(tmp_path))
        assert result.exit_code == 2
        assert "device='tpu': must be one of" in result.output

    def test_no_compiler(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        result = self.run("--device", "cpp_standalone", "--out", str(tmp_path))
        assert result.exit_code == 2
        assert "needs g++ and make" in result.output
        assert self.run("--device", "numpy", "--out", str(tmp_path)).exit_code == 0

    @pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
    def test_a_folder_that_cannot_be_written(self, out, tmp_path):
        (tmp_path / "file").touch()
        result = self.run("--out", str(tmp_path / out))
        assert result.exit_code == 2
        assert "--out" in result.output
        assert out in result.output.replace("\n", "")
