"""Many chips in one group: the Brian2 objects of efficient balanced networks.

Chips lie one after the other in a single `NeuronGroup` (index ``chip*n_neurons + neuron``), so that
one simulation runs them all. The schedule of a time step has no spike order in it, so it means the
same on every target of Brian2::

    before_thresholds 0   candidates: the neurons above threshold      (greedy selection only)
    before_thresholds 1   a candidate forgets what it counted before
    before_thresholds 2   candidates of a chip compare themselves; the best may spike
    thresholds            spikes
    synapses -2           learn: reads the potential, changes the counter
    synapses -1           act: adds the weight to the potential
    resets                absolute or subtractive
"""

from dataclasses import dataclass

import numpy as np
from brian2 import (
    BrianObject,
    NeuronGroup,
    Quantity,
    Synapses,
    TimedArray,
    get_dimensions,
    hertz,
    ms,
    mV,
    volt,
)
from brian2.units.fundamentalunits import have_same_dimensions

from .equations import lif
from .plasticity import DiscreteRule

#: Potential that stands for 1, the squared length of a decoder column.
V_UNIT = 10 * mV
TAU_M = 50 * ms
TAU_FAST = 1 * ms
KAPPA = 2.5

#: Synapse of a network that does not learn: the weight is ``w*step`` with any real ``w``.
FIXED = "w : 1\ngain : 1\nstep : volt (shared)\n"


@dataclass(frozen=True)
class Chips:
    """Ordinary Brian2 objects of `n_chips` networks; ``Network(chips.objects)`` simulates them."""

    neurons: NeuronGroup
    recurrent: Synapses
    n_chips: int
    n_neurons: int
    autapses: bool
    objects: list[BrianObject]

    @property
    def Omega(self) -> np.ndarray:
        """Weights (n_chips, target, source) as they are now, in units of ``|D|**2``."""
        volts = np.asarray(self.recurrent.w) * float(self.recurrent.step[:])
        return to_matrix(volts / float(V_UNIT), self.n_neurons, self.autapses)


def to_synapses(Omega: np.ndarray, autapses: bool = False) -> np.ndarray:
    """Put matrices (n_chips, target, source) in the order in which `Synapses` store them."""
    n = Omega.shape[-1]
    by_source = np.swapaxes(Omega, -1, -2).reshape(-1, n * n)
    return (by_source if autapses else by_source[:, ~np.eye(n, dtype=bool).ravel()]).ravel()


def to_matrix(values: np.ndarray, n_neurons: int, autapses: bool = False) -> np.ndarray:
    """Inverse of `to_synapses`: matrices (n_chips, target, source), missing autapses 0."""
    n = n_neurons
    kept = np.ones(n * n, bool) if autapses else ~np.eye(n, dtype=bool).ravel()
    values = np.asarray(values).reshape(-1, kept.sum())
    by_source = np.zeros((len(values), n * n), values.dtype)
    by_source[:, kept] = values
    return np.swapaxes(by_source.reshape(-1, n, n), -1, -2)


