"""What a design's results come to: yields, costs, what it takes, answers, report; made-up chips."""

import base64
import re

import numpy as np
import pytest
from scipy.stats import binomtest

from ebn_brian.checks import Floats
from studies.design.answers import answers, specification
from studies.design.figure import figure
from studies.design.file import Design, read
from studies.design.measures import MEASURES, Variant
from studies.design.numbers import assemble, judged, reached, summarise
from studies.design.plan import Plan, plan_of, thinned
from studies.design.report import write

TEXT = """
title = "A <small> one"
[mismatch]
gain = "20 %"
tau = "10 %"
[energy]
spike = "50 pJ"
update = "2 pJ"
[search]
areas = [0.25, 4]
bits = [4, 6, 8]
"""


@pytest.fixture
def design(tmp_path):
    def make(text: str = TEXT) -> Design:
        file = tmp_path / "process.toml"
        file.write_text(text)
        return read(file)

    return make


def of_variant(variant: Variant, n: int) -> dict[str, Floats]:
    """Chips whose rate exceeds twice the clean one in a share that sizes, bits and gain set."""
    cost = (2 if "gain" in variant.spread else 1) / variant.area + max(0, 7 - variant.bits)
    bad = int(min(n, 2 * cost * (1 if variant.homeostatic else 4)))
    rate = np.where(np.arange(n) < bad, 25.0, 12.0) + 0.1 * ("gain" in variant.spread)
    errors = {name: np.full(n, 0.01) for name in MEASURES[1:-1]}
    return {"rate_hz": rate, **errors, "updates_hz": np.full(n, 1000.0)}


def results(plan: Plan) -> dict[str, dict[str, Floats]]:
    clean = {name: np.full(plan.block, 0.01) for name in MEASURES} | {
        "rate_hz": np.full(plan.block, 10.0)
    }
    tasks = {}
    for first in range(0, plan.chips, plan.block):
        tasks[f"clean-{first}"] = clean
        for variant in plan.variants():
            whole = of_variant(variant, plan.chips + plan.block)
            part = slice(first, first + plan.block)
            tasks[f"{variant.label}-{first}"] = {k: v[part] for k, v in whole.items()}
    return tasks


def summary_of(design: Design, chips: int = 40, quick: bool = False, lost: str = ""):
    plan = plan_of(design, chips, quick)
    tasks = {name: task for name, task in results(plan).items() if name != lost}
    data = assemble(plan, tasks)
    data.attrs["n_signals"] = 2
    data = judged(data, design)
    return plan, data, summarise(data, design, plan)


def test_what_is_tried(design):
    plan = plan_of(design(), 60, False)
    assert plan.areas == (0.25, 1.0, 4.0)
    assert plan.bits == (4, 6, 8, 10)
    assert (plan.chips, plan.block) == (60, 20)
    assert len(plan.variants()) == len(set(plan.variants())) == 2 * 3 + 3 + 2  # alone = without
    labels = {variant.label for variant in plan.variants()}
    assert len(labels) == len(plan.variants())


def test_quick_is_smaller():
    assert thinned((0.1, 8, 1, 2, 4)) == (0.1, 2, 8)
    assert thinned((4, 5)) == (4, 5)


def test_yields_are_shares_of_chips_with_wilsons_interval(design):
    _, _, summary = summary_of(design())
    assert summary["n_chips"] == 40
    assert summary["yield"] == summary["yield_homeostatic"] == 36 / 40
    interval = binomtest(36, 40).proportion_ci(method="wilson")
    assert summary["yield_low"] == pytest.approx(interval.low)
    assert summary["yield_high"] == pytest.approx(interval.high)
    assert summary["yield_plain"] == 24 / 40
    assert summary["yield_without_gain"] == 38 / 40
    assert summary["yield_area_4_homeostatic"] == 39 / 40
    assert summary["yield_bits_6"] == 34 / 40


def test_a_block_that_is_missing_does_not_count(design):
    plan = plan_of(design(), 40, False)
    _, _, summary = summary_of(design(), lost=f"{plan.given.label}-0")
    assert summary["n_chips"] == 20
    assert summary["yield"] == 1.0  # the bad ones are among the first


def test_without_any_clean_chip_nothing_is_known_and_the_figure_is_drawn(design):
    plan, data, summary = summary_of(design(), chips=20, lost="clean-0")
    assert np.isnan(summary["yield"])
    assert summary["area_needed_plain"] is None
    assert answers(summary, design(), plan)["Yield"].startswith("unknown")
    figure(data, summary, design(), plan).canvas.draw()


