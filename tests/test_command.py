"""The command ``ebn``: the package's own commands, and the studies of a checkout."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import brian2
import pytest
from click.testing import CliRunner, Result

import ebn_brian
from ebn_brian.__main__ import INTERRUPTED, description, is_study, main, studies

ECHO = '''"""Does it echo?

More.
"""
import os, sys

if __name__ == '__main__':
    print(__spec__.name, sys.argv[1:], os.getcwd(), "lab" if "fake" in __file__ else "")
    sys.exit(3)
'''
WAIT = """if __name__ == "__main__":
    import pathlib, sys, time
    pathlib.Path(sys.argv[1]).touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit("stopped")
"""
FILES = {
    "__init__.py": "",
    "lab/__init__.py": '"""Shared."""',
    "echo.py": ECHO,
    "wait.py": WAIT,
    "folder/__init__.py": '"""Is it a folder?"""',
    "folder/__main__.py": "raise SystemExit(__import__('sys').argv[1:] != [])",
    "helper.py": "def main(): ...",
    "notes.md": "",
}


def invoke(*arguments: str) -> Result:
    """What the command prints."""
    return CliRunner().invoke(main, arguments, prog_name="ebn")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with studies."""
    for name, text in FILES.items():
        path = tmp_path / "fake" / "studies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "fake"


@pytest.fixture
def beside(checkout, tmp_path, monkeypatch):
    """The package lies in the checkout, the user is elsewhere."""
    monkeypatch.setattr(ebn_brian, "__file__", str(checkout / "ebn_brian" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    return checkout


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package is installed, with nothing but other packages beside it."""
    place = tmp_path / "site-packages"
    (place / "studies").mkdir(parents=True)
    monkeypatch.setattr(ebn_brian, "__file__", str(place / "ebn_brian" / "__init__.py"))
    monkeypatch.chdir(tmp_path)


class TestPackage:
    def test_version(self):
        result = invoke("--version")
        assert result.output == f"ebn_brian {version('ebn_brian')}, Brian2 {brian2.__version__}\n"

    @pytest.mark.parametrize("arguments", [(), ("--help",)])
    def test_help_lists_all_that_there_is(self, arguments, beside):
        result = invoke(*arguments)
        assert result.exit_code == 0
        lines = [line.split(maxsplit=1) for line in result.output.splitlines()]
        assert ["machine", "What this machine can do."] in lines
        assert ["echo", "Does it echo?"] in lines
        assert ["folder", "Is it a folder?"] in lines
        assert not {"lab", "helper", "notes"} & {line[0] for line in lines if line}

    @pytest.mark.parametrize("module", ["ebn_brian", "ebn_brian.devices"])
    def test_modules_run(self, module):
        result = subprocess.run(
            [sys.executable, "-m", module, "--help"], capture_output=True, text=True
        )
        assert result.returncode == 0
        assert result.stdout.startswith(f"Usage: python -m {module} ")


class TestMachine:
    def test_it_lists_what_there_is(self):
        result = invoke("machine", "--list")
        assert result.exit_code == 0
        for text in ("Brian2:", brian2.__version__, "g++ (", "GNU Make", "CUDA:", "GPU:"):
            assert text in result.output
        assert "built" not in result.output

    def test_it_proves_a_target(self):
        result = invoke("machine", "--target", "numpy")
        assert result.exit_code == 0
        assert re.search(r"numpy +works: \d{3} spikes", result.output)

    def test_a_target_that_is_not_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        result = invoke("machine", "--target", "cpp_fused", "--target", "numpy")
        assert result.exit_code == 1
        assert re.search(r"cpp_fused +cannot be used: .*needs g\+\+ and make", result.output)
        assert re.search(r"numpy +works", result.output)
        assert "g++:         not found" in result.output

    def test_a_target_that_fails(self, monkeypatch, tmp_path):
        (tmp_path / "make").write_text("#!/bin/sh\necho no such header >&2; exit 2\n")
        (tmp_path / "make").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        result = invoke("machine", "--target", "cpp_standalone", "--target", "numpy")
        assert result.exit_code == 1
        assert re.search(r"cpp_standalone +FAILS: .*no such header", result.output)
        assert re.search(r"numpy +works", result.output)


class TestStudies:
    def test_which_there_are(self, beside):
        assert list(studies()) == ["echo", "folder", "wait"]

    def test_each_of_this_checkout_says_what_it_asks(self):
        folder = Path(__file__).parents[1] / "studies"
        found = [path for path in folder.iterdir() if is_study(path)]
        assert "learning" in {path.stem for path in found}
        assert "lab" not in {path.stem for path in found}
        assert all(description(path).endswith((".", "?")) for path in found)

    @pytest.mark.parametrize(
        "arguments", [(), ("--chips", "20", "--seed=3"), ("--help",), ("--", "-x", "--version", "")]
    )
    def test_arguments_and_exit_code_pass(self, arguments, beside, tmp_path, capfd):
        result = invoke("echo", *arguments)
        assert result.exit_code == 3
        assert capfd.readouterr().out == f"studies.echo {list(arguments)} {tmp_path} lab\n"

    def test_a_folder_runs(self, beside):
        assert invoke("folder").exit_code == 0
        assert invoke("folder", "--more").exit_code == 1

    def test_the_package_s_checkout_comes_before_the_current_folder(
        self, beside, tmp_path, monkeypatch
    ):
        (tmp_path / "studies").mkdir()
        (tmp_path / "studies" / "echo.py").write_text("raise SystemExit(9)")
        assert invoke("echo").exit_code == 3

    def test_checkout_in_the_current_folder(self, installed, checkout, monkeypatch):
        monkeypatch.chdir(checkout)
        assert invoke("echo").exit_code == 3

    def test_one_that_is_not_there(self, beside):
        result = invoke("helper")
        assert result.exit_code == 2
        assert "No such command 'helper'" in result.output

    def test_without_a_checkout(self, installed):
        result = invoke("learning", "--chips", "20")
        assert result.exit_code == 2
        assert "No such command 'learning'. Studies come with a checkout" in result.output
        assert "Studies come with a checkout of the source" in invoke().output
        assert "Brian2:" in invoke("machine", "--list").output


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [
        (signal.SIGINT, True, INTERRUPTED),
        (signal.SIGINT, False, INTERRUPTED),
        (signal.SIGTERM, False, 128 + signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_study_too(number, to_all, code, checkout, tmp_path):
    script = (
        "import ebn_brian, ebn_brian.__main__ as command\n"
        f"ebn_brian.__file__ = {str(checkout / 'ebn_brian' / '__init__.py')!r}\n"
        f"command.PATIENCE = {30 if to_all else 0.1}\n"
        "command.main(['wait', 'started'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    (os.killpg if to_all else os.kill)(process.pid, number)
    _, errors = process.communicate(timeout=30)  # which the study holds open as long as it runs
    assert process.returncode == code
    assert errors == ("stopped\n" if number == signal.SIGINT else "")
