"""What a design file holds: tables, keys, what each may be, and what stands for a missing one."""

from typing import Any

from brian2 import Hz, joule, metre, second, volt

from .fields import Field, choice, columns, number, quantity, several, share, text, whole

REQUIRED = object()

#: Parameters that have mismatch: what they are, and elements of a chip by the number of neurons
#: and of signals.
PARAMETERS = {
    "gain": ("synaptic gain", lambda n, k: n * (n - 1)),
    "copy_gain": ("comparators' copy gain", lambda n, k: n * (n - 1)),
    "offset": ("comparator offset", lambda n, k: n * (n - 1)),
    "threshold": ("threshold", lambda n, k: n),
    "reset": ("reset", lambda n, k: n),
    "tau": ("membrane time constant", lambda n, k: n),
    "F": ("input weights", lambda n, k: n * k),
    "target": ("homeostats' target rate", lambda n, k: n),
}

DISTRIBUTIONS = ("lognormal", "gamma", "normal")
PROCEDURES = ("plain", "homeostatic", "homeostatic_fine")

LENGTH = quantity(metre, "10 nm", "1 mm")
TIME = quantity(second, "1 s", "1000 s")

#: Keys of each table, of the file itself under "": field, and value of a missing key.
TABLES: dict[str, dict[str, tuple[Field, Any]]] = {
    "": {"title": (text, "Balanced network")},
    "process": {
        "A_VT": (quantity(volt * metre, "0.1 mV*um", "50 mV*um"), None),
        "A_beta": (quantity(metre, "0 %*um", "20 %*um"), 0 * metre),
        "kappa": (number(0.3, 1), 0.7),
        "U_T": (quantity(volt, "15 mV", "40 mV"), 0.02585 * volt),
    },
    "circuit": {
        "neurons": (whole(2, 200), 20),
        "decoder": (choice("random", "even"), "random"),
        "tau_m": (quantity(second, "2 ms", "1 s"), 0.05 * second),
        "tau_fast": (quantity(second, "0.2 ms", "10 ms"), None),
        "noise": (share(0, 0.5), 0.0),
        "bits": (whole(3, 16), 10),
        "full_scale": (number(1, 10), 2.0),
    },
    "signal": {
        "signals": (whole(1, 16), None),
        "recording": (text, None),
        "sampling_rate": (quantity(Hz, "2 Hz", "10 MHz"), None),
        "columns": (columns, None),
    },
    "training": {
        "procedure": (choice(*PROCEDURES), "homeostatic_fine"),
        "calibration": (TIME, None),
        "rate_target": (quantity(Hz, "0.1 Hz", "1 kHz"), None),
        "learning": (TIME, 30 * second),
        "readout": (TIME, 40 * second),
    },
    "specification": {
        "rate_limit": (number(0.1, 1000), None),
        "rate_max": (quantity(Hz, "0.1 Hz", "5 kHz"), None),
        "error_limit": (number(0.1, 1000), None),
        "error_max": (number(1e-6, 1), None),
        "error_of": (choice("refitted", "learned", "nominal"), "refitted"),
        "wanted_yield": (share(0.01, 1), 0.95),
    },
    "energy": {
        "spike": (quantity(joule, "0 J", "1 mJ"), None),
        "update": (quantity(joule, "0 J", "1 mJ"), None),
    },
    "search": {
        "areas": (several(number(0.05, 100)), (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)),
        "bits": (several(whole(3, 16)), (4, 6, 8, 10, 12)),
    },
}

#: Keys of each parameter in ``[mismatch]``: a CV, or the sizes of the transistors that set it.
MISMATCH: dict[str, tuple[Field, Any]] = {
    "cv": (share(0, 1.5), None),
    "W": (LENGTH, None),
    "L": (LENGTH, None),
    "pairs": (whole(1, 20), 1),
    "gm_over_id": (quantity(1 / volt, "0.5 /V", "50 /V"), None),
    "chip": (share(0, 1), 0.0),
    "distribution": (choice(*DISTRIBUTIONS), "lognormal"),
}
#: Keys that have a meaning beside sizes alone.
OF_SIZES = ("pairs", "gm_over_id")
