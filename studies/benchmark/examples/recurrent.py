"""Networks whose neurons act on each other."""

from brian2 import (
    Network,
    NeuronGroup,
    PopulationRateMonitor,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    mV,
    nS,
    pF,
)

#: Sodium and potassium channels after Traub and Miles, as COBAHH has them.
CHANNELS = """
dm/dt = 0.32*4/exprel((13*mV - v + VT)/(4*mV))/ms*(1 - m)
        - 0.28*5/exprel((v - VT - 40*mV)/(5*mV))/ms*m : 1
dn/dt = 0.032*5/exprel((15*mV - v + VT)/(5*mV))/ms*(1 - n)
        - 0.5*exp((10*mV - v + VT)/(40*mV))/ms*n : 1
dh/dt = 0.128*exp((17*mV - v + VT)/(18*mV))/ms*(1 - h)
        - 4/(1 + exp((40*mV - v + VT)/(5*mV)))/ms*h : 1
"""
MEMBRANE = dict(El=-65 * mV, EK=-90 * mV, ENa=50 * mV, VT=-63 * mV, C=200 * pF, gl=10 * nS)


def cuba(n: int = 4000) -> Network:
    """CUBA of Brette et al. (2007): currents that decay, random sparse synapses."""
    model = """
    dv/dt = (g_e + g_i - (v + 49*mV))/(20*ms) : volt (unless refractory)
    dg_e/dt = -g_e/(5*ms) : volt
    dg_i/dt = -g_i/(10*ms) : volt
    """
    cells = NeuronGroup(
        n, model, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method="exact",
        name="cells",
    )  # fmt: skip
    cells.v = "(-60 + 10*rand())*mV"
    n_e, p = int(0.8 * n), min(1, 80 / n)
    excite = Synapses(cells, cells, on_pre="g_e += 1.62*mV", name="excite")
    excite.connect(f"i < {n_e}", p=p)
    inhibit = Synapses(cells, cells, on_pre="g_i -= 9*mV", name="inhibit")
    inhibit.connect(f"i >= {n_e}", p=p)
    return Network(cells, excite, inhibit, SpikeMonitor(cells, name="spikes"))


def cobahh(n: int = 4000) -> Network:
    """COBAHH of Brette et al. (2007): Hodgkin-Huxley neurons, conductances, three traces."""
    model = """
    dv/dt = (gl*(El - v) - g_e*v - g_i*(v + 80*mV) - 20*uS*m*m*m*h*(v - ENa)
             - 6*uS*n*n*n*n*(v - EK))/C : volt
    dg_e/dt = -g_e/(5*ms) : siemens
    dg_i/dt = -g_i/(10*ms) : siemens
    """
    cells = NeuronGroup(
        n, model + CHANNELS, threshold="v > -20*mV", refractory=3 * ms, namespace=MEMBRANE,
        method="exponential_euler", name="cells",
    )  # fmt: skip
    cells.v, cells.g_e = "(-65 + 5*randn())*mV", "(40 + 15*randn())*nS"
    cells.g_i = "(200 + 120*randn())*nS"
    n_e, p = int(0.8 * n), min(1, 80 / n)
    excite = Synapses(cells[:n_e], cells, on_pre="g_e += 6*nS", name="excite")
    excite.connect(p=p)
    inhibit = Synapses(cells[n_e:], cells, on_pre="g_i += 67*nS", name="inhibit")
    inhibit.connect(p=p)
    trace = StateMonitor(cells, "v", record=[1, 10, 100], name="trace")
    return Network(cells, excite, inhibit, trace, SpikeMonitor(cells, name="spikes"))


def vogels(n: int = 10000) -> Network:
    """Inhibitory plasticity of Vogels et al. (2011)."""
    model = """
    dv/dt = (-10*nS*(v + 60*mV) - (g_e*v + g_i*(v + 80*mV)) + 200*pA)/(200*pF)
            : volt (unless refractory)
    dg_e/dt = -g_e/(5*ms) : siemens
    dg_i/dt = -g_i/(10*ms) : siemens
    """
    cells = NeuronGroup(
        n, model, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method="euler",
        name="cells",
    )  # fmt: skip
    excited, inhibiting = cells[: int(0.8 * n)], cells[int(0.8 * n) :]
    excite = Synapses(excited, cells, on_pre="g_e += 0.3*nS", name="excite")
    inhibit = Synapses(inhibiting, inhibiting, on_pre="g_i += 3*nS", name="inhibit")
    traces = """
    w : 1
    dx/dt = -x/(20*ms) : 1 (event-driven)
    dy/dt = -y/(20*ms) : 1 (event-driven)
    """
    plastic = Synapses(
        inhibiting, excited, traces, name="plastic",
        on_pre="x += 1\nw = clip(w + 0.01*(y - 0.12), 0, 100)\ng_i += w*nS",
        on_post="y += 1\nw = clip(w + 0.01*x, 0, 100)",
    )  # fmt: skip
    for synapses in (excite, inhibit, plastic):
        synapses.connect(p=min(1, 200 / n))
    plastic.w = 1e-10
    objects = cells, excite, inhibit, plastic
    return Network(*objects, SpikeMonitor(excited, name="spikes"))


