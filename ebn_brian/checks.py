"""What all input must be: shapes, units, ranges. Each check stands here once.

An error names the parameter, its value and what is allowed. Shapes and values raise `ValueError`,
things of a wrong kind or unit `TypeError` or `ValueError` as each function says.
"""

from collections.abc import Iterable
from operator import index
from typing import Any

import numpy as np
from brian2 import Hz, Quantity, TimedArray, get_dimensions, have_same_dimensions, second
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def positive(name: str, value: ArrayLike, zero: bool = False) -> Floats:
    """`value` as a float array, all entries finite and positive (or, with `zero`, at least 0)."""
    array = np.asarray(value, dtype=float)
    if not (np.isfinite(array) & ((array > 0) | (zero & (array == 0)))).all():
        allowed = "at least 0" if zero else "positive"
        raise ValueError(f"{name}={value!r}: must be finite and {allowed}")
    return array


def finite(name: str, value: ArrayLike) -> Floats:
    """`value` as a float array of finite numbers."""
    array = np.asarray(value, dtype=float)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains nan or inf: every entry must be finite")
    return array


def count(name: str, value: int) -> int:
    """`value` as a plain int of at least 1."""
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}={value!r}: must be a whole number of at least 1")
    return number


def bits(name: str, value: int | None) -> int | None:
    """`value`, if it is a number of bits from 2 to 24, or None."""
    if value is not None and value not in range(2, 25):
        raise ValueError(f"{name}={value}: must be from 2 to 24, a whole number, or None")
    return value


def choice(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """`value`, if it is one of `allowed`."""
    if value not in (known := list(allowed)):
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(str, known))}")
    return value


def quantity(name: str, value: Any, unit: Quantity, zero: bool = False) -> Any:
    """`value`, if it has the dimensions of `unit` and is finite and positive (or 0)."""
    if not have_same_dimensions(value, unit):
        raise ValueError(f"{name}={value}: must have the unit of {unit}")
    positive(name, value, zero)
    return value


def seconds(name: str, value: Quantity, zero: bool = False) -> float:
    """One time in seconds; TypeError if it is none."""
    if get_dimensions(value) != second.dim or np.shape(value):
        raise TypeError(f"{name}={value!r}: must be a time, such as 50*ms")
    return float(positive(name, value, zero))


def hertz(name: str, value: Quantity) -> float:
    """One rate or frequency in hertz; TypeError if it is none."""
    if get_dimensions(value) != Hz.dim or np.shape(value):
        raise TypeError(f"{name}={value!r}: must be a rate or frequency, such as 100*Hz")
    return float(positive(name, value))


def whole_steps(name: str, value: Quantity, dt: Quantity, zero: bool = False) -> int:
    """Number of steps of `dt` that make up the time `value`: whole, but for rounding."""
    ratio = seconds(name, value, zero) / seconds("dt", dt)
    n_steps = round(ratio)
    if abs(ratio - n_steps) > 1e-3 or (n_steps == 0 and not zero):
        raise ValueError(f"{name}={value}: must be a whole number of steps of dt={dt}")
    return n_steps


def decoder(D: ArrayLike, zero: bool = False) -> Floats:
    """`D` as a float array, (n_signals, n_neurons) or (n_chips, n_signals, n_neurons).

    With `zero` a neuron may have a column of zeros: it is not read out.

    Raises
    ------
    ValueError
        If `D` has another number of dimensions, is empty, not finite, or has a column of zeros.
    """
    D = np.asarray(D, dtype=float)
    if D.ndim not in (2, 3) or D.size == 0:
        raise ValueError(
            f"D has shape {D.shape}: must be (n_signals, n_neurons) or "
            "(n_chips, n_signals, n_neurons), none of them 0"
        )
    finite("D", D)
    silent = np.argwhere(~D.any(axis=-2))
    if len(silent) and not zero:
        raise ValueError(f"D has a column of zeros (at {silent[0].tolist()}): none may be zero")
    return D


def per_chip(D: ArrayLike, n_chips: int | None = None) -> Floats:
    """`D`, where one serves all chips repeated, as (n_chips, n_signals, n_neurons).

    Columns may be zero, as for `decoder`. Without `n_chips` there are as many as `D` has, or one.
    """
    D = decoder(D, zero=True)
    default = len(D) if D.ndim == 3 else 1
    n_chips = count("n_chips", default if n_chips is None else n_chips)
    if D.ndim == 3 and len(D) != n_chips:
        raise ValueError(f"D has shape {D.shape}: its first axis must be n_chips={n_chips}")
    return np.broadcast_to(D, (n_chips, *D.shape[-2:]))


def signal(name: str, value: ArrayLike, unit: Quantity | None = None) -> Floats:
    """`value` as an array of finite numbers, (..., n_steps, n_signals), none of them 0.

    It may be plain or, where there is a `unit`, in that; TypeError if it has another.
    """
    dim = get_dimensions(value)
    if not dim.is_dimensionless and (unit is None or dim != unit.dim):
        allowed = "plain numbers" if unit is None else f"plain numbers or in {unit!r}"
        raise TypeError(f"{name} has unit {dim}: must be {allowed}")
    array = np.asarray(value, dtype=float)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}: must be (..., n_steps, n_signals), none of them 0"
        )
    return finite(name, array)


def drive(value: Any, n_signals: int) -> TimedArray:
    """`value`, if it is a drive: a `TimedArray` (n_steps, n_signals) of finite numbers in hertz."""
    values = getattr(value, "values", None)
    if values is None or values.ndim != 2 or values.shape[1] != n_signals or values.size == 0:
        raise ValueError(
            f"drive has shape {getattr(values, 'shape', None)}: must be a TimedArray "
            f"(n_steps, {n_signals}), one column for each row of D"
        )
    finite("drive", values)
    if get_dimensions(value) != get_dimensions(Hz):
        raise ValueError("drive: must be in hertz")
    return value
