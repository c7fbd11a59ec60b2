"""The input of a neuron as Brian2 text: the signals' drive, weighted by ``F``.

Up to `LONGEST` signals it is one sum, ``F_0*drive(t, 0) + F_1*drive(t, 1) + ...``. More would be
too deep for Brian2's parser: then the input is a variable, and `statements` are to be run at the
start of each time step (``neurons.run_regularly``).
"""

#: Most signals that enter as one sum.
LONGEST = 64


def model(name: str, unit: str, weight_unit: str, n_signals: int) -> str:
    """Equations of the input `name` and of its weights."""
    weights = "".join(f"F_{j} : {weight_unit}\n" for j in range(n_signals))
    if n_signals > LONGEST:
        return f"{name} : {unit}\n{weights}"
    return f"{name} = {_sum(range(n_signals))} : {unit}\n{weights}"


def statements(name: str, n_signals: int) -> str | None:
    """What gives the input its value in each time step; None if its equation does."""
    if n_signals <= LONGEST:
        return None
    parts = [range(j, min(j + LONGEST, n_signals)) for j in range(0, n_signals, LONGEST)]
    lines = [f"{name} {'+=' if part.start else '='} {_sum(part)}" for part in parts]
    return "\n".join(lines) + "\n"


def _sum(signals: range) -> str:
    return " + ".join(f"F_{j}*drive(t, {j})" for j in signals)
