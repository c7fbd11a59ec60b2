"""Text to text: from the equation of a neuron to its derivatives, as Brian2 writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from brian2 import Equations, Quantity, get_dimensions, second
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.equations.unitcheck import check_dimensions
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.units.fundamentalunits import DimensionMismatchError

from ..checks import finite

#: Functions whose derivatives sympy writes with these alone.
SMOOTH = {"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "arctan"}


@dataclass(frozen=True)
class Derivatives:
    """``f``, ``f_v`` and ``f_I`` of ``dv/dt = f(v, I)`` as text, in `v`, `I` and parameters."""

    f: str
    f_v: str
    f_I: str


def one_state(text: str) -> Equations:
    """The equations of `text`, if they are of one state ``v`` driven by ``I``.

    Raises
    ------
    ValueError
        If there is another state, noise, or no line ``I : unit``.
    """
    equations = Equations(text)
    states = sorted(equations.diff_eq_names)
    if states != ["v"]:
        raise ValueError(
            f"equations={text!r}: has the states {', '.join(states) or 'none'}, must have the one "
            "state v"
        )
    if equations.stochastic_type is not None:
        raise ValueError(f"equations={text!r}: has noise, must be without xi")
    if "I" not in equations or equations["I"].type != PARAMETER:
        raise ValueError(f"equations={text!r}: must have a line 'I : unit', the input")
    return equations


def rate(equations: Equations) -> str:
    """``f(v, I)``, with subexpressions put in."""
    return str(dict(equations.get_substituted_expressions())["v"])


def check_units(equations: Equations, parameters: Mapping[str, Any]) -> None:
    """ValueError if a parameter is missing or not finite, or units do not fit."""
    variables: dict[str, Variable] = {
        name: Variable(name=name, dimensions=equations[name].dim) for name in ("v", "I")
    }
    for name, value in parameters.items():
        variables[name] = Constant(
            name, float(finite(name, value)), dimensions=get_dimensions(value)
        )
    for name, equation in equations.items():
        if equation.type == PARAMETER and name != "I" and name not in parameters:
            raise ValueError(f"parameters: {name} is missing, which the equations have")
        if equation.type == SUBEXPRESSION:
            variables[name] = Variable(name=name, dimensions=equation.dim)
    known = {**DEFAULT_CONSTANTS, **DEFAULT_FUNCTIONS, **units(), **variables}
    for name, equation in equations.items():
        if equation.type == PARAMETER:
            continue
        if unknown := sorted(equation.identifiers - set(known)):
            raise ValueError(f"parameters: {', '.join(unknown)} is missing, which {name} needs")
        dim = equation.dim
        if equation.type == DIFFERENTIAL_EQUATION:
            dim = dim / second.dim
        try:
            check_dimensions(equation.expr.code, dim, known)
        except DimensionMismatchError as error:
            raise ValueError(f"equations: units of {name} do not fit: {error}") from error


def units() -> dict[str, Constant]:
    """Units by name, as equations know them."""
    return {
        name: Constant(name, float(unit), dimensions=get_dimensions(unit))
        for name, unit in DEFAULT_UNITS.items()
        if isinstance(unit, Quantity)
    }


def derivatives(equations: Equations) -> Derivatives:
    """``f`` and its derivatives.

    Raises
    ------
    ValueError
        If `equations` hold a function without a derivative.
    """
    text = rate(equations)
    f = str_to_sympy(text)
    names = {type(call).__name__ for call in f.atoms(sympy.Function)}
    if rough := sorted(names - SMOOTH - {"atan"}):
        raise ValueError(
            f"equations: dv/dt has {', '.join(rough)}, whose derivative is unknown; can be: "
            + ", ".join(sorted(SMOOTH))
        )
    v, I = (sympy.Symbol(name, real=True) for name in "vI")  # noqa: E741 - the equation's name
    return Derivatives(*(sympy_to_str(e) for e in (f, f.diff(v), f.diff(I))))
