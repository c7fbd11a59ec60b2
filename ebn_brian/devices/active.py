"""A device of its own for each program, beside the user's; and what names in equations stand for.

Brian2 has one active device, and starting one afresh loses the objects that it held. So a program
is built on a new one, with the time step of the user's, which is active again afterwards.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from numbers import Number
from types import FrameType
from typing import Any

import numpy as np
from brian2 import BrianObjectException, Network, Quantity, TimedArray
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.namespace import DEFAULT_UNITS as UNITS
from brian2.devices.device import Device, all_devices, get_device

#: ``brian2.devices.device`` is also the name of an object in ``brian2.devices``.
brian2_devices: Any = import_module("brian2.devices.device")

#: What Brian2 says of a name that it does not know.
UNKNOWN = re.compile(r"identifier (\S+) could not be resolved", re.I)


@contextmanager
def in_force(device: Device) -> Iterator[None]:
    """Make `device` the active one for a while."""
    before = get_device()
    brian2_devices.active_device = device
    try:
        yield
    finally:
        brian2_devices.active_device = before


def new_device(name: str, **options: Any) -> Device:
    """A device of the kind `name`, ready, with the default time step of the active one."""
    dt = get_device().defaultclock.dt
    device = type(all_devices[name])()
    with in_force(device):
        device.activate(build_on_run=False, **options)
        device.defaultclock.dt = dt
    return device


def network_and_names(
    make_network: Callable[[], Network], given: Mapping[str, Any] | None
) -> tuple[Network, dict[str, Any]]:
    """The network, and what names in its equations stand for besides its own variables.

    As for `Network.run` these are the local variables of the function that made it, those of its
    module, and, after them, those of the functions that called `build`; or what was `given`.
    """
    own, frames = sys._getframe(), dict[str, FrameType]()

    def keep(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_back is own:
            frames["made"] = frame

    profile = sys.getprofile()
    sys.setprofile(keep)
    try:
        network = make_network()
    finally:
        sys.setprofile(profile)
    if given is not None:
        return network, dict(given)
    names: dict[str, Any] = {}
    for frame in reversed([frames.get("made"), *_callers(own)]):
        for scope in () if frame is None else (frame.f_globals, frame.f_locals):
            # a nearer name hides a farther one, whatever it is
            names = {k: v for k, v in names.items() if k not in scope} | _constants(scope)
    return network, names


@contextmanager
def resolving(given: Mapping[str, Any] | None) -> Iterator[None]:
    """A word on what to do where a name in the network's equations is not known.

    Raises
    ------
    ValueError
        Instead of Brian2's exception, which is its cause.
    """
    conflicts = logging.getLogger("brian2.groups.group.Group.resolve.resolution_conflict")
    level = conflicts.level
    conflicts.setLevel(logging.ERROR)  # the names are those of a script, not meant for a group
    try:
        yield
    except BrianObjectException as error:
        unknown = UNKNOWN.search(str(error.__cause__))
        if unknown is None:
            raise
        where = "namespace= has no such name" if given is not None else "say namespace={...}"
        raise ValueError(
            f"the equations use {unknown.group(1)}, which is no variable of the group, of the "
            f"function that makes the network, of its module or of its callers: {where}"
        ) from error
    finally:
        conflicts.setLevel(level)


def _callers(frame: FrameType) -> list[FrameType]:
    """Frames of the user's functions that wait for `frame`, the innermost first."""
    package = __name__.partition(".")[0]
    found = []
    caller = frame.f_back
    while caller is not None:
        if not str(caller.f_globals.get("__name__")).startswith(f"{package}."):
            found.append(caller)
        caller = caller.f_back
    return found


def _constants(names: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `names` that equations can use, and that Brian2 does not know by itself."""
    known = {*DEFAULT_FUNCTIONS, *UNITS}
    return {
        name: value
        for name, value in names.items()
        if name not in known
        and (
            isinstance(value, Number | Quantity | TimedArray | Function)
            or (isinstance(value, np.ndarray) and value.ndim == 0)
        )
    }
