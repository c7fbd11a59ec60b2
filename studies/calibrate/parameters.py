"""What can be fitted: which parameters of the circuit a name sets, and what physics expects."""

from collections.abc import Mapping, Sequence

from brian2 import amp, ms, nA, pA, uA, volt

from ebn_brian.dpi_model import Circuit, early_voltage, specific_current

#: Parameters of `Circuit` by the name that fits them. Transistors of one kind and size share one.
#: Gains of neuron and synapses act only as products, so those of the synapses are enough.
FITTED = {
    **{name: (name,) for name in ("tau", "I_th", "I_dc", "t_start")},
    "slope": ("slope", "slope_e"),
    "I_s": ("I_s_in", "I_s_mem", "I_s_e"),
    **{name: (name,) for name in ("leak", "gain_e", "tau_e", "gain_i", "tau_i", "slope_i")},
    "fixed_w": ("fixed_w",),
}
#: Further names: one each of those that share one, and what is read off otherwise.
ALONE = ("slope_e", "I_s_in", "I_s_mem", "I_s_e", "eps", "I_0")
CANDIDATES = (*FITTED, *ALONE)

#: Round numbers of the right order: where a fit begins that knows nothing else.
ROUND = Circuit(
    tau=30 * ms,
    I_th=30 * pA,
    I_dc=12 * nA,
    tau_e=0.5 * ms,
    gain_e=3.0,
    tau_i=1 * ms,
    gain_i=2.0,
    I_ref=9 * nA,
    I_SL=0.4 * nA,
    slope=1.1,
    slope_e=1.1,
    slope_i=1.05,
    leak=0.1,
    I_leak=9.089 * nA,
    I_s_in=500 * nA,
    I_s_mem=500 * nA,
    I_s_e=500 * nA,
    eps=0.01,
    fixed_w=20.0,
    t_start=3 * ms,
)

#: What each is: the transistor or the block, and whether it is physics or only a fit.
MEANING = {
    "tau": ("neuron's capacitor and leak", "fit"),
    "I_th": ("neuron's gain current", "fit"),
    "I_dc": ("constant input", "fit"),
    "t_start": ("when the bias comes on", "nuisance"),
    "slope": ("slope ratio of the exciting pairs", "physics, fitted"),
    "slope_e": ("slope ratio of the exciting synapse's pair", "physics, fitted"),
    "I_s": ("specific current of a square transistor", "physics, fitted"),
    "I_s_in": ("specific current of the input pair's reference", "physics, fitted"),
    "I_s_mem": ("specific current of the membrane's read-out", "physics, fitted"),
    "I_s_e": ("specific current of the exciting read-out", "physics, fitted"),
    "leak": ("how the neuron's leak grows", "fit"),
    "gain_e": ("exciting synapse's gain", "fit"),
    "tau_e": ("exciting synapse's leak", "fit"),
    "gain_i": ("inhibiting synapse's gain", "fit"),
    "tau_i": ("inhibiting synapse's leak", "fit"),
    "slope_i": ("slope ratio of the inhibiting pair", "fit"),
    "fixed_w": ("strength of the fixed synapse (LSB)", "fit"),
    "eps": ("the DAC's bits are in the ratio 2(1 - eps)", "read off"),
    "I_0": ("dark current", "read off"),
}


def targets(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Parameters of `Circuit` that each of the `names` sets; one named alone leaves its group."""
    alone = set(names) - set(FITTED)
    chosen = {}
    for name in names:
        members = FITTED.get(name, (name,))
        chosen[name] = tuple(m for m in members if m not in alone or m == name) or members
    return chosen


def changed(
    circuit: Circuit, values: Mapping[str, float], free: Mapping[str, Sequence[str]]
) -> Circuit:
    """`circuit` with `values` (SI) of fitted names."""
    own = {target: value for name, value in values.items() for target in free[name]}
    return circuit.with_values(**own)


def expected(name: str, value: float) -> str:
    """Where physics puts a number, beside the fitted `value` (SI)."""
    if name in ("slope", "slope_e"):
        inside = 1.05 <= value <= 1.25
        return f"kappa_n/kappa_p: 1.05 to 1.25, {'inside' if inside else 'outside'}"
    if name.startswith("I_s"):
        low, high = (specific_current(k * uA / volt**2, 1, 0.7) for k in (200, 400))
        where = "inside" if low <= value * amp <= high else "outside"
        return f"square 180 nm nFET: {low / uA:.2f} to {high / uA:.2f} uA, {where}"
    if name == "leak" and value > 1e-6:
        V_A = early_voltage(value) / volt
        return f"V_A = {V_A:.2f} V" + (": too small for an Early effect" if V_A < 1 else "")
    return ""
