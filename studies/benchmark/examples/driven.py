"""Neurons with an input: given, periodic, or at random."""

import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    PoissonInput,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    linked_var,
    ms,
    mV,
)

from .recurrent import CHANNELS, MEMBRANE


def stdp(n: int = 1000) -> Network:
    """Plasticity of Song, Miller and Abbott (2000): Poisson inputs to one neuron."""
    source = PoissonGroup(n, rates=15 * Hz, name="source")
    model = "dv/dt = (-g*v - 74*mV - v)/(10*ms) : volt\ndg/dt = -g/(5*ms) : 1"
    cell = NeuronGroup(
        1, model, threshold="v > -54*mV", reset="v = -60*mV", method="euler", name="cell"
    )
    cell.v = -60 * mV
    traces = """
    w : 1
    dx/dt = -x/(20*ms) : 1 (event-driven)
    dy/dt = -y/(20*ms) : 1 (event-driven)
    """
    plastic = Synapses(
        source, cell, traces, name="plastic",
        on_pre="g += w\nx += 1e-4\nw = clip(w + y, 0, 0.01)",
        on_post="y -= 1.05e-4\nw = clip(w + x, 0, 0.01)",
    )  # fmt: skip
    plastic.connect()
    plastic.w = "0.01*rand()"
    weights = StateMonitor(plastic, "w", record=[0, 1], name="weights")
    return Network(source, cell, plastic, weights, SpikeMonitor(source, name="spikes"))


def poisson_input(n: int = 5000) -> Network:
    """Sparse network under Poisson input, Brunel (2000), with rate and spikes of a part."""
    cells = NeuronGroup(
        n, "dv/dt = -v/(20*ms) : volt (unless refractory)", threshold="v > 20*mV",
        reset="v = 10*mV", refractory=2 * ms, method="exact", name="cells",
    )  # fmt: skip
    n_e, p = int(0.8 * n), min(1, 500 / n)
    excite = Synapses(cells[:n_e], cells, on_pre="v += 0.2*mV", delay=1.5 * ms, name="excite")
    inhibit = Synapses(cells[n_e:], cells, on_pre="v -= 1*mV", delay=1.5 * ms, name="inhibit")
    excite.connect(p=p)
    inhibit.connect(p=p)
    outside = PoissonInput(cells, "v", N=1000, rate=20 * Hz, weight=0.1 * mV)
    rate = PopulationRateMonitor(cells, name="rate")
    return Network(cells, excite, inhibit, outside, rate, SpikeMonitor(cells[:50], name="spikes"))


def phase_locking(n: int = 2000) -> Network:
    """Neurons with a periodic input, Brette (2004), and the trace of one."""
    model = "dv/dt = (-v + a + 2*sin(2*pi*t/(100*ms)))/(100*ms) : 1\na : 1"
    cells = NeuronGroup(n, model, threshold="v > 1", reset="v = 0", method="euler", name="cells")
    cells.a = np.linspace(2, 4, n)
    trace = StateMonitor(cells, "v", record=n // 2, name="trace")
    return Network(cells, trace, SpikeMonitor(cells, name="spikes"))


def if_curve(n: int = 1000) -> Network:
    """Rate against current of integrate-and-fire neurons."""
    model = "dv/dt = (v_0 - v)/(10*ms) : volt (unless refractory)\nv_0 : volt"
    cells = NeuronGroup(
        n, model, threshold="v > 10*mV", reset="v = 0*mV", refractory=5 * ms, method="exact",
        name="cells",
    )  # fmt: skip
    cells.v_0 = f"20*mV*i/({n} - 1)"
    return Network(cells, SpikeMonitor(cells, name="spikes"))


def if_curve_hh(n: int = 100) -> Network:
    """Rate against current of Hodgkin-Huxley neurons, refractory while above threshold."""
    model = """
    dv/dt = (gl*(El - v) - 20*uS*m*m*m*h*(v - ENa) - 6*uS*n*n*n*n*(v - EK) + current)/C : volt
    current : amp
    """
    cells = NeuronGroup(
        n, model + CHANNELS, threshold="v > -40*mV", refractory="v > -40*mV", namespace=MEMBRANE,
        method="exponential_euler", name="cells",
    )  # fmt: skip
    cells.v, cells.current = -65 * mV, f"700*pA*i/{n}"
    return Network(cells, SpikeMonitor(cells, name="spikes"))


def reliability(n: int = 500) -> Network:
    """Neurons with noise of their own and one fluctuating input, Brette and Guigon (2003)."""
    source = NeuronGroup(1, "dx/dt = -x/(20*ms) + (2/(20*ms))**0.5*xi : 1", method="euler",
                         name="source")  # fmt: skip
    model = """
    dv/dt = (v*(0.5 + 3*p*B) + 1)/(33*ms) + 0.02*(2/(33*ms))**0.5*xi : 1
    B = 2/(1 + exp(-2*x)) - 1 : 1
    p : 1
    x : 1 (linked)
    """
    cells = NeuronGroup(n, model, threshold="v > 1", reset="v = 0", method="euler", name="cells")
    cells.p, cells.v, cells.x = f"1.0*i/{n}", "rand()", linked_var(source, "x")
    trace = StateMonitor(cells, "B", record=0, name="trace")
    return Network(source, cells, trace, SpikeMonitor(cells, name="spikes"))


def synfire(n: int = 1000) -> Network:
    """A volley of given spikes through groups of 100 noisy neurons, Diesmann et al. (1999)."""
    model = """
    dv/dt = (-(v + 70*mV) + x)/(10*ms) : volt
    dx/dt = (-x + y)/(0.325*ms) : volt
    dy/dt = -y/(0.325*ms) + 25.27*mV/ms + 39.24*mV/ms**0.5*xi : volt
    """
    cells = NeuronGroup(
        n, model, threshold="v > -55*mV", reset="v = -70*mV", refractory=1 * ms, method="euler",
        name="cells",
    )  # fmt: skip
    cells.v = "(-70 + 15*rand())*mV"
    times = 50 + np.random.default_rng(1).standard_normal(85)
    source = SpikeGeneratorGroup(85, np.arange(85), times * ms, name="source")
    onward = Synapses(cells, cells, on_pre="y += 4.86*mV", name="onward")
    onward.connect("j // 100 == i // 100 + 1")
    first = Synapses(source, cells[:100], on_pre="y += 4.86*mV", name="first")
    first.connect()
    monitors = SpikeMonitor(cells, name="spikes"), SpikeMonitor(source, name="given")
    return Network(cells, source, onward, first, *monitors)


def followed_sound(n: int = 300) -> Network:
    """Delay lines for a sound, Licklider (1951): two noisy ears, a delay for each synapse."""
    sound = TimedArray(3 * np.sin(np.arange(5000) * 0.06) ** 3, dt=0.1 * ms, name="sound")
    model = "dx/dt = (sound(t) - x)/(1*ms) + 0.1*(2/ms)**0.5*xi : 1 (unless refractory)"
    ears = NeuronGroup(
        2, model, threshold="x > 1", reset="x = 0", refractory=2 * ms, method="euler", name="ears",
        namespace={"sound": sound},
    )  # fmt: skip
    model = "dv/dt = -v/ms + 0.1*(2/ms)**0.5*xi : 1"
    cells = NeuronGroup(n, model, threshold="v > 1", reset="v = 0", method="euler", name="cells")
    lines = Synapses(ears, cells, on_pre="v += 0.5", name="lines")
    lines.connect()
    lines.delay = f"i*(1 + 19.0*j/{n})*ms"
    return Network(ears, cells, lines, SpikeMonitor(cells, name="spikes"))
