"""Device mismatch: a distribution for any parameter of any Brian2 group, neurons or synapses.

::

    apply_mismatch(neurons, {"tau_m": 0.1, "v_th": Spread(0.2, above="v_rest")}, seed=7, chips=100)
    apply_mismatch(synapses, {"gain": Spread(local=0.2, chip=0.05)}, seed=7, chips=100)

A number is a CV (standard deviation over mean), lognormal; a frozen `scipy.stats` distribution
stands for itself. What chip 17 draws for a parameter depends on the seed, the names of the group
and of the parameter, and 17 alone. Draws go through the inverse of the cumulative distribution, so
a chip keeps its ranks when a CV changes: one may compare a chip with itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from operator import index
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import Quantity, Synapses
from brian2.core.variables import ArrayVariable
from brian2.units.fundamentalunits import have_same_dimensions
from numpy.typing import NDArray
from scipy import stats
from scipy.stats.distributions import rv_frozen as Distribution

from .balance import check_count, check_positive
from .seeds import generator

Floats = NDArray[np.float64]


def lognormal(cv: float) -> Distribution:
    """Lognormal factor of mean 1 and standard deviation `cv`."""
    cv = float(check_positive("cv", cv, zero=True))
    if cv < 1e-9:  # beyond what the numbers resolve
        return stats.randint(1, 2)  # the constant 1
    s = np.sqrt(np.log1p(cv**2))
    return stats.lognorm(s, scale=np.exp(-(s**2) / 2))


def area_law(A: Quantity | float, W: Quantity | float, L: Quantity | float) -> Quantity | float:
    """Standard deviation ``A/sqrt(W*L)`` of a device of width `W` and length `L`.

    A matching constant of a relative parameter (metre) gives a CV; that of a threshold voltage
    (volt metre), volts. Source: Pelgrom, Duinmaijer and Welbers 1989, IEEE J. Solid-State
    Circuits 24(5), for one device; of a pair, A as published holds for the difference.
    """
    for name, value in (("A", A), ("W", W), ("L", L)):
        check_positive(name, value)
    return A / np.sqrt(W * L)


@dataclass(frozen=True)
class Spread:
    """How a parameter is spread over the elements of a chip, and from chip to chip.

    Parameters
    ----------
    local, chip
        Distributions of the factor of each element, and of the factor that all elements of a chip
        share; they multiply. A number is the CV of a lognormal of mean 1.
    low, high
        Bounds of the factor: the distribution is cut there. A factor that could be negative must
        be given a `low`.
    above
        Another variable of the group: only what lies above it is multiplied (a threshold above
        the resting potential, say).
    unit
        Draws times this unit are added instead, with a number the standard deviation of a normal
        of mean 0, and bounds in this unit. For offsets.

    Raises
    ------
    TypeError, ValueError
        If a distribution is not frozen, a CV not a number of at least 0, or the bounds are empty.
    """

    local: Distribution | float = 0.0
    chip: Distribution | float = 0.0
    low: float | None = None
    high: float = np.inf
    above: str | None = None
    unit: Quantity | None = None

    def __post_init__(self):
        for name in ("local", "chip"):
            object.__setattr__(self, name, self._distribution(name, getattr(self, name)))
            support = getattr(self, name).support()
            if self.unit is None and self.low is None and not support[0] >= 0:
                raise ValueError(
                    f"Spread.{name}: a factor from {support[0]:g} can turn a sign; "
                    "give low=, or use a lognormal distribution"
                )
        if self.above is not None and self.unit is not None:
            raise ValueError(f"Spread: above={self.above!r} has no meaning for an offset (unit=)")
        if not self.lowest < self.high:
            raise ValueError(f"Spread: low={self.low} must be below high={self.high}")

    def _distribution(self, name: str, value) -> Distribution:
        if isinstance(value, Distribution):
            if np.shape(value.mean()):
                raise ValueError(f"Spread.{name}: must be one distribution, not an array of them")
            return value
        if not isinstance(value, Real):
            raise TypeError(
                f"Spread.{name}={value!r}: must be a plain number or a frozen scipy.stats "
                "distribution, such as scipy.stats.gamma(25, scale=1/25)"
            )
        value = float(check_positive(f"Spread.{name}", float(value), zero=True))
        if self.unit is None:
            return lognormal(value)
        return stats.norm(0, value) if value else stats.randint(0, 1)  # the constant 0

    @property
    def lowest(self) -> float:
        """The lower bound in force."""
        return self.low if self.low is not None else 0.0 if self.unit is None else -np.inf


def sample(
    spread: Spread | Distribution | float,
    n_elements: int,
    chips: int | Iterable[int],
    seed: int,
    name: str,
) -> Floats:
    """Factors (or offsets in units of ``spread.unit``) of the elements of each chip.

    Parameters
    ----------
    n_elements
        Neurons, or synapses (in the order in which `Synapses` store them), of a chip.
    chips
        Their number, or the numbers of those that are wanted.
    name
        Of the stream, ``group.parameter``.

    Returns
    -------
    array
        (n_chips, n_elements). More elements or chips change nothing in those before them.

    Raises
    ------
    ValueError
        If the bounds of `spread` leave its distribution nothing, or a draw is not finite.
    """
    spread = _spread(name, spread)
    tiny = np.finfo(float).tiny  # so that no draw is at the end of an open range
    streams = [generator(seed, f"mismatch:{name}", c) for c in _chips(chips)]
    u = np.stack([stream.uniform(tiny, 1, 1 + n_elements) for stream in streams])
    shared = _cut(name, spread.chip, u[:, :1], spread.lowest, spread.high)
    if spread.unit is None:
        low, high = spread.lowest / shared, spread.high / shared
        draws = shared * _cut(name, spread.local, u[:, 1:], low, high)
    else:
        low, high = spread.lowest - shared, spread.high - shared
        draws = shared + _cut(name, spread.local, u[:, 1:], low, high)
    if not np.isfinite(draws).all():
        raise ValueError(f"{name}: the distribution gives draws that are not finite")
    return draws


def apply_mismatch(
    group,
    parameters: Mapping[str, Spread | Distribution | float],
    *,
    seed: int,
    chips: int | Iterable[int] = 1,
    chip_of: str = "target",
    nominal: Mapping[str, Quantity | float] = {},
) -> dict[str, Floats]:
    """Spread `parameters` of a Brian2 group around the values they have. All of them, or none.

    Parameters
    ----------
    group
        Neurons, chip after chip in equal parts, or `Synapses`.
    parameters
        By name: a CV, a frozen distribution of the factor, or a `Spread`.
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
    numbers = _chips(chips)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"chips={chips}: must be different numbers")
    chip, rank = _places(group, len(numbers), chip_of)
    drawn, values = {}, {}
    for name, given in parameters.items():
        where = f"{group.name}.{name}"
        spread = _spread(where, given)
        before = _nominal(group, name, nominal)
        if name in _applied(group) and np.array_equal(_applied(group)[name], before):
            raise ValueError(f"{where}: has its mismatch already")
        if not np.isfinite(before).all():
            raise ValueError(f"{where}: has values that are not finite numbers")
        draws = sample(spread, int(rank.max(initial=-1)) + 1, numbers, seed, where)[chip, rank]
        drawn[name], values[name] = draws, _spread_out(group, name, spread, before, draws, nominal)
    for name, value in values.items():
        setattr(group, name, Quantity(value, dim=group.variables[name].dim))
        _applied(group)[name] = value
    return drawn


