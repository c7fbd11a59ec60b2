"""Design files: what a sound one comes to, and how what is wrong with others is named."""

import re
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, get_dimensions, metre, mV, second, um, volt
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from study_helpers import ROOT, output

from studies.design import command
from studies.design.fields import parsed
from studies.design.file import read
from studies.design.lines import lines, places

EXAMPLE = ROOT / "studies" / "design" / "example.toml"


def read_text(tmp_path: Path, text: str):
    file = tmp_path / "process.toml"
    file.write_text(text)
    return read(file)


def test_the_example_is_sound():
    design = read(EXAMPLE)
    assert design.names == (
        *("gain", "copy_gain", "offset", "threshold", "reset", "tau", "F", "target"),
    )
    assert design["process"]["A_VT"] == 3.3 * mV * um
    assert design["circuit"]["neurons"] == 20
    assert design["specification"]["wanted_yield"] == 0.95


def test_what_the_example_leaves_commented_out_is_sound_too(tmp_path):
    """Each of its commented keys, alone."""
    text = EXAMPLE.read_text()
    keys = [line for line in text.splitlines() if re.match(r"# \w+ = ", line)]
    assert len(keys) == 7
    for key in keys:
        other = text.replace(key, key.removeprefix("# "))
        if key in keys[2:5]:  # of a recording
            other = other.replace("signals = 2 ", "# ").replace("# recording", "recording")
        read_text(tmp_path, other)


def test_a_cv_is_enough(tmp_path):
    design = read_text(tmp_path, '[mismatch]\ngain = "20 %"\ntau = 0.1\n')
    assert [(p.name, p.cv) for p in design.parameters] == [("gain", 0.2), ("tau", 0.1)]
    assert design["training"]["learning"] == 30 * second
    assert design["specification"]["wanted_yield"] == 0.95


def test_a_recording_lies_beside_the_file(tmp_path):
    text = '[mismatch]\ngain = 0.2\n[signal]\nrecording = "mine.csv"\nsampling_rate = "2 kHz"\n'
    signal = read_text(tmp_path, text)["signal"]
    assert signal["recording"] == str(tmp_path / "mine.csv")
    assert signal["sampling_rate"] == 2000 * Hz


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.3 mV*um", 3.3e-9 * volt * metre),
        ("3.3mV*um", 3.3e-9 * volt * metre),
        ("25 /V", 25 / volt),
        ("25 1/V", 25 / volt),
        ("1 %*um", 1e-8 * metre),
        ("1e-3 V", 1 * mV),
        (".5 µm", 0.5 * um),
        ("20 %", 0.2),
    ],
)
def test_quantities(text, value):
    assert np.isclose(float(parsed(text)), float(value), rtol=1e-12)
    assert get_dimensions(parsed(text)) == get_dimensions(value)


@given(st.text(max_size=12))
def test_no_text_breaks_the_parser(text):
    """It is a number, or it is refused."""
    with suppress(ValueError):
        assert not np.isnan(float(parsed(text)))


def test_lines_of_all_kinds_of_statements():
    text = (
        '# a comment\ntop = 1\n\n[one]\na = [\n  1,\n  2,\n]\nb = """\n[two]\nc = 3\n"""\n'
        '[one.two]\n"c d" = { e = 1, f = 2 }\n[ three ]\ng.h = 5\n'
    )
    expected = {("top",): 2, ("one",): 4, ("one", "a"): 5, ("one", "b"): 9, ("one", "two"): 13}
    expected |= {("one", "two", "c d"): 14, ("one", "two", "c d", "e"): 14}
    expected |= {("one", "two", "c d", "f"): 14, ("three",): 15, ("three", "g"): 16}
    expected |= {("three", "g", "h"): 16}
    assert lines(text) == expected
    assert set(places(tomllib.loads(text))) == set(expected)


