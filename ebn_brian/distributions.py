"""How devices differ: distributions of factors and offsets, and what each chip draws from them.

Draws go through the inverse of the cumulative distribution, so a chip keeps its ranks when a CV
changes: one may compare a chip with itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from operator import index
from typing import Any

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike
from scipy import stats
from scipy.stats.distributions import rv_frozen as Distribution

from . import checks
from .checks import Floats
from .seeds import generator


def lognormal(cv: float) -> Distribution:
    """Lognormal factor of mean 1 and standard deviation `cv`."""
    cv = float(checks.positive("cv", cv, zero=True))
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
        checks.positive(name, value)
    return A / np.sqrt(W * L)


@dataclass(frozen=True)
class Spread:
    """How a parameter is spread over the elements of a chip, and from chip to chip.

    Parameters
    ----------
    local, chip
        Distributions of the factor of each element, and of the factor that all elements of a chip
        share; they multiply. A number is the CV of a lognormal of mean 1. For `local` measured
        factors may be given instead: an array (n_elements,), or one row a chip.
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

    local: "Distribution | Floats | float" = 0.0
    chip: "Distribution | float" = 0.0
    low: float | None = None
    high: float = np.inf
    above: str | None = None
    unit: Quantity | None = None

    def __post_init__(self) -> None:
        for name in ("local", "chip"):
            value = getattr(self, name)
            if name == "local" and isinstance(value, np.ndarray) and value.ndim:
                value = checks.finite("Spread.local", value)
                support = value.min(), value.max()
            else:
                value = self._distribution(name, value)
                support = value.support()
            object.__setattr__(self, name, value)
            if self.unit is None and self.low is None and not support[0] >= 0:
                raise ValueError(
                    f"Spread.{name}: a factor from {support[0]:g} can turn a sign; "
                    "give low=, or use a lognormal distribution"
                )
        if self.above is not None and self.unit is not None:
            raise ValueError(f"Spread: above={self.above!r} has no meaning for an offset (unit=)")
        if not self.lowest < self.high:
            raise ValueError(f"Spread: low={self.low} must be below high={self.high}")

    def _distribution(self, name: str, value: Any) -> Distribution:
        if isinstance(value, Distribution):
            if np.shape(value.mean()):
                raise ValueError(f"Spread.{name}: must be one distribution, not an array of them")
            return value
        if not isinstance(value, Real):
            raise TypeError(
                f"Spread.{name}={value!r}: must be a plain number or a frozen scipy.stats "
                "distribution, such as scipy.stats.gamma(25, scale=1/25)"
            )
        value = float(checks.positive(f"Spread.{name}", float(value), zero=True))
        if self.unit is None:
            return lognormal(value)
        return stats.norm(0, value) if value else stats.randint(0, 1)  # the constant 0

    @property
    def lowest(self) -> float:
        """The lower bound in force."""
        return self.low if self.low is not None else 0.0 if self.unit is None else -np.inf


def sample(
    spread: "Spread | Distribution | Floats | float",
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
    spread = spread_of(name, spread)
    tiny = np.finfo(float).tiny  # so that no draw is at the end of an open range
    streams = [generator(seed, f"mismatch:{name}", c) for c in chip_numbers(chips)]
    u = np.stack([stream.uniform(tiny, 1, 1 + n_elements) for stream in streams])
    shared = _cut(name, spread.chip, u[:, :1], spread.lowest, spread.high)
    if spread.unit is None:
        low, high = spread.lowest / shared, spread.high / shared
        draws = shared * _local(name, spread.local, u[:, 1:], low, high)
    else:
        low, high = spread.lowest - shared, spread.high - shared
        draws = shared + _local(name, spread.local, u[:, 1:], low, high)
    if not np.isfinite(draws).all():
        raise ValueError(f"{name}: the distribution gives draws that are not finite")
    return draws


def spread_of(name: str, given: Any) -> Spread:
    """What is `given` for the parameter `name`, as a `Spread`."""
    if isinstance(given, Spread):
        return given
    try:
        return Spread(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def chip_numbers(chips: int | Iterable[int]) -> list[int]:
    """The numbers of chips, of which `chips` may be the number."""
    if not isinstance(chips, Iterable):
        return list(range(checks.count("chips", chips)))
    numbers = [index(c) for c in chips]
    if not numbers or min(numbers) < 0:
        raise ValueError(f"chips={chips}: must be numbers of at least 0")
    return numbers


def _local(
    name: str, local: "Distribution | Floats", u: Floats, low: ArrayLike, high: ArrayLike
) -> Floats:
    """Draws of each element, or what was measured of it."""
    if not isinstance(local, np.ndarray):
        return _cut(name, local, u, low, high)
    if local.shape not in (u.shape, u.shape[1:]):
        raise ValueError(
            f"{name}: measured values of shape {local.shape}: must be {u.shape[1:]} or {u.shape}"
        )
    if not (np.less_equal(low, local) & np.less_equal(local, high)).all():
        raise ValueError(f"{name}: measured values lie outside the bounds")
    return np.broadcast_to(local, u.shape)


def _cut(
    name: str, distribution: Distribution, u: Floats, low: ArrayLike, high: ArrayLike
) -> Floats:
    """Draws at quantiles `u` of what lies between the bounds."""
    a, b = distribution.cdf(low), distribution.cdf(high)
    if not np.all(a < b):
        raise ValueError(f"{name}: nothing of the distribution lies within its bounds")
    q = np.clip(a + u * (b - a), np.nextafter(a, b), np.nextafter(b, a))
    draws: Floats = np.clip(distribution.ppf(q), low, high)
    return draws
