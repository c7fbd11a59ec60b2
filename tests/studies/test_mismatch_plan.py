"""The plan of the study of mismatch: every point is run once and has its place in the data."""

import numpy as np
import pytest
import xarray as xr

from studies.mismatch.bench import ARMS, CHOICE, OWN_RESET, RESETS, SETS, resets_of
from studies.mismatch.command import Plan, assemble
from studies.mismatch.measures import MEASURES


def plan_of(**changed):
    values = {"arms": list(ARMS), "resets": list(CHOICE), "sets": ["all", "gain"]}
    values |= {"cvs": [0.0, 0.1, 0.2], "thresholds": (0.7, 1.0), "chips": 5, "block": 3}
    return Plan(**values | changed)


def test_every_point_is_run_once_and_has_its_place():
    plan = plan_of()
    block, tasks = plan.block, plan.tasks()
    tasks |= plan.tasks(better_of(plan))
    results = {}
    for name, (arm, reset, first, points) in tasks.items():
        code = [
            [code_of(arm, reset, s, cv, t, first + c) for c in range(block)] for s, cv, t in points
        ]
        results[name] = dict.fromkeys(MEASURES, np.array(code))
    data = assemble(plan, tasks, results)
    assert data["rate_hz"].dims == ("reset", "arm", "set", "cv", "chip")
    for arm in ARMS:
        tried = data["rate_hz"].sel(arm=arm).isnull()
        for reset in plan.all_resets():
            assert tried.sel(reset=reset).all() == (reset not in resets_of(arm)), (arm, reset)
            assert tried.sel(reset=reset).any() == (reset not in resets_of(arm)), (arm, reset)
    for arm, reset, s, cv, chip in (
        ("learned", "subtractive", "gain", 0.1, 4),
        ("transfer", "absolute", "all", 0.2, 0),
    ):
        at = {"arm": arm, "reset": reset, "set": s, "cv": cv, "chip": chip}
        assert data["rate_hz"].sel(at) == code_of(arm, reset, s, cv, 1.0, chip)
    at = {"arm": "learned", "reset": "absolute", "set": "gain", "cv": 0.0, "chip": 3}
    assert data["rate_hz"].sel(at) == code_of("learned", "absolute", "all", 0.0, 1.0, 3)
    at = {"arm": "learned", "swept": "gain", "threshold": 0.7, "chip": 3}
    assert data["rate_hz_sweep"].sel(at) == code_of("learned", "absolute", "gain", 0.2, 0.7, 3)
    assert not data["rate_hz_sweep"].sel(swept=["all", "gain"]).isnull().any()
    runs = [(name[-5:] == "sweep", *tasks[name][:3], p) for name in tasks for p in tasks[name][3]]
    assert len(set(runs)) == len(runs)


def better_of(plan):
    shape = [len(plan.arms), len(plan.sets), len(plan.cvs)]
    coords = {"arm": plan.arms, "set": plan.sets, "cv": plan.cvs}
    better = xr.DataArray(np.full(shape, "absolute", "U11"), coords, tuple(coords))
    for arm, reset in OWN_RESET.items():
        better.loc[{"arm": arm}] = reset
    return better


def test_chips_beyond_the_pilot_run_once_with_the_better_reset():
    plan = plan_of(chips=250, block=25)
    pilot = plan.tasks()
    assert {first for _, _, first, _ in pilot.values()} == {0, 25, 50, 75}
    better = better_of(plan)
    better.loc[{"arm": "learned", "cv": 0.1}] = "subtractive"
    others = plan.tasks(better)
    sweeps = {name: others.pop(name) for name in list(others) if name.endswith("sweep")}
    assert {first for _, _, first, _ in sweeps.values()} == {0, 25, 50, 75}
    assert len(sweeps) == 4 * (1 + 2 * len(ARMS))
    assert not pilot.keys() & others.keys()
    assert {first for _, _, first, _ in others.values()} == set(range(100, 250, 25))
    points = [(arm, first, point) for arm, _, first, points in others.values() for point in points]
    assert len(set(points)) == len(points) == 6 * len(ARMS) * 5
    for arm, reset, _, [(_, cv, threshold)] in others.values():
        assert threshold == 1
        own = OWN_RESET.get(arm, "absolute")
        assert reset == ("subtractive" if (arm, cv) == ("learned", 0.1) else own)


@pytest.mark.parametrize(
    ("cvs", "sets", "cv", "swept"),
    [
        ([0.0, 0.1, 0.2], ["all", "tau"], 0.2, ["all"]),
        ([0.0, 0.05, 0.4], ["tau", "F"], 0.05, ["tau"]),
        ([0.0], ["gain"], 0.0, ["gain"]),
    ],
)
def test_the_sweep_is_made_where_it_is_asked_for(cvs, sets, cv, swept):
    plan = plan_of(cvs=cvs, sets=sets)
    assert (plan.sweep_cv(), plan.swept_sets()) == (cv, swept)
    assert plan.swept("pretrained", sets[0], 0.0)
    assert not plan.swept("learned", sets[0], 0.0)


def code_of(arm, reset, s, cv, threshold, chip):
    digits = (
        ARMS.index(arm),
        list(RESETS).index(reset),
        list(SETS).index(s),
        cv * 10,
        threshold * 10,
    )
    return float(chip + sum(d * 10 ** (k + 1) for k, d in enumerate(digits)))
