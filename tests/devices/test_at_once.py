"""Runs of one program at the same time never disturb each other."""

import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from brian2 import ms, second
from device_helpers import ENOUGH, assert_same

from ebn_brian import devices


class TestAtOnce:
    """Runs of one program never disturb each other."""

    @staticmethod
    def values(k):
        return {"neurons.v": np.full(400, k * 1e-3), "recurrent.kappa": 1 + k / 10}

    def test_threads(self, standalone):
        def run(k):
            return standalone.run(
                self.values(k), duration=(5 + k) * ms, seed=k, read=[*ENOUGH, "noisy.v"]
            )

        with ThreadPoolExecutor(8) as pool:
            at_once = list(pool.map(run, range(16)))
        for k, result in enumerate(at_once):
            assert_same(run(k), result, [*ENOUGH, "noisy.v"])
        assert len({result["noisy.v"].tobytes() for result in at_once}) == 16
        assert not list(standalone.directory.glob("run_*"))

    def test_cpu_time_is_that_of_the_run_alone(self, tampered):
        """Others that run meanwhile, and end before it, are not counted in."""
        program = tampered('[ $EBN_DURATION = 0.001 ] && sleep 2; "$0.real" "$@"')
        with ThreadPoolExecutor(4) as pool:
            short = pool.submit(program.run, duration=1 * ms)
            long = [pool.submit(program.run, duration=30 * second) for _ in range(3)]
        # a tenth of theirs: no load of the machine makes that a half
        assert short.result().cpu_seconds < min(run.result().cpu_seconds for run in long) / 2

    def test_other_processes(self, standalone, tmp_path):
        """A pickled program runs in processes that have built nothing."""
        (tmp_path / "program.pkl").write_bytes(pickle.dumps(standalone))
        code = (
            "import pickle, sys, numpy as np; from brian2 import ms\n"
            "program = pickle.load(open('program.pkl', 'rb')); k = int(sys.argv[1])\n"
            "values = {'neurons.v': np.full(400, k*1e-3), 'recurrent.kappa': 1 + k/10}\n"
            "for _ in range(10):\n"
            "    run = program.run(values, duration=5*ms, read=['neurons.v'])\n"
            "    np.save(f'{k}.npy', run['neurons.v'])\n"
        )
        path = os.pathsep.join([str(Path(devices.__file__).parents[2]), *sys.path])
        other = subprocess.Popen(
            [sys.executable, "-c", code, "1"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}
        )
        here = [self.short(standalone, k) for k in (1, 2)]
        while other.poll() is None:
            np.testing.assert_array_equal(self.short(standalone, 2), here[1])
            time.sleep(0.05)
        assert other.returncode == 0
        np.testing.assert_array_equal(np.load(tmp_path / "1.npy"), here[0])
        assert standalone.directory.exists()

    def short(self, program, k):
        return program.run(self.values(k), duration=5 * ms, read=["neurons.v"])["neurons.v"]