def _spread_out(group, name: str, spread: Spread, before: Floats, draws: Floats, nominal) -> Floats:
    """Values of the parameter that was `before`."""
    where = f"{group.name}.{name}"
    if spread.unit is not None:
        if not have_same_dimensions(spread.unit, group.variables[name].dim):
            raise ValueError(f"{where}: the offset is in {spread.unit}, which is another unit")
        after = before + draws * float(spread.unit)
        if spread.low is None and before.min() > 0 and after.min() <= 0:
            raise ValueError(f"{where}: becomes {after.min():.3g}; give Spread(low=) to bound it")
        return after
    base = np.zeros(())
    if spread.above is not None:
        base = _nominal(group, spread.above, nominal)
        if group.variables[spread.above].dim != group.variables[name].dim:
            raise ValueError(f"{where}: above={spread.above!r} has another unit")
    if not (before - base).any():
        what = f"equal to {spread.above}" if spread.above else "zero"
        raise ValueError(f"{where}: is {what} throughout, so that a factor changes nothing")
    return base + draws * (before - base)


#: What was written to which group: to notice a second time, though not after `restore`.
_written: WeakKeyDictionary = WeakKeyDictionary()


def _applied(group) -> dict[str, Floats]:
    return _written.setdefault(group, {})


def _nominal(group, name: str, nominal: Mapping) -> Floats:
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


def _is_parameter(variable) -> bool:
    return (
        isinstance(variable, ArrayVariable)
        and not (variable.scalar or variable.read_only)
        and np.issubdtype(variable.dtype, np.floating)
    )


def _places(group, n_chips: int, chip_of: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Chip of each element, and its place among the elements of that chip."""
    if chip_of not in ("target", "source"):
        raise ValueError(f"chip_of={chip_of!r}: must be target or source")
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


def _spread(name: str, given) -> Spread:
    if isinstance(given, Spread):
        return given
    try:
        return Spread(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _chips(chips: int | Iterable[int]) -> list[int]:
    if not isinstance(chips, Iterable):
        return list(range(check_count("chips", chips)))
    numbers = [index(c) for c in chips]
    if not numbers or min(numbers) < 0:
        raise ValueError(f"chips={chips}: must be numbers of at least 0")
    return numbers


def _cut(name: str, distribution: Distribution, u: Floats, low, high) -> Floats:
    """Draws at quantiles `u` of what lies between the bounds."""
    a, b = distribution.cdf(low), distribution.cdf(high)
    if not np.all(a < b):
        raise ValueError(f"{name}: nothing of the distribution lies within its bounds")
    q = np.clip(a + u * (b - a), np.nextafter(a, b), np.nextafter(b, a))
    return np.clip(distribution.ppf(q), low, high)
