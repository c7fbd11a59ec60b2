"""Numbers of studies, to the last digit: what no change of the code may change unnoticed.

``EBN_REMAKE_GOLDEN=1 python -m pytest tests/golden`` writes the files in place of comparing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import xarray as xr
from brian2 import Network, SpikeMonitor, second
from helpers import timed

from ebn_brian import devices
from ebn_brian.chips import dpi_chips, random_decoder
from ebn_brian.dpi_model import whole_chip
from ebn_brian.seeds import generator
from ebn_brian.signals import smoothed_noise

FOLDER, ROOT = Path(__file__).parent, Path(__file__).parents[2]
REMAKE = os.environ.get("EBN_REMAKE_GOLDEN") == "1"
#: Module and options of each study.
STUDIES = {
    "learning_21": ["learning", "--seed", "21"],
    "learning_22": [
        *("learning", "--seed", "22", "--decoder", "even", "--step", "0.02"),
        *("--dead-zone", "0.1"),
    ],
    "mismatch": ["mismatch", "--quick", "--seed", "3"],
    "circuit": ["circuit", "--experiment", "1"],
    "circuit_mismatch": ["circuit_mismatch", "--quick"],
}
#: Numbers that say what a run cost, or where it ran.
COSTS = {"wall_s", "cpu_s", "chip_seconds_per_cpu_second", "provenance"}

pytestmark = pytest.mark.slow


def inputs() -> int:
    """Checksum of what goes into simulations: another build of numpy may round it differently."""
    noise = np.asarray(smoothed_noise(1 * second, 2, 21))
    return crc32(noise.tobytes() + random_decoder(2, 20, 21).tobytes())


def compare(name: str, numbers: dict) -> None:
    """Hold `numbers` against those of the file: equal where the inputs are, near elsewhere."""
    file = FOLDER / f"{name}.json"
    if REMAKE:
        text = json.dumps({"inputs": inputs(), "numbers": numbers}, indent=1)
        file.write_text(text + "\n")
    golden = json.loads(file.read_text())
    if golden["inputs"] == inputs():
        assert numbers == golden["numbers"]
    else:
        assert medians(numbers) == pytest.approx(medians(golden["numbers"]), rel=0.2, abs=0.02)


def medians(numbers: dict) -> dict:
    return {name: value for name, value in numbers.items() if name.endswith("_median")}


@pytest.mark.parametrize("name", STUDIES)
def test_study(name, tmp_path):
    module, *options = STUDIES[name]
    command = [sys.executable, "-m", f"studies.{module}", *options, "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    summary = json.loads((tmp_path / "summary.json").read_text())
    numbers = {key: value for key, value in summary.items() if key not in COSTS}
    if module == "circuit":
        numbers |= traces(tmp_path / "data.nc")
    compare(name, numbers)


def traces(path: Path) -> dict:
    """Every decision of a circuit, and a checksum of its current."""
    with xr.open_dataset(path, engine="h5netcdf") as data:
        return {
            "decisions": "".join("-0+"[1 + d] for d in data["decision"].values),
            "I_mem_checksum": crc32(data["I_mem"].values.tobytes()),
        }


def first_weights(seed: int, n_chips: int, n: int) -> np.ndarray:
    """Random counters of 6 bits, autapses at the reset of an ideal device; weights."""
    streams = [generator(seed, "counters", chip) for chip in range(n_chips)]
    counters = np.stack([stream.integers(-31, 32, (n, n)) for stream in streams])
    counters[:, range(n), range(n)] = -25
    return counters / 25


def test_dpi_chips():
    """Every counter of three chips after two seconds of learning, and their spikes."""

    def network() -> Network:
        D = random_decoder(2, 20, 1, n_chips=3)
        drive = timed(smoothed_noise(2 * second, 2, 5))
        chips = dpi_chips(D, first_weights(1, 3, 20), drive, rule=whole_chip().rule())
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    program = devices.build(network)
    run = program.run(duration=2 * second, read=["recurrent.w", "spikes.i"])
    w, i = run["recurrent.w"], run["spikes.i"]
    numbers = {
        "spikes_median": float(np.median(np.bincount(i, minlength=60))),
        "spikes": len(i),
        "spikes_checksum": crc32(i.astype(np.int32).tobytes()),
        "counters": "".join(f"{c:+03d}" for c in w.astype(int)),
    }
    compare("dpi", numbers)