def lif_chips(
    D: np.ndarray,
    Omega: np.ndarray,
    drive: TimedArray,
    *,
    rule: DiscreteRule | None = None,
    n_chips: int | None = None,
    kappa: float | None = None,
    synapse: str = "delta",
    reset: str = "absolute",
    greedy: bool = True,
    tau_m: Quantity = TAU_M,
    tau_fast: Quantity = TAU_FAST,
    sigma: Quantity | None = None,
) -> Chips:
    """Networks of LIF neurons that code ``x`` (``dx/dt = -x/tau_m + c``) as ``D @ r``.

    Parameters
    ----------
    D
        Decoders, (n_signals, n_neurons) for all chips or (n_chips, n_signals, n_neurons).
    Omega
        Recurrent weights in units of ``|D|**2``, row = target: (n_neurons, n_neurons) for all
        chips or (n_chips, n_neurons, n_neurons). With a `rule`, whole multiples of its step.
    drive
        The drive c, a `TimedArray` (n_steps, n_signals) in hertz, shared by all chips.
    rule
        The learning rule; without one the weights stay.
    n_chips
        Number of chips, where neither `D` nor `Omega` tells it.
    kappa
        Sets the threshold, ``kappa/2*V_UNIT``; by default that of the rule, or 2.5.
    synapse, reset, greedy
        See `equations.lif.model`. With ``rule.learn_reset`` the reset is the learned autapse.
    tau_m, tau_fast, sigma
        Time constants (second) and standard deviation of the membrane noise (volt, default none).

    Raises
    ------
    ValueError
        If a parameter has a wrong shape, is not finite or not positive, or weights are off the
        grid or beyond the rails of the rule.
    """
    D, Omega, n_chips = _check_shapes(D, Omega, n_chips)
    n_signals, n_neurons = D.shape[1:]
    kappa = kappa if kappa is not None else (rule.kappa if rule else KAPPA)
    _check_parameters(drive, n_signals, rule, kappa, synapse, reset, tau_m, tau_fast, sigma)
    if rule and rule.learn_reset:
        reset = "learned"
    autapses = reset == "learned"
    if n_neurons == 1 and not autapses:
        raise ValueError("D has one column: a network needs at least 2 neurons")
    counters = _check_grid(Omega * float(V_UNIT / (rule.step if rule else V_UNIT)), rule)

    neurons = NeuronGroup(
        n_chips * n_neurons,
        lif.model(n_signals, synapse, reset, greedy, noise=sigma is not None),
        method="euler",
        threshold=lif.THRESHOLD[greedy],
        reset=lif.RESETS[reset][0],
        events={"candidate": lif.CANDIDATE} if greedy else {},
        namespace={"drive": drive},
        name="neurons",
    )
    neurons.tau_m = tau_m
    neurons.v_th = kappa / 2 * V_UNIT
    for j in range(n_signals):
        setattr(neurons, f"F_{j}", np.ravel(D[:, j]) * V_UNIT)
    if reset == "absolute":
        neurons.v_reset = (kappa / 2 - 1) * V_UNIT
    elif reset == "subtractive":
        neurons.v_jump = V_UNIT
    if synapse == "exponential":
        neurons.tau_fast = tau_fast
    if sigma is not None:
        neurons.sigma = sigma

    recurrent = _recurrent(neurons, n_chips, n_neurons, rule, synapse, greedy, autapses)
    recurrent.w = to_synapses(counters, autapses)
    objects = [neurons, recurrent]
    if greedy:
        neurons.set_event_schedule("candidate", when="before_thresholds", order=0)
        forget = neurons.run_on_event(
            "candidate", "n_better = 0", when="before_thresholds", order=1
        )
        objects.append(forget)
    return Chips(neurons, recurrent, n_chips, n_neurons, autapses, objects)


def _recurrent(neurons, n_chips, n_neurons, rule, synapse, greedy, autapses) -> Synapses:
    """All-to-all synapses within every chip, with the pathways compare, learn and act."""
    on_pre, on_event = {}, {}
    if greedy:
        on_pre["compare"], on_event["compare"] = lif.COMPARE, "candidate"
    if rule:
        on_pre["learn"], on_event["learn"] = rule.on_pre(), "spike"
    on_pre["act"], on_event["act"] = lif.ON_PRE[synapse], "spike"
    synapses = Synapses(
        neurons,
        model=rule.model if rule else FIXED,
        on_pre=on_pre,
        on_event=on_event,
        delay=dict.fromkeys(on_pre, 0 * ms),
        name="recurrent",
    )
    if greedy:
        synapses.compare.when, synapses.compare.order = "before_thresholds", 2
    if rule:
        synapses.learn.order = -2
    synapses.act.order = -1
    source, target = np.divmod(np.arange(n_neurons**2), n_neurons)
    if not autapses:
        source, target = source[source != target], target[source != target]
    first = n_neurons * np.arange(n_chips)[:, None]
    synapses.connect(i=np.ravel(first + source), j=np.ravel(first + target))
    synapses.gain = 1
    for name, value in (rule.parameters if rule else {"step": V_UNIT}).items():
        setattr(synapses, name, value)
    return synapses


