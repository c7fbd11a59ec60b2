"""What tests of several folders share: whether this machine has CUDA."""

import pytest

from ebn_brian.devices import toolkit

try:
    TOOLKIT = toolkit.find_toolkit()
    MISSING = ""
except RuntimeError as error:
    TOOLKIT, MISSING = None, str(error)
needs_toolkit = pytest.mark.skipif(TOOLKIT is None, reason=MISSING)
needs_gpu = pytest.mark.skipif(
    TOOLKIT is None or toolkit.find_gpu() is None, reason="there is no GPU"
)
