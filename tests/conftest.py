"""What all tests share: numpy as Brian2's target, so that only tests that mean to compile do."""

import logging
import os

import brian2
import pytest
from brian2.devices.device import reset_device
from hypothesis import settings

settings.register_profile("ebn_brian", deadline=None)  # the machine may be busy
settings.load_profile("ebn_brian")
logging.getLogger("brian2").setLevel(logging.INFO)  # not every line of code of a failed test
brian2.BrianLogger.suppress_name("unused_brian_object")  # many groups are made and never run


@pytest.fixture(autouse=True, scope="session")
def _programs_of_this_session(tmp_path_factory):
    """What one test has compiled, others of this session find; nothing is from before it."""
    top = tmp_path_factory.getbasetemp()
    shared = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBN_CACHE", str(shared / "programs"))
        yield


@pytest.fixture(autouse=True)
def _numpy_target():
    """Each test begins on the runtime device with the numpy target, whatever the last one did."""
    reset_device("runtime")
    brian2.prefs.codegen.target = "numpy"
    yield
    reset_device("runtime")
