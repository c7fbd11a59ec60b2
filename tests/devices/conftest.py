"""Programs that many tests run, each built once, and programs that fail."""

import os
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from cuda_on_cpu import on_cpu
from device_helpers import DURATION, ENOUGH, chips_network
from helpers import TOOLKIT, needs_gpu, needs_toolkit

from ebn_brian import devices
from ebn_brian.devices.cuda import generate


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """The same network for any target; compiled in a folder of the user's, with a space in it."""

    @cache
    def program(target: str) -> devices.Program:
        make_network = chips_network(extra=True)
        folder = tmp_path_factory.mktemp("Upper Case, of the user")
        if target == "cuda_on_cpu":
            return on_cpu(generate(make_network, folder, np.float64, TOOLKIT))
        return devices.build(make_network, target, folder / "program")

    return program


@pytest.fixture(
    params=[
        "numpy",
        "cpp_standalone",
        pytest.param("cuda_on_cpu", marks=needs_toolkit),
        pytest.param("cuda_standalone", marks=needs_gpu, id="on_gpu"),
    ]
)
def program(request, programs):
    return programs(request.param)


@pytest.fixture
def standalone(programs):
    return programs("cpp_standalone")


@pytest.fixture(scope="session")
def on_numpy(programs):
    """A long run, to compare with."""
    return programs("numpy").run(duration=DURATION, read=ENOUGH)


@pytest.fixture
def tampered(standalone, tmp_path):
    """Makes a copy of the program that runs a shell script instead; ``$0.real`` is the program."""

    def tamper(script: str) -> devices.StandaloneProgram:
        folder = tmp_path / "copy"
        folder.mkdir()
        shutil.copy2(standalone.directory / "main", folder / "main.real")
        shutil.copytree(standalone.directory / "static_arrays", folder / "static_arrays")
        (folder / "main").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "main").chmod(0o755)
        return replace(standalone, directory=folder)

    return tamper


@pytest.fixture
def fake_make(tmp_path, monkeypatch):
    """Stands a script in the place of make, so that builds take no time."""

    def use(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "make").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "make").chmod(0o755)
        monkeypatch.setenv("EBN_CACHE", "")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return use
