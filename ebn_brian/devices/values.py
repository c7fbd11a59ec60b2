"""Values that go into a run and come out of it, the same on every target."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Network, Quantity, TimedArray
from brian2.core.variables import ArrayVariable
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Dimension,
    get_dimensions,
    get_unit_for_display,
)
from numpy.typing import NDArray


@dataclass(frozen=True)
class Run:
    """Arrays of one finished run, by name, and what it cost."""

    values: dict[str, NDArray[Any]]
    cpu_seconds: float
    """CPU time of the whole run, start and file transfer included."""
    stepping_seconds: float = float("nan")
    """CPU time of the time steps alone; elapsed time where a GPU does them."""
    peak_bytes: int = 0
    """Most memory that the program held; 0 for runs in this process."""
    profile: dict[str, float] = field(default_factory=dict)
    """Seconds elapsed by code object, if the program was built for it."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.values[name]


@dataclass(frozen=True)
class Array:
    """Where an array of a standalone program lies, and what it holds."""

    dtype: np.dtype[Any]
    size: int | None  # None: known only after the run
    filename: str | None = None
    settable: bool = True
    dim: Dimension = DIMENSIONLESS
    order: tuple[str, str] | None = None
    """Names of the times and indices that recorded events are to be ordered by."""
    columns: int | None = None
    """Number of elements recorded at each of several times."""


class CompiledOnly(BaseException):
    """Raised instead of a run while `compile_only` holds; not an error, so nothing catches it."""


_compile_only = False


@contextmanager
def compile_only(wanted: bool = True) -> Iterator[None]:
    """While it holds, programs are built and linked, and their `run` raises `CompiledOnly`."""
    global _compile_only
    before, _compile_only = _compile_only, wanted
    try:
        yield
    finally:
        _compile_only = before


def stop_if_compile_only(what: str) -> None:
    """To be called where a run would begin."""
    if _compile_only:
        raise CompiledOnly(what)


def checked(
    name: str, value: Any, dtype: np.dtype[Any], size: int | None, dim: Dimension = DIMENSIONLESS
) -> NDArray[Any]:
    """`value` as a flat array of `dtype`; a scalar fills an array of known `size`.

    Raises
    ------
    ValueError
        If its size or unit is wrong, or it does not fit into `dtype` or is not finite.
    """
    if isinstance(value, Quantity) and get_dimensions(value) not in (dim, DIMENSIONLESS):
        raise ValueError(
            f"{name!r} is given in {get_unit_for_display(get_dimensions(value))}: "
            f"the program holds {get_unit_for_display(dim)}"
        )
    value = np.asarray(value)
    if value.ndim == 0 and size is not None:
        value = np.full(size, value)
    if size is not None and value.size != size:
        raise wrong_size(name, value.size, size)
    if value.dtype.kind not in "biuf" or not np.isfinite(value).all():
        raise ValueError(f"{name!r} has values that are not finite numbers")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(value.ravel(), dtype)
    if not (
        np.isfinite(array).all()
        if array.dtype.kind == "f"
        else np.array_equal(array, value.ravel())
    ):
        raise ValueError(f"{name!r} has values that do not fit: the program holds {array.dtype}")
    return array.reshape(()) if value.ndim == 0 else array


def fixed(name: str) -> ValueError:
    """The error for a variable that is part of what was built."""
    hint = ""
    if name.endswith(".delay"):
        hint = ": delays are built in, spread them with apply_mismatch before the build"
    return ValueError(f"{name!r}: cannot be set in a run{hint}")


def wrong_size(name: str, given: int, held: int) -> ValueError:
    """The error for a value of `given` elements where the program holds `held`."""
    return ValueError(f"{name!r} has {given} values: the program holds {held}")


def dimensions(variable: ArrayVariable) -> Dimension:
    """Dimensions of a Brian2 variable."""
    return getattr(variable, "dim", DIMENSIONLESS)


def timed_arrays(network: Network) -> dict[str, TimedArray]:
    """The TimedArrays that a network's objects use, by name.

    Raises
    ------
    ValueError
        If two of them have one name: in C++ one would stand for both.
    """
    found: dict[str, TimedArray] = {}
    for obj in network.objects:
        for value in (getattr(obj, "namespace", None) or {}).values():
            if isinstance(value, TimedArray) and found.setdefault(value.name, value) is not value:
                raise ValueError(
                    f"two TimedArrays are called {value.name!r}: each must have a name of its own, "
                    "TimedArray(..., name=)"
                )
    return found
