"""Results of a calibration as flat numbers, and as tables on the terminal."""

from collections.abc import Mapping

import click
import numpy as np
import xarray as xr

from ebn_brian.checks import Floats

from ..lab.results import show
from .fit import Fit, OpenLoop
from .parameters import MEANING, expected
from .procedure import Calibration, disagreement, errors
from .validation import Measures

Summary = dict[str, object]
NOT_FIXED = "not fixed by these recordings"


def parameters(found: Calibration) -> Summary:
    """Values, standard errors (None: not fixed), and how the fit went."""
    fit, circuit = found.best, found.best.circuit
    summary: Summary = {"nrmse_open_loop": max(fit.nrmse.values()), "evaluations": fit.evaluations}
    summary |= {f"nrmse_open_loop_{number}": value for number, value in fit.nrmse.items()}
    summary |= {**fit.values, "I_ref": float(circuit.I_ref), "I_SL": float(circuit.I_SL)}
    summary |= {f"standard_error_{name}": error for name, error in fit.errors.items()}
    if "eps" not in fit.free:
        summary |= {"eps": circuit.eps, "standard_error_eps": found.eps and found.eps[1]}
    summary["not_fixed"] = [n for n, e in fit.errors.items() if not np.isfinite(e)]
    return summary | {"starts": len(found.starts), "starts_agreeing": found.agreeing}


def show_parameters(found: Calibration) -> None:
    """How well each parameter is determined, what it is, and where physics would have put it."""
    fit = found.best
    rows = {
        name: {
            "value": fit.values[name],
            "standard error": error if np.isfinite(error) else NOT_FIXED,
            "relative": f"{100 * relative:.2g} %" if np.isfinite(error) else "",
            "strongest correlation": strongest(fit, k),
            "is": MEANING[name][1],
            "physics": expected(name, fit.values[name]),
            "of": MEANING[name][0],
        }
        for k, (name, error, relative) in enumerate(
            zip(fit.free, fit.errors.values(), fit.error, strict=True)
        )
    }
    show(rows, f"fitted in SI units, NRMSE in open loop {errors(fit.nrmse)} %")
    circuit = fit.circuit
    if found.eps is not None:
        click.echo(f"eps {found.eps[0]:.4f}({found.eps[1]:.4f}), from the steps of the charges")
    elif "eps" not in fit.free:
        click.echo(f"eps {circuit.eps:g}, as at the start: no counter passes 8 or 16 steadily")
    click.echo(f"comparators: I_ref {circuit.I_ref}, I_SL {circuit.I_SL}, from the decisions")
    click.echo(f"{found.agreeing} of {len(found.starts)} starts end in the same place")
    for line in disagreement(found):
        click.echo(line)


def strongest(fit: Fit, k: int) -> str:
    """The parameter that is known together with the k-th."""
    others = np.where(np.arange(len(fit.free)) == k, 0, fit.correlation[k])
    if not np.isfinite(others).any():
        return ""
    other = int(np.nanargmax(abs(others)))
    return f"{others[other]:+.2f} with {fit.free[other]}"


def validation(measures: Mapping[tuple[str, int], Measures]) -> Summary:
    """``crossvalidation_A_B_...``: fitted to A, in closed loop on B."""
    summary: Summary = {}
    for (fitted, number), m in measures.items():
        at = f"crossvalidation_{fitted}_{number}"
        summary |= {
            f"{at}_nrmse": m["nrmse"],
            f"{at}_decisions": m["decisions_equal"],
            f"{at}_decisions_total": m["decisions_total"],
            f"{at}_final_weight": m["final_weight"],
            f"{at}_final_weight_reference": m["final_weight_reference"],
        }
    return summary


def show_closed_loop(measures: Mapping[tuple[str, int], Measures], what: str, title: str) -> None:
    """A row for each fit and recording."""
    rows = {
        f"{what}{name}, recording {number}": {
            "NRMSE %": 100 * m["nrmse"],
            "decisions": f"{m['decisions_equal']} of {m['decisions_total']}",
            "final weight": f"{m['final_weight']} ({m['final_weight_reference']})",
            "fixed synapse": m.get("fixed_synapse_lsb", ""),
        }
        for (name, number), m in measures.items()
    }
    show(rows, f"{title}, closed loop")


def segments(left: Mapping[tuple[int, int], float], loop: OpenLoop) -> Summary:
    """``left_out_N_K_nrmse``: of segment K of recording N in a fit without it; shown, too."""
    rows = {
        f"recording {n}, {1e3 * a:.0f} to {1e3 * b:.0f} ms": {"% of the range": 100 * left[n, k]}
        for n, recording in loop.recordings.items()
        for k, (a, b) in enumerate(recording.segments)
    }
    show(rows, "left out, and predicted in open loop")
    return {f"left_out_{n}_{k + 1}_nrmse": error for (n, k), error in left.items()}


def taken_out(measures: Mapping[tuple[str, int], Measures]) -> Summary:
    """``ablation_CHANGE_N_...``: all fitted again with that change, in closed loop on N."""
    summary: Summary = {}
    for (name, number), m in measures.items():
        at = f"ablation_{name.replace(' ', '_').replace('=', 'is')}_{number}"
        summary |= {f"{at}_nrmse": m["nrmse"], f"{at}_decisions": m["decisions_equal"]}
        summary |= {f"{at}_final_weight": m["final_weight"]}
    return summary


def made_up(apart: Mapping[str, Floats]) -> Summary:
    """``made_up_NAME_within``: how many were found again within three standard errors; shown."""
    within = {name: int((abs(each) < 3).sum()) for name, each in apart.items()}
    rows = {
        name: {
            "within 3 standard errors": f"{within[name]} of {len(each)}",
            "rms in standard errors": float(np.sqrt(np.mean(each**2))),
        }
        for name, each in apart.items()
    }
    show(rows, "made-up recordings: found again")
    summary: Summary = {f"made_up_{name}_within": n for name, n in within.items()}
    total = sum(map(len, apart.values()))
    return summary | {"made_up_within": sum(within.values()), "made_up_total": total}


def dataset(loop: OpenLoop, fit: Fit) -> xr.Dataset:
    """Correlation(parameter, parameter_2), and I_mem_N(time_N) of model and recordings N."""
    data = xr.Dataset(
        {"correlation": (("parameter", "parameter_2"), fit.correlation)},
        coords={"parameter": list(fit.free), "parameter_2": list(fit.free)},
    )
    for number, trace in fit.traces.items():
        reference = loop.recordings[number].reference
        data.coords[f"time_{number}"] = f"time_{number}", reference.t, {"units": "s"}
        data[f"I_mem_{number}"] = f"time_{number}", trace, {"units": "A"}
        data[f"I_mem_reference_{number}"] = f"time_{number}", reference.I_mem, {"units": "A"}
    return data