def test_costs_are_ratios_of_the_same_chips(design):
    _, _, summary = summary_of(design())
    assert summary["costs_most"] == "gain"
    with_gain = np.array([25.1] * 4 + [12.1] * 36)
    without = np.array([25.0] * 2 + [12.0] * 38)
    expected = np.exp(np.log(with_gain / without).mean())
    assert summary["cost_of_gain"] == pytest.approx(expected)
    assert summary["cost_of_gain_low"] < expected < summary["cost_of_gain_high"]
    assert summary["cost_of_tau"] == pytest.approx(1)
    assert summary["cost_alone_gain"] == pytest.approx(np.exp(np.log(with_gain / 10).mean()))


def test_what_it_takes(design):
    _, _, summary = summary_of(design(TEXT + '[specification]\nwanted_yield = "90 %"\n'))
    assert summary["area_needed_homeostatic"] == 1
    assert summary["area_needed_plain"] == 4
    assert summary["area_needed_homeostatic_surely"] is None
    assert summary["bits_needed"] == 8
    _, _, low = summary_of(design(TEXT + "[specification]\nwanted_yield = 0.1\n"))
    assert low["area_needed_homeostatic"] == low["area_needed_homeostatic_surely"] == 0.25


@pytest.mark.parametrize(
    ("yields", "least"),
    [
        ([0.1, 0.5, 0.9, 0.95], 3),
        ([0.9, 0.5, 0.9, 0.95], 3),  # the first is no answer, as the second is surely less
        ([0.9, 0.9, 0.9, 0.95], 1),
        ([0.1, 0.5, 0.9, 0.88], 3),  # the last may be as good
        ([0.1, 0.5, 0.9, 0.8], None),
        ([0.9, 0.9, np.nan, 0.9], 4),
    ],
)
def test_the_least_that_reaches_it(yields, least):
    highs = [y + 0.05 for y in yields]
    assert reached([1, 2, 3, 4], yields, highs, 0.9) == least


def test_absolute_limits(design):
    text = TEXT + '[specification]\nrate_max = "12.05 Hz"\nerror_max = 0.02\nerror_of = "learned"\n'
    _, _, summary = summary_of(design(text))
    assert summary["yield"] == 0
    assert summary["yield_without_gain"] == 38 / 40
    assert specification(design(text)) == (
        "rate at most 12.05 Hz, error of the learned readout at most 0.02"
    )


def test_energy_is_that_of_spikes_and_updates(design):
    _, _, summary = summary_of(design())
    assert summary["spikes_per_s"] == pytest.approx(12.1 * 20)
    assert summary["updates_per_s"] == 1000
    assert summary["power_of_spikes_w"] == pytest.approx(12.1 * 20 * 50e-12)
    assert summary["power_of_updates_w"] == pytest.approx(2e-9)
    assert "power_of_spikes_w" not in summary_of(design("[mismatch]\ngain = 0.2\n"))[2]


def test_area_is_that_of_all_matched_devices(design):
    text = '[process]\nA_VT = "3.3 mV*um"\n[mismatch]\ngain = {W = "2 um", L = "1 um", pairs = 2}\n'
    text += 'F = {W = "1 um", L = "1 um"}\ntau = "10 %"\n'
    _, _, summary = summary_of(design(text))
    assert summary["matched_area_um2"] == pytest.approx(380 * 2 * 2 * 2 + 40 * 2)


def test_answers_tell_what_the_numbers_are(design):
    plan, _, summary = summary_of(design(TEXT + '[specification]\nwanted_yield = "97 %"\n'))
    words = answers(summary, design(), plan)
    assert words["Yield"].startswith("90 % (95 % interval 76.9 % to 96 %) of 40 chips are within")
    assert "without homeostasis 60 %" in words["Yield"]
    assert words["Costs most"].startswith("synaptic gain. Its mismatch multiplies the cost")
    assert "takes devices of 4 x the area, by the estimate; no interval" in words["Size"]
    assert "is not reached with up to devices of 4 x the area." in words["Size"]
    assert words["Bits"].endswith("is not reached with up to 10 bits.")
    assert (
        "242 spikes a second and chip (clean: 200), 1000 counter updates"
        in (words["Rate and energy"])
    )
    assert words["Rate and energy"].endswith("12.1 nW for spikes and 2 nW for updates.")


def test_the_report_stands_alone(design, tmp_path):
    plan, data, summary = summary_of(design())
    summary["provenance"] = {
        "command": "python -m studies.design process.toml",
        "versions": {"ebn_brian": "1", "brian2": "2", "numpy": "3"},
        "machine": "Linux x86_64",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    write(tmp_path, data, summary, design(), plan, figure(data, summary, design(), plan))
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    html = (tmp_path / "report.html").read_text()
    assert "<h1>A &lt;small&gt; one</h1>" in html  # text of the file is not markup
    image = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    assert image.startswith(b"\x89PNG")
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    for answer in answers(summary, design(), plan).values():
        assert answer in html.replace("&#39;", "'")