GAIN = "[mismatch]\ngain = 0.2\n"
SIZES = '[mismatch]\ngain = { W = "1 um", L = "1 um" }\n'
#: Bad files: the text, the line that is named, and words of the message.
BAD = [
    ("[mismatch]\ngian = 0.2\n", 2, ["mismatch.gian = 0.2", "did you mean 'gain'"]),
    ("[mismatch]\ngain = -0.2\n", 2, ["mismatch.gain = -0.2", "from 0 or '0 %' to 1.5"]),
    ("[mismatch]\ngain = 20\n", 2, ["mismatch.gain = 20", "to 1.5 or '150 %'"]),
    ('[mismatch]\ngain = "20 mV"\n', 2, ["mismatch.gain = '20 mV'", "'150 %'"]),
    ('[mismatch]\ngain = "20 V%"\n', 2, ["'V%' is no unit", "'150 %'"]),
    ("[mismatch]\ngain = nan\n", 2, ["mismatch.gain = nan", "'150 %'"]),
    ("[mismatch]\ngain = inf\n", 2, ["mismatch.gain = inf", "'150 %'"]),
    ("[mismatch]\ngain = true\n", 2, ["mismatch.gain = True", "must be a number"]),
    ("[mismatch]\ngain = [0.2]\n", 2, ["mismatch.gain = [0.2]", "must be a number"]),
    ("[mismatch.gain]\nsigma = 0.2\n", 2, ["mismatch.gain.sigma", "[mismatch.gain] may hold cv"]),
    ('[mismatch]\n\ngain = {cv = 1, W = "1 um"}\n', 3, ["gain.W = '1 um'", "a CV or sizes"]),
    ('[process]\nA_VT="3 mV*um"\n[mismatch]\ngain={W="1 um"}\n', 4, ["[mismatch.gain]", "lacks L"]),
    (SIZES, 2, ["[mismatch.gain]", "[process] must hold A_VT, such as '3.3 mV*um'"]),
    ("[mismatch]\ngain = {}\n", 2, ["must hold cv, or W and L, or chip"]),
    ("[mismatch]\ngain = {cv = 0.1, distribution = 'cauchy'}\n", 2, ["'cauchy'", "'gamma'"]),
    ("[mismatch]\noffset = {cv = 0.1, distribution = 'gamma'}\n", 2, ["offsets are normal"]),
    ("[mismatch]\ngain = {cv = 0.1, chip = 2}\n", 2, ["gain.chip = 2", "to 1 or '100 %'"]),
    ("[mismatch]\ngain = {cv = 0.1, pairs = 2}\n", 2, ["gain.pairs = 2", "a CV or sizes"]),
    ('[process]\nA_VT = "3.3 mV"\n' + GAIN, 2, ["A_VT = '3.3 mV'", "wrong unit", "'50 mV*um'"]),
    ('[process]\nA_VT = "3.3 mv*um"\n' + GAIN, 2, ["'mv' is no unit", "did you mean 'mV'"]),
    ("[process]\nA_VT = 3.3\n" + GAIN, 2, ["A_VT = 3.3", "a string with its unit"]),
    ('[process]\nA_VT = "3.3 V*m"\n' + GAIN, 2, ["A_VT = '3.3 V*m'", "from '0.1 mV*um'"]),
    ('[process]\nA_VT = "large"\n' + GAIN, 2, ["A_VT = 'large'", "no number with a unit"]),
    ('[process]\na_vt = "3.3 mV*um"\n' + GAIN, 2, ["process.a_vt", "did you mean 'A_VT'"]),
    ("[process]\nkappa = 1.3\n" + GAIN, 2, ["kappa = 1.3", "from 0.3 to 1"]),
    (
        '[process]\nA_VT = "3.3 mV*um"\n[mismatch]\n'
        'gain = {W = "1 um", L = "1 um", gm_over_id = "40 /V"}\n',
        4,
        ["gain.gm_over_id = '40 /V'", "kappa/U_T = 27.1 /V"],
    ),
    (
        '[process]\nA_VT = "10 mV*um"\n[mismatch]\ngain = {W = "180 nm", L = "180 nm"}\n',
        4,
        ["[mismatch.gain]", "has a CV of", "at most 1.5", "larger W, L"],
    ),
    (
        '[process]\nA_VT = "3.3 mV*um"\n[mismatch]\ngain = {W = "5 m", L = "1 um"}\n',
        4,
        ["gain.W = '5 m'", "from '10 nm' to '1 mm'"],
    ),
    (GAIN + "[circuits]\nneurons = 20\n", 3, ["[circuits]", "did you mean 'circuit'"]),
    (GAIN + "[circuit]\nneurons = 1\n", 4, ["circuit.neurons = 1", "from 2 to 200"]),
    (GAIN + "[circuit]\nneurons = 20.0\n", 4, ["circuit.neurons = 20.0", "a whole number"]),
    (GAIN + "[circuit]\nneurons = true\n", 4, ["circuit.neurons = True", "a whole number"]),
    (GAIN + "[circuit]\nbits = 2\n", 4, ["circuit.bits = 2", "from 3 to 16"]),
    (GAIN + '[circuit]\ntau_m = "50 mV"\n', 4, ["tau_m = '50 mV'", "wrong unit", "'1 s'"]),
    (GAIN + '[circuit]\nnoise = "60 %"\n', 4, ["noise = '60 %'", "'50 %'"]),
    (GAIN + '[circuit]\ndecoder = "evne"\n', 4, ["decoder = 'evne'", "did you mean 'even'"]),
    (
        GAIN + '[circuit]\ndecoder = "even"\n[signal]\nsignals = 3\n',
        4,
        ["decoder = 'even'", "must be 'random' with 3 signals"],
    ),
    (GAIN + "[circuit]\nneurons = 4\n[signal]\nsignals = 4\n", 6, ["fewer than neurons, 4"]),
    (
        GAIN + '[signal]\nsignals = 2\nrecording = "a.csv"\n',
        5,
        ["signal.recording = 'a.csv'", "one of the two"],
    ),
    (GAIN + '[signal]\nsampling_rate = "1 kHz"\n', 4, ["sampling_rate", "that of a recording"]),
    (GAIN + '[signal]\nrecording = "a.csv"\ncolumns = "A"\n', 5, ["a list of names or numbers"]),
    (GAIN + '[training]\nprocedure = "fine"\n', 4, ["procedure = 'fine'", "'homeostatic_fine'"]),
    (GAIN + '[training]\nlearning = "30"\n', 4, ["learning = '30'", "wrong unit", "'1000 s'"]),
    (GAIN + "[training]\nlearning = 30\n", 4, ["learning = 30", "a string with its unit"]),
    (
        GAIN + '[training]\nprocedure = "plain"\nrate_target = "45 Hz"\n',
        5,
        ["rate_target = '45 Hz'", "'plain' does not calibrate"],
    ),
    (
        GAIN + '[specification]\nrate_limit = 2\nrate_max = "20 Hz"\n',
        5,
        ["rate_max = '20 Hz'", "must be left out where rate_limit is given"],
    ),
    (GAIN + '[specification]\nwanted_yield = "0 %"\n', 4, ["wanted_yield = '0 %'", "'100 %'"]),
    (GAIN + '[specification]\nerror_of = "fit"\n', 4, ["error_of = 'fit'", "'refitted'"]),
    (GAIN + '[energy]\nspike = "5 pA"\n', 4, ["energy.spike = '5 pA'", "wrong unit", "'1 mJ'"]),
    (GAIN + "[search]\nareas = [1, 1]\n", 4, ["areas = [1, 1]", "a value twice"]),
    (GAIN + "[search]\nareas = []\n", 4, ["areas = []", "a list of 1 to 12 values"]),
    (GAIN + "[search]\nareas = [\n 1,\n 0,\n]\n", 4, ["entry 2, 0", "from 0.05 to 100"]),
    (GAIN + "[search]\nbits = [4, 2.5]\n", 4, ["entry 2, 2.5", "from 3 to 16"]),
    ("circuit = 3\n" + GAIN, 1, ["circuit = 3", "must be a table, [circuit]"]),
    ('title = ""\n' + GAIN, 1, ["title = ''", "1 to 200 characters"]),
    ("mismatch = 0.2\n", 1, ["mismatch = 0.2", "a table that holds some of gain"]),
    ('title = "A"\n', 1, ["[mismatch]", "a table that holds some of gain"]),
    ("", 1, ["[mismatch]", "a table that holds some of gain"]),
    ("[mismatch]\ngain = 0.2 %\n", 2, ["is not TOML"]),
    (GAIN + "gain = 0.3\n", 3, ["is not TOML", "overwrite"]),
    (GAIN + "[circuit\nneurons = 3\n", 3, ["is not TOML"]),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, line, words):
    with pytest.raises(ValueError, match=rf"\bline {line}\b") as error:
        read_text(tmp_path, text)
    message = str(error.value)
    assert message.startswith("process.toml")
    assert message.count("\n") == 0
    for word in words:
        assert word in message


