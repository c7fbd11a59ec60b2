"""How often networks are right, against the delay."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from brian2 import ms

from ebn_brian.checks import Floats
from ebn_brian.gradient import Weights
from ebn_brian.seeds import generator

from .simulation import Chips
from .task import ANSWERS, GO, REACTION, Group, answers, network, trials

#: In ms: both delays of the test, the one between the pulses and the one before the go-cue.
DELAYS = (20, 50, 100, 150, 200, 300, 500)
#: ``control`` has the weights before training, ``control_own`` a readout for each delay besides.
ARMS = ("trained", "control", "control_own")
FORMS = ("gated", "spiking")


def accuracy(own: Weights, groups: list[Group], chips: Chips | None = None) -> float:
    """Share of right answers: of spiking chips, or without them of the gated form."""
    right = []
    for group in groups:
        s = gated(own, group) if chips is None else chips.run(own, group)
        right.append(answers(s @ own.O[0]) == ANSWERS[group.kind])
    return float(np.concatenate(right).mean())


def gated(own: Weights, group: Group) -> Floats:
    """Mean of ``s`` while the answer is asked, (n_trials, N)."""
    traces = network().simulate(own, group.batch.x, group.batch.v_0)
    return traces.s[:, REACTION - GO :].mean(axis=1)


def fresh(seed: int, delay: int, n: int, size: int) -> list[Group]:
    """Trials that no readout was fitted on, in groups of a size."""
    return trials(generator(seed, "test trials", delay), n, delay * ms, delay * ms, size)


def measured(own: Mapping[str, Any], seed: int, n: int, chips: Chips) -> Floats:
    """Accuracy (arm, form, delay); of `own` by arm, weights or a function of the delay."""
    table = np.zeros((len(ARMS), len(FORMS), len(DELAYS)))
    for d, delay in enumerate(DELAYS):
        groups = fresh(seed, delay, n, chips.n_chips)
        for a, arm in enumerate(ARMS):
            weights = own[arm](delay) if callable(own[arm]) else own[arm]
            table[a, :, d] = [accuracy(weights, groups), accuracy(weights, groups, chips)]
    return table


def dataset(
    accuracies: Mapping[int, Floats],
    weights: Mapping[int, Weights],
    costs: Mapping[int, Floats],
) -> xr.Dataset:
    """All numbers, with dimensions seed, arm, form, delay, update; weights in base units."""
    seeds = list(accuracies)
    data = xr.Dataset(
        coords={
            "seed": seeds,
            "arm": list(ARMS),
            "form": list(FORMS),
            "delay": ("delay", list(DELAYS), {"units": "ms"}),
        }
    )
    table = [accuracies[seed] for seed in seeds]
    data["accuracy"] = ("seed", "arm", "form", "delay"), table, {"units": "1"}
    longest = max(map(len, costs.values()))
    padded = [np.pad(c, (0, longest - len(c)), constant_values=np.nan) for c in costs.values()]
    data["training_cost"] = ("seed", "update"), padded, {"units": "1"}
    shapes = {
        "W": ("target", "source"),
        "U": ("target", "input"),
        "I_o": ("target",),
        "O": ("readout", "target"),
    }
    for name, dims in shapes.items():
        data[name] = ("seed", *dims), [getattr(weights[seed], name) for seed in seeds]
    return data


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Flat numbers, means over seeds and the worst, and rows for the terminal."""
    summary: dict[str, Any] = {"n_seeds": data.sizes["seed"]}
    rows: dict[str, dict[str, float]] = {}
    for arm in ARMS:
        for form in FORMS:
            own = data["accuracy"].sel(arm=arm, form=form)
            for seed in data["seed"].values:
                row = own.sel(seed=seed).values
                rows[f"seed {seed}, {arm}, {form}"] = {
                    f"{delay} ms": float(value) for delay, value in zip(DELAYS, row, strict=True)
                }
            name = f"{'' if arm == 'trained' else f'{arm}_'}accuracy"
            name += "" if form == "gated" else f"_{form}"
            for delay in DELAYS:
                summary[f"{name}_{delay}"] = float(own.sel(delay=delay).mean())
                summary[f"{name}_{delay}_worst"] = float(own.sel(delay=delay).min())
    return summary, rows
