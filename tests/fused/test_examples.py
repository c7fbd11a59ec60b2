"""Networks that Brian2 publishes as examples give the bits of `cpp_standalone`."""

import pytest
from brian2 import ms

from ebn_brian import devices
from studies.benchmark.examples import EXAMPLES
from studies.benchmark.examples.timing import different, run, variables

#: Few neurons for as many steps; `python -m studies.benchmark --examples` compares whole ones.
SMALL = {"cuba": 300, "cobahh": 200, "vogels": 400, "brunel_hakim": 400, "kremer": 121, "stdp": 100}
SMALL |= {
    "if_curve": 3,
    "poisson_input": 300,
    "synfire": 300,
    "reliability": 600,
    "gap_junctions": 40,
}


def small(name):
    return lambda: EXAMPLES[name][0](SMALL[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_equal_to_brian2(name):
    fused, plain = (devices.build(small(name), d) for d in ("cpp_fused", "cpp_standalone"))
    runs = [run(program, 0.2, variables(program)) for program in (fused, plain)]
    assert sum(runs[1][n].sum() for n in runs[1].values if n.endswith(".count")) > 10
    assert not different(*runs)


def test_what_differs_is_named():
    program = devices.build(small("if_curve"), "numpy")
    one, other = (program.run(duration=20 * ms, read=["cells.v", "cells.v_0"]) for _ in range(2))
    assert not different(one, other)
    one["cells.v"][1] += 1e-12
    assert different(one, other) == ["cells.v"]
