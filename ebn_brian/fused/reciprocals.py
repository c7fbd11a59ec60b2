"""Divisions by what is constant as products, where a speed of its own is asked for.

A division takes four to eight times as long as a product, and most divide by time constants. The
result may differ from the quotient in the last bit, so this is no part of strict arithmetic.
"""

import re
from collections.abc import Collection, Sequence

from .parts import StateArray

#: A value of each neuron that a loop reads, and a number that is the same for all.
OF_NEURON = re.compile(r"\s*const (double|float) (\w+) = _ptr(\w+)\[_idx\];")
OF_ALL = re.compile(r"\s*const (double|float) (\w+) = .+;")
#: Where the last bit may make all the difference.
SHARP = re.compile(r"\b(?:int_|floor|ceil|_timestep)\(|[<>]|[!=]=")
COMMENT = re.compile(r"//.*")
DIVISOR = re.compile(r"/ *([A-Za-z_]\w*)\b(?! *\()")


def reciprocals(
    code: Sequence[str], scalars: Sequence[str], owner: str, changing: Collection[str]
) -> tuple[list[str], list[str], list[StateArray]]:
    """The code of a loop with products, scalar code to be added, and arrays of reciprocals.

    `scalars` are the lines that define numbers before the loop; arrays called `changing` are left
    alone.
    """
    lines = [COMMENT.sub("", line) for line in "\n".join(code).split("\n")]
    blunt = [line for line in lines if not SHARP.search(line)]
    own = {m[2]: m for line in lines if (m := OF_NEURON.fullmatch(line)) and m[3] not in changing}
    shared = {m[2]: m for line in scalars if (m := OF_ALL.fullmatch(line))}
    before, within, arrays = list[str](), list[str](), list[StateArray]()
    for name in dict.fromkeys(DIVISOR.findall("\n".join(blunt))):
        if name in own:
            dtype, _, array = own[name].groups()
            arrays.append(StateArray(f"_per{array}", dtype, owner, inverse_of=array))
            within.append(f"const {dtype} _per_{name} = _per{array}[_idx];")
        elif name in shared:
            before.append(f"const {shared[name][1]} _per_{name} = 1/{name};")

    def product(m: re.Match[str]) -> str:
        return f"*_per_{m[1]}" if m[1] in own or m[1] in shared else m[0]

    products = [DIVISOR.sub(product, line) if line in blunt else line for line in lines]
    return [*within, *products], before, arrays
