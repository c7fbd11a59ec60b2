"""The README's script runs as it is printed, and what it prints is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_script_learns(tmp_path):
    (script,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(script.strip().splitlines()) <= 25
    environment = os.environ | {"PYTHONPATH": str(README.parent)}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    distances = re.search(r"optimal weights: \[(.*?)\]", result.stdout).group(1)
    assert max(map(float, distances.split())) < 0.15
    assert 4 < float(re.search(r"rate: ([\d.]+)", result.stdout).group(1)) < 40
    assert "dv/dt = (v_rest - v)/tau_m + feedforward : volt" in result.stdout


def test_every_figure_of_the_readme_exists():
    figures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text())
    assert figures
    assert [f for f in figures if not (README.parent / f).exists()] == []
