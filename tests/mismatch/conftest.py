"""Single precision, for the tests that ask for it."""

import numpy as np
import pytest
from brian2 import prefs


@pytest.fixture
def float32():
    before = prefs["core.default_float_dtype"]
    prefs["core.default_float_dtype"] = np.float32
    yield
    prefs["core.default_float_dtype"] = before