def _check_shapes(D, Omega, n_chips):
    """Bring `D` and `Omega` to (n_chips, ...)."""
    D, Omega = np.asarray(D, float), np.asarray(Omega, float)
    if D.ndim not in (2, 3) or 0 in D.shape:
        raise ValueError(
            f"D has shape {D.shape}: must be (n_signals, n_neurons) or "
            "(n_chips, n_signals, n_neurons)"
        )
    n = D.shape[-1]
    if Omega.ndim not in (2, 3) or Omega.shape[-2:] != (n, n):
        raise ValueError(
            f"Omega has shape {Omega.shape}: must be ({n}, {n}) or (n_chips, {n}, {n}), "
            f"since D has {n} columns"
        )
    for name, array in (("D", D), ("Omega", Omega)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has entries that are not finite numbers")
    told = {a.shape[0] for a in (D, Omega) if a.ndim == 3} | ({n_chips} - {None})
    if len(told) > 1:
        raise ValueError(
            f"n_chips={n_chips} with D of shape {D.shape} and Omega of shape {Omega.shape}: "
            "the numbers of chips must agree"
        )
    n_chips = told.pop() if told else 1
    if n_chips < 1:
        raise ValueError(f"n_chips={n_chips}: must be at least 1")
    D = np.broadcast_to(D, (n_chips, *D.shape[-2:]))
    return D, np.broadcast_to(Omega, (n_chips, n, n)), n_chips


def _check_parameters(drive, n_signals, rule, kappa, synapse, reset, tau_m, tau_fast, sigma):
    values = getattr(drive, "values", None)
    if values is None or values.ndim != 2 or values.shape[1] != n_signals:
        raise ValueError(
            f"drive has shape {getattr(values, 'shape', None)}: must be a TimedArray "
            f"(n_steps, {n_signals}), one column for each row of D"
        )
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("drive must hold at least one step, and finite numbers alone")
    if get_dimensions(drive) != get_dimensions(hertz):
        raise ValueError("drive: must be in hertz")
    for name, value, allowed in (("synapse", synapse, lif.SYNAPSES), ("reset", reset, RESETS)):
        if value not in allowed:
            raise ValueError(f"{name}={value!r}: must be one of {', '.join(allowed)}")
    if not 0 < kappa < np.inf:
        raise ValueError(f"kappa={kappa}: must be finite and positive")
    if rule and not have_same_dimensions(rule.step, volt):
        raise ValueError(f"rule.step={rule.step}: must be in volt for LIF neurons")
    for name, value, unit in (
        ("tau_m", tau_m, ms),
        ("tau_fast", tau_fast, ms),
        ("sigma", 0 * mV if sigma is None else sigma, mV),
    ):
        if not have_same_dimensions(value, unit):
            raise ValueError(f"{name}={value}: must have the unit of {unit}")
        if not np.isfinite(value).all() or (np.asarray(value) < 0).any():
            raise ValueError(f"{name}={value}: must be finite and not negative")
        if name != "sigma" and (np.asarray(value) == 0).any():
            raise ValueError(f"{name}={value}: must be positive")


#: Resets that a user chooses; the learned one comes with the rule.
RESETS = ("absolute", "subtractive")


def _check_grid(counters, rule):
    """Whole counters within the rails (exact weights where nothing is learned)."""
    if rule is None:
        return counters
    whole = np.round(counters)
    off = np.abs(counters - whole)
    if off.max() > 1e-6:
        worst = np.unravel_index(off.argmax(), off.shape)
        raise ValueError(
            f"Omega[{', '.join(map(str, worst))}] is {counters[worst]:.6g} steps: with a rule, "
            f"weights must be whole multiples of its step ({rule.step})"
        )
    if np.abs(whole).max() > rule.w_max:
        raise ValueError(
            f"Omega reaches {np.abs(whole).max():.0f} steps: the rails of the rule are "
            f"+-{rule.w_max:.0f}"
        )
    return whole
