"""Device mismatch: a distribution for any parameter of any Brian2 group, neurons or synapses.

::

    apply_mismatch(neurons, {"tau_m": 0.1, "v_th": Spread(0.2, above="v_rest")}, seed=7, chips=100)
    apply_mismatch(synapses, {"gain": Spread(local=0.2, chip=0.05)}, seed=7, chips=100)
    apply_mismatch(synapses, {"delay": 0.1}, seed=7, chips=100)
    values = spread(chips.values(), {"neurons.tau_m": 0.1}, seed=7, chips=100)

A number is a CV (standard deviation over mean), lognormal; a frozen `scipy.stats` distribution
stands for itself, an array for factors that were measured. What chip 17 draws for a parameter
depends on the seed, the names of the group and of the parameter, and 17 alone: the same in a group
(`apply_mismatch`) and among the run-time values of a program (`spread`).
"""

import re
from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import Quantity, Synapses, get_dimensions, get_logger
from brian2.core.variables import ArrayVariable
from brian2.groups.subgroup import Subgroup
from brian2.units.fundamentalunits import Dimension, have_same_dimensions
from scipy.stats.distributions import rv_frozen as Distribution

from . import checks, groups
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

logger = get_logger(__name__)

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
            if checks.finite(above, base).shape not in ((), before.shape):
                raise ValueError(
                    f"{name}: above={chosen.above!r} has shape {np.shape(base)}: must be one "
                    f"value, or {before.size}"
                )
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
    name: str | None = None,
) -> dict[str, Floats]:
    """Spread `parameters` of a Brian2 group around the values they have. All of them, or none.

    Parameters
    ----------
    group
        Neurons, chip after chip in equal parts; a part of them, ``neurons[10:20]``; or `Synapses`.
    parameters
        By name: a CV, a frozen distribution of the factor, measured factors, or a `Spread`; delays
        of each synapse as ``'delay'``, of other pathways ``'post.delay'``.
    chips, chip_of
        Number of chips, or their numbers; whether a synapse's ``'target'`` or ``'source'`` has its.
    nominal
        Values where they cannot be read: those of synapses in standalone mode, before the run, and
        what was set by strings, slices or parts of groups there.
    name
        What random streams call the group, a part of which is ``name[10:20]``. By default its
        name, without the number that Brian2 gives (``neurongroup_1``): a cell that is run again
        gets the same chips, and two groups without names, with a warning, too.

    Returns
    -------
    dict
        What was drawn for each element of the group, by parameter.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown, no real number that can be set, of another unit, zero throughout,
        not finite, already spread, or would change its sign; or chips are not equal parts.
    """
    groups.check_group(group)
    stated = groups.stated_values(group, nominal)
    numbers = _different_numbers(chips)
    label, automatic = _label(group, name)
    chip, rank = _places(group, len(numbers), chip_of)
    n_elements = int(rank.max(initial=-1)) + 1
    drawn, changes = {}, []
    for key, given in parameters.items():
        parameter = groups.parameter(group, key)
        chosen = spread_of(parameter.where, given)
        stream = f"{label}.{parameter.name}"
        drawn[key] = sample(chosen, n_elements, numbers, seed, stream)[chip, rank]
        before = groups.nominal_values(parameter, stated)
        base = groups.base_values(group, chosen.above, stated)
        after = _spread_out(parameter.where, chosen, before, parameter.dim, drawn[key], base)
        changes.append(groups.Change(parameter, before, groups.held(parameter, after)))
    groups.write(changes)
    if automatic:
        _warn_of_shared_draws(label, seed, numbers, [c.parameter for c in changes])
    return drawn


def _different_numbers(chips: int | Iterable[int]) -> list[int]:
    numbers = chip_numbers(chips)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"chips={chips}: must be different numbers")
    return numbers


def _spread_out(
    where: str, chosen: Spread, before: Floats, dim: Dimension, draws: Floats, base: Any
) -> Floats:
    """Values of the parameter that was `before`; `base` is what ``chosen.above`` names."""
    if not before.size:  # no synapses
        return before
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


def _label(group: Any, name: str | None = None) -> tuple[str, bool]:
    """What streams call a group, and whether other groups without a name are called the same."""
    if name is not None:
        if not (isinstance(name, str) and name):
            raise TypeError(f"name={name!r}: must be a word")
        return name, False
    if isinstance(group, Subgroup):
        if re.fullmatch(rf"{group.source.name}_subgroup(_\d+)?", group.name):
            label, automatic = _label(group.source)
            return f"{label}[{group.start}:{group.stop}]", automatic
        return group.name, False
    for kind in group.__class__.__mro__:  # "neurongroup*" where `NeuronGroup` is not given a name
        given = signature(kind).parameters.get("name")
        if given is not None and isinstance(given.default, str):
            default = given.default.removesuffix("*")
            automatic = re.fullmatch(rf"{default}(_\d+)?", group.name) is not None
            return (default if automatic else group.name), automatic
    return group.name, False


#: Which (stream, seed, chip) a group without a name of its own has drawn, by its variables.
_drawn: WeakKeyDictionary[ArrayVariable, set[tuple[str, int, int]]] = WeakKeyDictionary()


def _warn_of_shared_draws(
    label: str, seed: int, numbers: Iterable[int], parameters: Iterable[groups.Parameter]
) -> None:
    for parameter in parameters:
        draws = {(f"{label}.{parameter.name}", seed, c) for c in numbers}
        others = [v for v in _drawn if v is not parameter.variable]
        if any(not draws.isdisjoint(_drawn[other]) for other in others):
            logger.warn(
                f"Groups without names of their own have the same mismatch, that of '{label}' "
                f"(seed={seed}). Right for a notebook cell that is run again; groups that are to "
                "differ need names: name= of each group, or of apply_mismatch.",
                "shared_draws",
                once=True,
            )
        _drawn.setdefault(parameter.variable, set()).update(draws)


def _places(group: Any, n_chips: int, chip_of: str) -> tuple[Integers, Integers]:
    """Chip of each element, and its place among the elements of that chip."""
    checks.choice("chip_of", chip_of, ("target", "source"))
    if isinstance(group, Synapses):
        neurons = getattr(group, chip_of)
        side = "post" if chip_of == "target" else "pre"
        first = group.variables[f"_{chip_of}_offset"].get_value()  # of a part of a group
        try:
            element = np.asarray(group.variables[f"_synaptic_{side}"].get_value()) - first
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
