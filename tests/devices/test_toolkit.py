"""What there is of CUDA, and what is said where something is missing."""

import importlib.util

import brian2
import pytest
from helpers import needs_toolkit

from ebn_brian import devices
from ebn_brian.devices import toolkit


class TestToolkit:
    def test_nothing_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(toolkit, "_nvccs", lambda: iter([tmp_path / "nvcc"]))
        with pytest.raises(RuntimeError, match=r"not found here: .*g\+\+.*nvcc \(the CUDA toolkit"):
            devices.check_device("cuda_standalone")

    def test_another_brian2(self, monkeypatch):
        monkeypatch.setattr(brian2, "__version__", "2.11.0")
        with pytest.raises(RuntimeError, match=r"Brian2 2\.10\.1 \(Brian2CUDA 1\.0b1 needs it"):
            devices.check_device("cuda_standalone")

    def test_no_brian2cuda(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(RuntimeError, match=r"brian2cuda \(.*1\.0b1, which needs Brian2 2\.10"):
            devices.check_device("cuda_standalone")

    @needs_toolkit
    def test_no_curand(self, monkeypatch):
        monkeypatch.setattr(toolkit, "_files", lambda *_: iter([]))
        with pytest.raises(RuntimeError, match=r"not found here: cuRAND \(.*nvidia-curand"):
            toolkit.find_toolkit()

    @pytest.mark.parametrize(
        ("answer", "visible", "expected"),
        [
            ("NVIDIA H100 80GB HBM3, 9.0", None, toolkit.Gpu("NVIDIA H100 80GB HBM3", 9.0)),
            ("NVIDIA RTX 5090, 12.0\nother, 8.6", "1,0", toolkit.Gpu("NVIDIA RTX 5090", 12.0)),
            ("NVIDIA-SMI has failed", None, None),
            ("NVIDIA H100, 9.0", "", None),
        ],
    )
    def test_gpu(self, answer, visible, expected, monkeypatch, tmp_path):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\necho '{answer}'\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert toolkit.find_gpu() == expected

    def test_no_gpu(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert toolkit.find_gpu() is None
