"""The steps of a calibration, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ebn_brian.dpi_model import RANGES, Circuit
from ebn_brian.seeds import generator

from .charges import bit_ratio
from .fit import Fit, Free, OpenLoop
from .recordings import Recording, with_comparators, with_start

#: Standard deviation of the factors of other starts; slope ratios stay nearer.
SPREAD = {"slope": 0.02, "slope_e": 0.02, "slope_i": 0.02, "t_start": 0.05}
ELSEWHERE = 0.2
#: Fits agree whose costs differ by less than this part.
AGREE = 0.02


@dataclass(frozen=True)
class Calibration:
    """What was found on some recordings."""

    best: Fit
    eps: tuple[float, float] | None  # and its standard error; None: read off nowhere
    starts: tuple[Fit, ...]  # the first from where it was to begin, the others from elsewhere

    @property
    def agreeing(self) -> int:
        """How many of the starts ended where the best one did."""
        return sum(fit.cost < (1 + AGREE) * self.best.cost for fit in self.starts)


def calibrate(
    loop: OpenLoop,
    start: Circuit,
    free: Free,
    numbers: Sequence[int],
    *,
    n_starts: int = 1,
    seed: int = 1,
    max_evaluations: int = 40,
) -> Calibration:
    """Comparators, fit, bit ratio, fit again, and from elsewhere, on the recordings `numbers`.

    Parameters
    ----------
    start
        Where to begin, and all that is not free.
    free
        The names to fit; the fixed synapse's strength is, where such a synapse takes part.
    n_starts
        How many starts, with the first one; `seed` draws the others.
    """
    used = [loop.recordings[number] for number in numbers]
    free = fittable(free, used)
    circuit = with_comparators(start, used)
    circuit = with_start(circuit, used) if "t_start" in free else circuit
    fit = partial(loop.fit, free=free, numbers=numbers, max_evaluations=max_evaluations)
    first = fit(circuit)
    eps, error = (first.circuit.eps, 0.0), 0.0
    found = None if "eps" in free else bit_ratio(used, first.circuit)
    if found is not None:
        eps, error = found, found[1]
        first = fit(replace(first.circuit, eps=eps[0]), eps_error=error)
    fits = [first]
    for k in range(1, n_starts):
        other = elsewhere(replace(circuit, eps=eps[0]), free, seed, k)
        fits.append(fit(other, eps_error=error))
    best = min(fits, key=lambda each: each.cost)
    best = replace(best, circuit=with_comparators(best.circuit, used, best.traces))
    return Calibration(best, found, tuple(fits))


def fittable(free: Free, used: Sequence[Recording]) -> Free:
    """`free` without the fixed synapse's strength, if none of the recordings has one."""
    if any(recording.fixed for recording in used):
        return free
    return {name: members for name, members in free.items() if name != "fixed_w"}


def elsewhere(circuit: Circuit, free: Free, seed: int, k: int) -> Circuit:
    """Another start: each parameter times a lognormal factor of its own."""
    rng = generator(seed, "starts", k)
    values = circuit.values()
    drawn: dict[str, float] = {}
    for name, members in free.items():
        factor = np.exp(rng.normal(0, SPREAD.get(name, ELSEWHERE)))
        for member in members:
            low, high, _ = RANGES[member]
            drawn[member] = float(np.clip(values[member] * factor, float(low), float(high)))
    return circuit.with_values(**drawn)


def disagreement(calibration: Calibration) -> list[str]:
    """A line for each start that ended elsewhere than the best."""
    best = errors(calibration.best.nrmse)
    return [
        f"start {k} ends elsewhere: {errors(fit.nrmse)} % against {best} %"
        for k, fit in enumerate(calibration.starts, 1)
        if fit.cost >= (1 + AGREE) * calibration.best.cost
    ]


def errors(nrmse: Mapping[int, float]) -> str:
    """NRMSE in % of all recordings."""
    return ", ".join(f"{100 * value:.3g}" for value in nrmse.values())
