"""Each term of the model taken out alone, and all fitted again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ebn_brian.dpi_model import Circuit

from .fit import Free, OpenLoop
from .parameters import FITTED
from .recordings import with_comparators
from .validation import ClosedLoop, Measures

#: A specific current (A) beside which every other is weak: the term is gone, and still compiled.
NO_LIMIT = 1e3


@dataclass(frozen=True)
class Change:
    """Values that are held, names that are not fitted any more, and names that set others now."""

    held: Mapping[str, float] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    regrouped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def free(self, free: Free) -> Free:
        """The names that are left to be fitted."""
        left = {name: members for name, members in free.items() if name not in self.dropped}
        return left | dict(self.regrouped)


CHANGES = {
    "none": Change(),
    "no I_s at the input pair": Change(
        {"I_s_in": NO_LIMIT}, regrouped={"I_s": ("I_s_mem", "I_s_e")}
    ),
    "no I_s at the read-out": Change({"I_s_mem": NO_LIMIT}, regrouped={"I_s": ("I_s_in", "I_s_e")}),
    "no I_s at the exciting output": Change(
        {"I_s_e": NO_LIMIT}, regrouped={"I_s": ("I_s_in", "I_s_mem")}
    ),
    "slope = 1": Change({"slope": 1.0, "slope_e": 1.0}, ("slope",)),
    "leak constant": Change({"leak": 0.0}, ("leak",)),
    "slope_i = 1": Change({"slope_i": 1.0}, ("slope_i",)),
    "slope_i = slope": Change(
        dropped=("slope_i",), regrouped={"slope": ("slope", "slope_e", "slope_i")}
    ),
    "eps = 0": Change({"eps": 0.0}),
    "eps fitted": Change(regrouped={"eps": ("eps",)}),
    "I_s free at each": Change(
        dropped=("I_s",), regrouped={name: (name,) for name in ("I_s_in", "I_s_mem", "I_s_e")}
    ),
    "slopes free at each": Change(regrouped={"slope": ("slope",), "slope_e": ("slope_e",)}),
}
#: Most parameters that a change adds.
MORE = 2


def ablation(
    loop: OpenLoop, closed: ClosedLoop, circuit: Circuit, free: Free
) -> dict[tuple[str, int], Measures]:
    """Measures in closed loop on every recording, by change, all fitted together again."""
    measures = {}
    for name, change in CHANGES.items():
        if not {*change.dropped, *(change.regrouped.keys() & FITTED)} <= set(free):
            continue
        fit = loop.fit(circuit.with_values(**change.held), change.free(free))
        again = with_comparators(fit.circuit, [*loop.recordings.values()], fit.traces)
        for number in closed.recordings:
            measures[name, number] = closed.measures(again, number)
            measures[name, number]["n_free"] = len(fit.free)
    return measures
