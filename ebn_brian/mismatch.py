"""Device mismatch: a distribution for any parameter of any Brian2 group, neurons or synapses.

::

    apply_mismatch(neurons, {"tau_m": 0.1, "v_th": Spread(0.2, above="v_rest")}, seed=7, chips=100)
    apply_mismatch(synapses, {"gain": Spread(local=0.2, chip=0.05)}, seed=7, chips=100)
    values = spread(chips.values(), {"neurons.tau_m": 0.1}, seed=7, chips=100)

A number is a CV (standard deviation over mean), lognormal; a frozen `scipy.stats` distribution
stands for itself, an array for factors that were measured. What chip 17 draws for a parameter
depends on the seed, the names of the group and of the parameter, and 17 alone: the same in a group
(`apply_mismatch`) and among the run-time values of a program (`spread`).
"""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import Quantity, Synapses, get_dimensions
from brian2.core.variables import ArrayVariable
from brian2.units.fundamentalunits import Dimension, have_same_dimensions
from scipy.stats.distributions import rv_frozen as Distribution

from . import checks
from .checks import Floats, Integers
from .distributions import (
    Spread,
    area_law,
    chip_numbers,
    lognormal,
    sample,
    spread_of,
)

__all__ = ["Spread", "apply_mismatch", "area_law", "lognormal", "sample", "spread"]

Parameters = Mapping[str, Spread | Distribution | Floats | float]


def spread(
    values: Mapping[str, Any], parameters: Parameters, *, seed: int, chips: int | Iterable[int] = 1
) -> dict[str, Any]:
    """Nominal values of chips, some of them spread: for `devices.Program.run`.

    Parameters
    ----------
    values
        By full name, chip after chip in equal parts: those of `chips.Blueprint.values`, say.
    parameters
        By the same names: a CV, a frozen distribution of the factor, measured factors, a `Spread`.
    chips
        Number of chips, or their numbers (one of them may come several times).

    Returns
    -------
    dict
        All `values`, those of `parameters` spread. `apply_mismatch` draws the same.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown, shared by all chips, zero throughout or not finite, or would
        change its sign; or chips are not equal parts.
    """
    numbers = chip_numbers(chips)
    result = dict(values)
    for name, given in parameters.items():
        if name not in values:
            raise ValueError(f"{name}: is unknown; can be spread: {', '.join(sorted(values))}")
        before = checks.finite(name, values[name])
        if before.ndim != 1 or before.size % len(numbers):
            raise ValueError(
                f"{name} has shape {before.shape}: must be one value for each element of "
                f"{len(numbers)} chips"
            )
        chosen = spread_of(name, given)
        draws = sample(chosen, before.size // len(numbers), numbers, seed, name).ravel()
        base = None
        if chosen.above is not None:
            above = f"{name.rpartition('.')[0]}.{chosen.above}"
            if above not in values:
                raise ValueError(f"{name}: above={chosen.above!r} is unknown")
            base = values[above]
        dim = get_dimensions(values[name])
        after = _spread_out(name, chosen, before, dim, draws, base)
        result[name] = Quantity(after, dim=dim)
    return result


def apply_mismatch(
    group: Any,
    parameters: Parameters,
    *,
    seed: int,
    chips: int | Iterable[int] = 1,
    chip_of: str = "target",
    nominal: Mapping[str, Any] = {},
) -> dict[str, Floats]:
    """Spread `parameters` of a Brian2 group around the values they have. All of them, or none.

    Parameters
    ----------
    group
        Neurons, chip after chip in equal parts, or `Synapses`.
    parameters
        By name: a CV, a frozen distribution of the factor, measured factors, or a `Spread`.
    chips
        Number of chips in the group, or their numbers.
    chip_of
        Whether the ``'target'`` or the ``'source'`` tells the chip of a synapse.
    nominal
        Values where they cannot be read: those of synapses in standalone mode, before the run.

    Returns
    -------
    dict
        What was drawn for each element of the group, by parameter.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown, not a real number an element, of another unit, zero throughout
        or not finite, already spread, or would change its sign; or chips are not equal parts.
    """
    numbers = chip_numbers(chips)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"chips={chips}: must be different numbers")
    chip, rank = _places(group, len(numbers), chip_of)
    drawn, values = {}, {}
    for name, given in parameters.items():
        where = f"{group.name}.{name}"
        chosen = spread_of(where, given)
        before = _nominal(group, name, nominal)
        if name in _applied(group) and np.array_equal(_applied(group)[name], before):
            raise ValueError(f"{where}: has its mismatch already")
        checks.finite(where, before)
        draws = sample(chosen, int(rank.max(initial=-1)) + 1, numbers, seed, where)[chip, rank]
        base = None if chosen.above is None else _base(group, name, chosen.above, nominal)
        dim = group.variables[name].dim
        drawn[name] = draws
        values[name] = _spread_out(where, chosen, before, dim, draws, base)
    for name, value in values.items():
        setattr(group, name, Quantity(value, dim=group.variables[name].dim))
        _applied(group)[name] = value
    return drawn


