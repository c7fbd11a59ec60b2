"""The summary of a design in words."""

from collections.abc import Mapping
from typing import Any

from .file import Design
from .numbers import KINDS, error_factor, rate_factor
from .plan import Plan
from .schema import PARAMETERS


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "unknown" if value is None or value != value else f"{100 * value:.3g} %"


def digits(value: float) -> str:
    """A number in three digits or more, without an exponent where it is large."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def specification(design: Design) -> str:
    """What a good chip is."""
    given = design["specification"]
    rate_max, error_max = given["rate_max"], given["error_max"]
    rate = f"{rate_factor(design):g} x clean" if rate_max is None else f"{float(rate_max):g} Hz"
    error = f"{error_factor(design):g} x clean" if error_max is None else f"{error_max:g}"
    return f"rate at most {rate}, error of the {given['error_of']} readout at most {error}"


def answers(summary: Mapping[str, Any], design: Design, plan: Plan) -> dict[str, str]:
    """One answer a question."""
    return {
        "Yield": _yield(summary, plan),
        "Costs most": _parameter(summary),
        "Size": _size(summary, design, plan),
        "Bits": _bits(summary, design, plan),
        "Rate and energy": _energy(summary),
    }


def _interval(summary: Mapping[str, Any], key: str) -> str:
    low, high = summary[f"{key}_low"], summary[f"{key}_high"]
    return f"{percent(summary[key])} (95 % interval {percent(low)} to {percent(high)})"


def _yield(summary: Mapping[str, Any], plan: Plan) -> str:
    other = KINDS[not plan.given.homeostatic]
    words = {"plain": "without homeostasis", "homeostatic": "with homeostasis"}
    return (
        f"{_interval(summary, 'yield')} of {summary['n_chips']} chips are within specification "
        f"{words[KINDS[plan.given.homeostatic]]}; {words[other]} "
        f"{_interval(summary, f'yield_{other}')}."
    )


def _parameter(summary: Mapping[str, Any]) -> str:
    name = summary["costs_most"]
    cost, low, high = (summary[f"cost_of_{name}{s}"] for s in ("", "_low", "_high"))
    if not low > 1:
        return (
            "no parameter stands out: with the mismatch of any one taken away, chips are not "
            "surely cheaper (rate times root of error)."
        )
    return (
        f"{PARAMETERS[name][0]}. Its mismatch multiplies the cost, rate times root of error, by "
        f"{cost:.3g} ({low:.3g} to {high:.3g}); without it the yield is "
        f"{_interval(summary, f'yield_without_{name}')}."
    )


def _size(summary: Mapping[str, Any], design: Design, plan: Plan) -> str:
    return " ".join(
        _needed(
            f"{words}, a yield of {percent(design['specification']['wanted_yield'])}",
            summary[f"area_needed_{kind}"],
            summary[f"area_needed_{kind}_surely"],
            plan.areas,
            "devices of {:g} x the area",
        )
        for kind, words in (("homeostatic", "With homeostasis"), ("plain", "Without it"))
    )


def _bits(summary: Mapping[str, Any], design: Design, plan: Plan) -> str:
    return _needed(
        f"A yield of {percent(design['specification']['wanted_yield'])}",
        summary["bits_needed"],
        summary["bits_needed_surely"],
        plan.bits,
        "{:g} bits",
    )


def _needed(what: str, least: float | None, surely: float | None, tried: tuple, unit: str) -> str:
    """What it takes, or how far was looked."""
    if least is None:
        return f"{what} is not reached with up to {unit.format(tried[-1])}."
    smallest = ", the least that was tried" if least == tried[0] else ""
    words = f"{what} takes {unit.format(least)}{smallest}"
    if surely == least:
        return f"{words}; the whole 95 % interval lies above."
    if surely is None:
        return f"{words}, by the estimate; no interval lies wholly above: take more chips."
    return f"{words} by the estimate, {unit.format(surely)} for the whole 95 % interval."


def _energy(summary: Mapping[str, Any]) -> str:
    spikes, clean, updates = (
        digits(summary[f"{key}_per_s{suffix}"])
        for key, suffix in (("spikes", ""), ("spikes", "_clean"), ("updates", ""))
    )
    words = (
        f"{spikes} spikes a second and chip (clean: {clean}), {updates} counter updates a second "
        "while learning stays on"
    )
    powers = {
        "spikes": summary.get("power_of_spikes_w"),
        "updates": summary.get("power_of_updates_w"),
    }
    given = [f"{1e9 * power:.3g} nW for {k}" for k, power in powers.items() if power is not None]
    return words + (f": {' and '.join(given)}." if given else ".")
