"""One chip at length: membrane currents and spikes before and after, and its counters."""

import numpy as np
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, TimedArray, second

from ebn_brian import decoding, devices
from ebn_brian.checks import Floats
from ebn_brian.chips import dpi_chips
from ebn_brian.dpi_model import Circuit
from ebn_brian.training import DT, Training, steps

from .arms import Bench, Population

DURATION = 1 * second
#: Neurons whose membrane is shown.
SHOWN = 3


def run_example(bench: Bench, cv: float) -> dict[str, Floats]:
    """The first chip with mismatch: before (random counters) and after homeostasis and learning.

    ``I_mem_WHEN`` (SHOWN, n_steps), ``x`` and ``x_hat_WHEN`` (n_steps, n_signals), spikes, weights.
    """
    chips = Population(bench, range(bench.block))
    made = chips.with_mismatch(cv)
    ready = chips.calibrated(made)
    learned = chips.learned(ready)
    c = bench.input.test[: steps(DURATION)]
    result = {
        "x": decoding.leaky_integral(c, chips.ideal.chips.tau, DT),
        "optimal": chips.ideal.chips.optimal[0],
        "learned": learned[0],
    }
    for when, training, Omega in (("before", made, chips.first), ("after", ready, learned)):
        for name, value in _response(training, Omega[0], c, bench.circuit).items():
            result[f"{name}_{when}"] = value
        i, t = result[f"spike_neuron_{when}"], result[f"spike_time_{when}"] * second
        r = decoding.filtered_spikes(i, t, bench.n_neurons, len(c), chips.ideal.chips.tau, DT)
        D = decoding.fit_readout(r[0], result["x"])
        result[f"x_hat_{when}"] = r[0] @ D.T
    return result


def _response(
    training: Training, Omega: Floats, c: Quantity, circuit: Circuit
) -> dict[str, Floats]:
    """Of the first chip, in this process."""
    D, rule = training.chips.D[:1], training.chips.rule

    def make_network() -> Network:
        drive = TimedArray(c, DT, name="drive")
        chips = dpi_chips(D, Omega[None], drive, rule=rule, circuit=circuit, dt=DT)
        return Network(
            chips.objects,
            SpikeMonitor(chips.neurons, name="spikes"),
            StateMonitor(chips.neurons, "I_mem", record=range(SHOWN), name="trace"),
        )

    program = devices.build(make_network, "numpy")
    own = {
        name: value
        if np.ndim(value) == 0
        else np.split(np.asarray(value), len(training.chips.D))[0]
        for name, value in training.values.items()
        if not name.endswith((".coupled", ".rate_target", ".I_adapt"))
    }
    rest = {f"neurons.{name}": float(value) for name, value in training.chips.rest.items()}
    run = program.run(
        {**own, **rest, "recurrent.plastic": 0.0},
        duration=len(c) * DT,
        read=["spikes.i", "spikes.t", "trace.I_mem"],
    )
    return {
        "I_mem": run["trace.I_mem"].reshape(len(c), SHOWN).T,
        "spike_time": run["spikes.t"],
        "spike_neuron": run["spikes.i"],
    }