def brunel_hakim(n: int = 5000) -> Network:
    """Fast oscillations of noisy inhibitory neurons, Brunel and Hakim (1999)."""
    model = "dv/dt = (-v + 25*mV + 1*mV*sqrt(20*ms)*xi)/(20*ms) : volt"
    cells = NeuronGroup(
        n, model, threshold="v > 20*mV", reset="v = 10*mV", refractory=2 * ms, method="euler",
        name="cells",
    )  # fmt: skip
    cells.v = 10 * mV
    inhibit = Synapses(cells, cells, on_pre="v -= 0.1*mV", delay=2 * ms, name="inhibit")
    inhibit.connect(p=min(1, 1000 / n))
    rate = PopulationRateMonitor(cells, name="rate")
    return Network(cells, inhibit, rate, SpikeMonitor(cells, name="spikes"))


def kremer(n: int = 121) -> Network:
    """Feed-forward plasticity in barrels, after Kremer et al. (2011), `n` cells in each of 9."""
    layer4 = """
    rate = int(abs((i // n_barrel) % 3 - 1 - cos(direction)*(t - start)/(20*ms)) < 0.5)
           *clip(cos(direction - selectivity), 0, 1)*100*Hz : Hz
    selectivity : 1
    direction : 1 (shared)
    start : second (shared)
    """
    names = {"n_barrel": n}
    source = NeuronGroup(
        9 * n, layer4, threshold="rand() < rate*dt", name="layer4", namespace=names
    )
    source.selectivity = f"(i % {n})/{n}.0*2*pi"
    source.run_regularly("direction = rand()*2*pi\nstart = t", dt=60 * ms, when="start")
    layer23 = """
    dv/dt = (g_e + g_i - 70*mV - v)/(10*ms) : volt
    dg_e/dt = -g_e/(2*ms) : volt
    dg_i/dt = -g_i/(25*ms) : volt
    dv_th/dt = (-55*mV - v_th)/(50*ms) : volt
    """
    cells = NeuronGroup(
        12 * n, layer23, threshold="v > v_th", reset="v = -70*mV\nv_th += 2*mV",
        refractory=2 * ms, method="euler", name="layer23",
    )  # fmt: skip
    cells.v, cells.v_th = -70 * mV, -55 * mV
    exciting, inhibiting = cells[: 9 * n], cells[9 * n :]
    feed = Synapses(
        source, exciting,
        """
        w : volt
        dx/dt = -x/(5*ms) : volt (event-driven)
        dy/dt = -y/(25*ms) : volt (event-driven)
        """,
        on_pre="g_e += w\nx += 0.3*mV\nw = clip(w + y, 0*mV, 12*mV)",
        on_post="y -= 0.25*mV\nw = clip(w + x, 0*mV, 12*mV)", name="feed",
    )  # fmt: skip
    feed.connect(f"i // {n} == j // {n}", p=0.5)
    feed.w = 6 * mV
    excite = Synapses(exciting, cells, "w : volt", on_pre="g_e += w", name="excite")
    excite.connect(p="0.15*exp(-0.5*((i - j*0.9)/200)**2)")
    excite.w = "(0.45 + 0.3*rand())*mV"
    inhibit = Synapses(inhibiting, exciting, on_pre="g_i -= 0.4*mV", name="inhibit")
    inhibit.connect(p="0.8*exp(-0.5*((3*i - j)/100)**2)")
    objects = source, cells, feed, excite, inhibit
    return Network(*objects, SpikeMonitor(cells, name="spikes"))


def gap_junctions(n: int = 100) -> Network:
    """All-to-all gap junctions, a summed variable."""
    model = "dv/dt = (1.05 - v + current)/(10*ms) : 1\ncurrent : 1"
    cells = NeuronGroup(n, model, threshold="v > 1", reset="v = 0", method="exact", name="cells")
    cells.v = f"i*1.0/({n} - 1)"
    gaps = Synapses(cells, cells, "w : 1\ncurrent_post = w*(v_pre - v_post) : 1 (summed)",
                    name="gaps")  # fmt: skip
    gaps.connect()
    gaps.w = 0.2 / n
    trace = StateMonitor(cells, "v", record=[0, 5], name="trace")
    return Network(cells, gaps, trace, SpikeMonitor(cells, name="spikes"))
