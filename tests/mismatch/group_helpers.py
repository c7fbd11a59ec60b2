"""Neurons and synapses with parameters of all kinds."""

import numpy as np
from brian2 import NeuronGroup, Synapses, ms, pA


def neurons(n=12, **names):
    """Neurons of the name ``dpi``, with parameters of all kinds."""
    group = NeuronGroup(
        n,
        """dI/dt = (I_in - gain*I)/tau + k*pA/ms : amp
        I_in : amp
        tau : second
        gain : 1 (constant)
        level : integer
        rest : amp (shared)
        twice = 2*I : amp
        held = 2*I_in : amp (constant over dt)""",
        threshold="I > 1*nA",
        reset="I = 0*pA",
        method="euler",
        namespace={"k": 0},
        **({"name": "dpi"} | names),
    )
    group.tau, group.gain, group.I_in, group.rest = 20 * ms, 1, 5 * pA, 2 * pA
    return group


def synapses(group, target=None, connect=True, **options):
    result = Synapses(
        group,
        group if target is None else target,
        "w : amp",
        on_pre={"pre": "I_post += w", "late": "I_post -= w"},
        on_post="I_pre += w",
        **({"name": "contacts"} | options),
    )
    if connect:
        result.connect(i=np.arange(len(result.target)), j=np.arange(len(result.target)))
        result.w = 1 * pA
    return result
