"""What a trained network is, and does on fresh trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Weights

from .chips import Chips, Response, rms_error, without_recurrence
from .task import Task, correlation, off_diagonal

#: When the network is measured: as long as the scale of U is held, and after its release.
WHEN = ("held", "released")
#: Where the fast weights of unlike chips come from.
ARMS = ("clean", "copied", "repaired", "uncoupled")
RIDGE = 1e-3


def describe(task: Task, weights: Weights, batch: Batch, chips: Chips) -> dict[str, Any]:
    """Weights beside those of the balanced code, and errors and spikes in both forms."""
    gated = task.network.moments(weights, batch)
    on = chips.run(chips.values(weights), batch)
    off = chips.run(chips.values(without_recurrence(weights)), batch)
    spikes_on, spikes_off = float(on.spikes.mean()), float(off.spikes.mean())
    UO = weights.U @ weights.O
    power = float((batch.target**2).mean() * batch.target.shape[2])
    assert weights.W_f is not None
    return {
        "corr_U_O": correlation(weights.U, weights.O.T),
        "corr_Wf_UO": correlation(off_diagonal(weights.W_f), -off_diagonal(UO)),
        "spikes_on": spikes_on,
        "spikes_off": spikes_off,
        "spike_ratio": spikes_on / spikes_off,
        "rel_rmse_gated": float(np.sqrt(2 * gated.error.mean() / power)),
        "rel_rmse_spiking": float(rms_error(on.s, weights.O, batch.target).mean()),
        "cost": gated.cost,
    }


def refitted(response: Response, target: Floats) -> Floats:
    """Readout of each chip, by ridge regression, (n_chips, n_out, N)."""
    readouts = []
    for s, y in zip(response.s, target, strict=True):
        ss = s.T @ s
        ridge = RIDGE * np.trace(ss) / len(ss) * np.eye(len(ss))
        readouts.append(np.linalg.solve(ss + ridge, s.T @ y).T)
    return np.array(readouts)


def unlike_chips(
    task: Task, weights: Weights, chips: Chips, cv: float, seed: int
) -> dict[str, dict[str, Floats]]:
    """Relative error, with the trained and with a refitted readout, and spikes, by arm and chip."""
    n = chips.n_chips
    test, fit = task.fresh(seed, n), task.fresh(seed, n, "readout trials")
    learn = task.fresh(seed, n, "learning trials", chips.learning)
    nominal = chips.values(weights)
    unlike = chips.with_mismatch(nominal, cv, seed)
    none = {name: 0 * value for name, value in nominal.items() if name.endswith("w")}
    alone = {**unlike, **none}
    values = (nominal, unlike, chips.learned(unlike, learn), alone)
    results = {}
    for arm, given in zip(ARMS, values, strict=True):
        response = chips.run(given, test)
        O = refitted(chips.run(given, fit), fit.target)  # noqa: E741
        results[arm] = {
            "rel_rmse": rms_error(response.s, weights.O, test.target),
            "rel_rmse_refit": rms_error(response.s, O, test.target),
            "spikes": response.spikes.mean(axis=1),
        }
    return results


def dataset(
    described: Mapping[tuple[int, str], Mapping[str, Any]],
    unlike: Mapping[int, Mapping[str, Mapping[str, Floats]]],
    weights: Mapping[tuple[int, str], Weights],
    costs: Mapping[int, Floats],
) -> xr.Dataset:
    """All numbers, with dimensions seed, when, arm, chip, update; weights in base units."""
    seeds = list(unlike)
    data = xr.Dataset(coords={"seed": seeds, "when": list(WHEN), "arm": list(ARMS)})
    for name in described[seeds[0], WHEN[0]]:
        table = [[described[seed, when][name] for when in WHEN] for seed in seeds]
        data[name] = ("seed", "when"), table, {"units": "1"}
    for name in ("rel_rmse", "rel_rmse_refit", "spikes"):
        table = [[unlike[seed][arm][name] for arm in ARMS] for seed in seeds]
        data[f"mismatch_{name}"] = ("seed", "arm", "chip"), table, {"units": "1"}
    longest = max(map(len, costs.values()))
    padded = [np.pad(c, (0, longest - len(c)), constant_values=np.nan) for c in costs.values()]
    data["training_cost"] = ("seed", "update"), padded, {"units": "1"}
    matrix = ("target", "source")
    shapes = {"U": ("target", "signal"), "O": ("signal", "target"), "W": matrix, "W_f": matrix}
    for name in weights[seeds[0], WHEN[0]].arrays():
        table = [[getattr(weights[seed, when], name) for when in WHEN] for seed in seeds]
        data[name] = ("seed", "when", *shapes[name]), table
    return data


def summarise(data: xr.Dataset) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Flat numbers, medians over seeds, and rows for the terminal.

    Numbers without a word behind them are those while the scale of U is held.
    """
    names = [str(name) for name in data if data[name].dims == ("seed", "when")]
    summary: dict[str, Any] = {"n_seeds": data.sizes["seed"]}
    rows: dict[str, dict[str, float]] = {}
    for when, suffix in zip(WHEN, ("", "_released"), strict=True):
        for name in names:
            summary[f"{name}{suffix}"] = float(data[name].sel(when=when).median())
        for seed in data["seed"].values:
            rows[f"seed {seed}, {when}"] = {
                name: float(data[name].sel(seed=seed, when=when)) for name in names
            }
    for name in [name for name in names if name.startswith("corr_")]:
        summary[f"{name}_worst"] = float(data[name].sel(when="held").min())
    for name in ("spike_ratio", "rel_rmse_spiking"):
        summary[f"{name}_worst"] = float(data[name].sel(when="held").max())
    for arm in ARMS:
        for name in ("rel_rmse", "rel_rmse_refit", "spikes"):
            values = data[f"mismatch_{name}"].sel(arm=arm)
            summary[f"mismatch_{name}_{arm}_median"] = float(values.median())
            summary[f"mismatch_{name}_{arm}_worst"] = float(values.max())
    return summary, rows
