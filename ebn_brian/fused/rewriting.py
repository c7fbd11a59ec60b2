"""Brian2's text of a loop over neurons, so that the compiler can work on whole vectors of them.

Random numbers are drawn for many neurons at once, in the order in which Brian2 draws them; the end
of a refractory period is compared with, not divided for; exponentials have the bits of the C
library's. What a neuron gets stays the same, to the last bit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from brian2.core.functions import DEFAULT_FUNCTIONS

from .translation import FusedCodeObject, functions, is_random

#: Functions of the C library that exact_math.h has for whole vectors, with the same bits.
EXACT = re.compile(r"\b(?:exp|expm1|_exprel)\(")
POWER = re.compile(r"\b_brian_pow\(")
EXPONENT = re.compile(r", *\(?(- ?)?(\d+(?:\.\d+)?)\)?$")
#: Compilers may have code of their own for these powers.
COMPILED = (0.0, 0.5, 1.0)
#: A call of a function that takes long enough for loops not to be unrolled.
LONG = re.compile(r"\b(?:exp|expm1|_exprel|log\w*|_brian_pow|a?(?:sin|cos|tan)h?|arc\w+)\(")
#: What may keep a part of a line from being executed.
CONDITIONAL = re.compile(r"&&|\|\||\?")
DRAW = re.compile(r"\b_(randn?)\(_vectorisation_idx\)")
NEGATED = re.compile(r"\(\(- (\w+)\) ([*/]) (\w+)\)")
FLOATING = re.compile(r"\b(?:double|float) (\w+) =")
OF_SOURCE = re.compile(
    r"\s*const (?:[\w ]+ = _ptr\w+\[_presynaptic_idx\]|int32_t _presynaptic_idx = .*);"
)
REFRACTORY = re.compile(r"_timestep\(t - lastspike, dt\) >= (_lio_\d+)\b")


@dataclass(frozen=True)
class Draws:
    """The random numbers that a loop draws for each of its neurons."""

    function: str
    """``'rand'`` or ``'randn'``."""
    each: int


def drawn(codeobj: FusedCodeObject, code: Sequence[str]) -> tuple[Draws | None, list[str]]:
    """What can be drawn before the loop, and the loop's code that takes it from an array.

    Every neuron must draw the same numbers of one kind, whatever its state.
    """
    random = {f for f in functions(codeobj).values() if not f.stateless or f.auto_vectorise}
    if not is_random(codeobj) or random - {DEFAULT_FUNCTIONS["rand"], DEFAULT_FUNCTIONS["randn"]}:
        return None, list(code)
    lines = "\n".join(code).split("\n")
    found: list[str] = []
    for k, line in enumerate(lines):
        names = DRAW.findall(line)
        if not names:
            continue
        guarded = any(re.match(r"\s*(if|else)\b", text) for text in lines[max(k - 1, 0) : k + 1])
        sure = CONDITIONAL.split(line, maxsplit=1)[0]
        if guarded or len(names) > 1 or not DRAW.search(sure):
            return None, list(code)
        found += names
        lines[k] = DRAW.sub(f"_drawn[_each*_k + {len(found) - 1}]", line)
    if len(set(found)) != 1:
        return None, list(code)
    return Draws(found[0], len(found)), lines


def refractory(code: Sequence[str]) -> tuple[str, list[str]]:
    """The number of steps of a constant refractory period, and code that compares with its end."""
    text = "\n".join(code)
    steps = set(REFRACTORY.findall(text))
    if len(steps) != 1:
        return "", list(code)
    return steps.pop(), REFRACTORY.sub("_refractory.over(t - lastspike)", text).split("\n")


def signs_outside(code: Sequence[str], scalars: Sequence[str]) -> list[str]:
    """The code with the sign of a decay after its product, where a difference takes it up.

    `scalars` are the lines that define numbers before the loop. Whole numbers have no -0.
    """
    known = set(FLOATING.findall("\n".join([*code, *scalars])))
    return [
        NEGATED.sub(lambda m: f"(- ({m[1]} {m[2]} {m[3]}))" if m[1] in known else m[0], line)
        for line in code
    ]


def of_source(code: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is the same for all synapses of one source, and the rest, with targets in 64 bits."""
    lines = "\n".join(code).split("\n")
    same = [line for line in lines if OF_SOURCE.fullmatch(line)]
    rest = [line for line in lines if line not in same]
    return same, [re.sub(r"\bint32_t (?=_postsynaptic_idx =)", "int64_t ", line) for line in rest]


def exact(code: Sequence[str]) -> list[str]:
    """The code with exponentials and powers of whole vectors.

    None if it has none of them, or other functions that keep it from being vectorised.
    """
    text = "\n".join(code)
    changed = EXACT.sub(lambda m: f"fused::exact::{m[0].removeprefix('_')}", text)
    changed = "".join(power(part) for part in calls(changed))
    if changed == text or LONG.search(re.sub(r"fused::exact::\w+\(", "", changed)):
        return []
    return changed.split("\n")


def calls(text: str) -> list[str]:
    """The text in parts, of which each power is one, with what it calls in its arguments done."""
    parts = []
    while match := POWER.search(text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        inner = "".join(power(part) for part in calls(text[match.end() : end - 1]))
        parts += [text[: match.start()], f"{match[0]}{inner})"]
        text = text[end:]
    return [*parts, text]


def power(text: str) -> str:
    """One call of `_brian_pow`, by a function for vectors if its exponent is a plain number."""
    call, exponent = POWER.match(text), EXPONENT.search(text[:-1])
    if call is None or exponent is None:
        return text
    arguments = text[call.end() : exponent.start()]
    value = float(exponent[2])
    if value == 2 and not exponent[1]:
        return f"fused::exact::square({arguments})"
    if value in COMPILED or (value == 2 and exponent[1]) or not 1e-3 <= value <= 1e3:
        return text
    return f"fused::exact::pow({arguments}, {'-' if exponent[1] else ''}{exponent[2]})"