def test_all_that_is_wrong_is_named_at_once(tmp_path):
    text = '[search]\nbits = [2]\n[mismatch]\ngain = 3\ntau = "1 V"\n[process]\nU_T = "2 mV"\n'
    with pytest.raises(ValueError, match="line 2") as error:
        read_text(tmp_path, text)
    numbers = [line.split(":")[0] for line in str(error.value).splitlines()]
    assert numbers == [f"process.toml, line {k}" for k in (2, 4, 5, 7)]


def test_what_is_no_text_is_named_with_its_line(tmp_path):
    file = tmp_path / "process.toml"
    file.write_bytes(b"# a\n# \xe9\n" + GAIN.encode())
    with pytest.raises(ValueError, match=r"process.toml, line 2: is not UTF-8"):
        read(file)


def test_the_command_refuses_it_before_it_builds(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "build", lambda *_: pytest.fail("built something"))
    file = tmp_path / "process.toml"
    file.write_text("[mismatch]\ngian = 0.2\n")
    result = CliRunner().invoke(command.main, [str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "process.toml, line 2: mismatch.gian" in output(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ('recording = "none.csv"', ["none.csv"]),
        ('recording = "wide.csv"\nsampling_rate = "100 Hz"', ["3 channels", "fewer than neurons"]),
    ],
)
def test_a_recording_that_cannot_be_used(tmp_path, signal, words):
    np.savetxt(tmp_path / "wide.csv", np.random.default_rng(1).normal(size=(400, 3)), delimiter=",")
    file = tmp_path / "process.toml"
    file.write_text(f"{GAIN}[circuit]\nneurons = 3\n[signal]\n{signal}\n")
    result = CliRunner().invoke(command.main, [str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    for word in words:
        assert word in output(result)
