"""``ebn machine`` proves what this machine can do."""

import re

from click.testing import CliRunner

from ebn_brian.machine import main


def invoke(*options):
    return CliRunner().invoke(main, options)


def test_it_proves_a_target():
    result = invoke("--target", "numpy")
    assert result.exit_code == 0
    assert re.search(r"numpy +works: \d{3} spikes", result.output)


def test_a_target_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = invoke("--target", "cpp_fused", "--target", "numpy")
    assert result.exit_code == 1
    assert re.search(r"cpp_fused +cannot be used: .*needs g\+\+ and make", result.output)
    assert re.search(r"numpy +works", result.output)
    assert "g++:         not found" in result.output


def test_a_target_that_fails(fake_make):
    fake_make("echo no such header >&2; exit 2")
    result = invoke("--target", "cpp_standalone", "--target", "numpy")
    assert result.exit_code == 1
    assert re.search(r"cpp_standalone +FAILS: .*no such header", result.output)
    assert re.search(r"numpy +works", result.output)
