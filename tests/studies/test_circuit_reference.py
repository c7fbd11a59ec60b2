"""Recordings of a learning circuit: how they are read, refused and compared with a model."""

from pathlib import Path

import numpy as np
import pytest
from circuit_helpers import RECORDED, needs_recording

from ebn_brian.dpi_model import experiment_1
from studies.circuit.reference import comparators, compare, decide, read, rmse

TRACE = "t_s,I_mem_A,bit_value,input\n" + "".join(f"{k * 5e-5:.6f},1e-9,8,0\n" for k in range(400))
EVENTS = (
    "t_on_s,t_off_s,I_before_A,weight_before,decision\n"
    "0.004,0.005,1e-9,8,INC\n0.009,0.010,9e-9,9,HOLD\n0.014,0.015,1e-8,9,DEC\n0.019,nan,9e-9,8,HOLD\n"
)


def written(folder: Path, trace=TRACE, events=EVENTS) -> Path:
    (folder / "sim1_50us.csv").write_text(trace)
    (folder / "events_sim1.csv").write_text(events)
    return folder


def test_recording_is_read(tmp_path):
    recording = read(written(tmp_path), 1)
    assert len(recording.t) == 400
    assert recording.width == pytest.approx(1e-3)
    np.testing.assert_array_equal(recording.decision, [1, 0, -1, 0])
    assert len(recording.until(0.01).onsets) == 2


def test_spaces_and_a_cut_last_pulse_do_no_harm(tmp_path):
    events = EVENTS.replace(",", ", ").replace("nan", "")
    recording = read(written(tmp_path, events=events), 1)
    assert recording.width == pytest.approx(1e-3)
    assert recording.end == pytest.approx(0.020)


def test_first_counter_is_read_past_a_glitch(tmp_path):
    trace = TRACE.replace(",8,0", ",-23,0", 1)
    assert read(written(tmp_path, trace=trace), 1).w_initial == 8


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"trace": ""}, "cannot be read as CSV"),
        ({"trace": "t_s,I_mem_A,bit_value"}, "fewer than two rows"),
        ({"trace": TRACE.replace("I_mem_A", "I_A")}, "lacks the columns I_mem_A"),
        ({"trace": TRACE.replace("1e-9", "nan", 1)}, "I_mem_A has no finite number in line 2"),
        ({"trace": TRACE.replace("1e-9", "high", 1)}, "I_mem_A holds something that is no number"),
        ({"trace": TRACE.replace("1e-9", "-1e-9")}, "I_mem_A must lie between"),
        ({"trace": TRACE.replace("1e-9", "1.5", 1)}, "I_mem_A must lie between"),
        ({"trace": TRACE + "0.9,1e-9,8,0\n"}, "equal steps"),
        ({"trace": TRACE + "0.02,1e-9\n"}, "bit_value has no finite number in line 402"),
        ({"trace": TRACE + "0.02,1e-9,8,0,0,0\n"}, "line 402"),
        ({"events": EVENTS.replace("DEC", "DOWN")}, "decision must be"),
        ({"events": EVENTS.replace("HOLD", "")}, "decision must be .* not nothing"),
        ({"events": EVENTS.replace("0.005", "0.0095")}, "one width"),
        ({"events": EVENTS.replace("0.009,", "0.0045,")}, "one width|not overlap"),
    ],
)
def test_bad_recordings_are_refused(tmp_path, files, says):
    with pytest.raises(ValueError, match=says):
        read(written(tmp_path, **files), 1)


def test_missing_recording_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"sim2_50us\.csv: cannot be read"):
        read(tmp_path, 2)


def test_comparators_follow_from_decisions(tmp_path):
    recording = read(written(tmp_path), 1)
    assert comparators(recording.I_before, recording.decision) == pytest.approx((7.25e-9, 2.25e-9))


def test_decisions_that_no_pair_gives(tmp_path):
    events = EVENTS.replace("9e-9,8,HOLD", "2e-8,8,HOLD")
    recording = read(written(tmp_path, events=events), 1)
    with pytest.raises(ValueError, match="no pair"):
        comparators(recording.I_before, recording.decision)


def test_a_decision_that_never_comes_is_named(tmp_path):
    recording = read(written(tmp_path), 1)
    with pytest.raises(ValueError, match="lacks the decision HOLD and DEC"):
        comparators(recording.I_before[:1], recording.decision[:1])


def test_comparators_of_noisy_currents_give_most_decisions():
    rng = np.random.default_rng(1)
    current = np.linspace(7e-9, 11e-9, 200)
    decision = decide(current, 9e-9, 0.4e-9)
    I_ref, I_SL = comparators(current + rng.normal(0, 5e-12, 200), decision)
    assert I_ref == pytest.approx(9e-9, rel=3e-3)
    assert pytest.approx(0.4e-9, rel=0.06) == I_SL


def test_comparison_by_hand(tmp_path):
    recording = read(written(tmp_path, trace=TRACE.replace("1e-9", "3e-9", 1)), 1)
    measures = compare(
        recording,
        recording.t,
        recording.I_mem + 1e-10,
        recording.weight + 2,
        np.array([1, 0, -1, 1]),
    )
    assert measures["nrmse"] == pytest.approx(0.05)
    assert (measures["decisions_equal"], measures["decisions_total"]) == (3, 4)
    assert (measures["final_weight"], measures["final_weight_reference"]) == (10, 8)
    assert measures["weight_rmse_lsb"] == pytest.approx(2)


def test_comparison_on_another_grid(tmp_path):
    recording = read(written(tmp_path, trace=TRACE.replace("1e-9", "3e-9", 1)), 1)
    t = np.arange(3000) * 1e-5
    model = 1e-9 * (1 + t)
    assert rmse(recording, t, model) == pytest.approx(1e-10, rel=0.01)  # of the 3e-9
    step = np.where(t < 0.00404, 1.0, 2.0)  # nearest sample, not the next
    assert compare(recording, t, model, step, recording.decision)["final_weight"] == 2


@needs_recording
def test_comparator_rule_gives_all_recorded_decisions():
    recording, model = read(RECORDED, 1), experiment_1()
    decided = decide(recording.I_before, float(model.I_ref), float(model.I_SL))
    assert np.sum(decided == recording.decision) == 100