def _spread_out(
    where: str, chosen: Spread, before: Floats, dim: Dimension, draws: Floats, base: Any
) -> Floats:
    """Values of the parameter that was `before`; `base` is what ``chosen.above`` names."""
    if chosen.unit is not None:
        if not have_same_dimensions(chosen.unit, dim):
            raise ValueError(f"{where}: the offset is in {chosen.unit}, which is another unit")
        after: Floats = before + draws * float(chosen.unit)
        if chosen.low is None and before.min() > 0 and after.min() <= 0:
            raise ValueError(f"{where}: becomes {after.min():.3g}; give Spread(low=) to bound it")
        return after
    if base is not None and not have_same_dimensions(base, dim):
        raise ValueError(f"{where}: above={chosen.above!r} has another unit")
    floor = np.zeros(()) if base is None else np.asarray(base, float)
    if not (before - floor).any():
        what = f"equal to {chosen.above}" if chosen.above else "zero"
        raise ValueError(f"{where}: is {what} throughout, so that a factor changes nothing")
    return floor + draws * (before - floor)


def _base(group: Any, name: str, above: str, nominal: Mapping[str, Any]) -> Quantity:
    """Values of the variable `above` which alone `name` is spread."""
    return Quantity(_nominal(group, above, nominal), dim=group.variables[above].dim)


#: What was written to which group: to notice a second time, though not after `restore`.
_written: WeakKeyDictionary[Any, dict[str, Floats]] = WeakKeyDictionary()


def _applied(group: Any) -> dict[str, Floats]:
    return _written.setdefault(group, {})


def _nominal(group: Any, name: str, nominal: Mapping[str, Any]) -> Floats:
    """Values of a parameter, one an element, in base units."""
    where, variable = f"{group.name}.{name}", group.variables.get(name)
    settable = [n for n, v in group.variables.items() if _is_parameter(v)]
    if name not in settable:
        why = "is unknown" if variable is None else "is not a real number for each element"
        raise ValueError(f"{where}: {why}; can be spread: {', '.join(sorted(settable))}")
    if name in nominal:
        if not have_same_dimensions(nominal[name], variable.dim):
            raise ValueError(f"{where}: nominal={nominal[name]} has another unit")
        return np.broadcast_to(np.asarray(nominal[name], float), (len(group),))
    try:
        return np.array(group.state(name, use_units=False)[:], float)
    except NotImplementedError:
        if name in _applied(group):
            raise ValueError(f"{where}: has its mismatch already") from None
        raise ValueError(
            f"{where}: cannot be read before the run in standalone mode; give it in nominal="
        ) from None


def _is_parameter(variable: Any) -> bool:
    return (
        isinstance(variable, ArrayVariable)
        and not (variable.scalar or variable.read_only)
        and np.issubdtype(variable.dtype, np.floating)
    )


def _places(group: Any, n_chips: int, chip_of: str) -> tuple[Integers, Integers]:
    """Chip of each element, and its place among the elements of that chip."""
    checks.choice("chip_of", chip_of, ("target", "source"))
    if isinstance(group, Synapses):
        neurons = getattr(group, chip_of)
        try:
            element = np.asarray((group.j if chip_of == "target" else group.i)[:])
        except NotImplementedError:
            raise ValueError(
                f"{group.name}: its synapses are not known before the run; "
                "in standalone mode connect them with arrays i= and j="
            ) from None
    else:
        neurons, element = group, np.arange(len(group))
    if len(neurons) % n_chips:
        raise ValueError(
            f"chips: {n_chips} cannot be equal parts of the {len(neurons)} neurons of {group.name}"
        )
    chip = element // (len(neurons) // n_chips)
    order = np.argsort(chip, kind="stable")
    first = np.cumsum(np.bincount(chip, minlength=n_chips)) - np.bincount(chip, minlength=n_chips)
    rank = np.empty(len(chip), np.int64)
    rank[order] = np.arange(len(chip)) - first[chip[order]]
    return chip, rank
