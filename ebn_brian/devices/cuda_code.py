"""The C++ for CUDA that Brian2CUDA generates, as one file that does not wait for the GPU.

- Some forty files share names. `one_unit` puts them into one, each code object in a namespace of
  its own, which compiles in a tenth of the time.
- Pathways with a delay look at the default clock whatever their own is: `own_clocks`.
- For each pathway and monitor the host waits for the GPU to tell the number of events, at every
  step, and gives each event a thousand threads: `without_waiting`.
"""

import re
from pathlib import Path

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"][^>\"]+[>\"]).*$", re.M)
#: In the program's main, where the numbers of events that only the GPU knows are to be fetched.
COUNTS = "// counts of events"
HEADERS = ("<cstdlib>", "<cstring>", "<algorithm>", "<chrono>", "<random>", "<type_traits>")


def one_unit(folder: Path) -> str:
    """All generated files of a program as one, each code object in a namespace."""
    # within one unit, an extern variable of the device would be a second one
    header = folder / "objects.h"
    header.write_text(header.read_text().replace("extern __device__", "__device__"))
    common = ["network.cu", "synapses_classes.cu", "objects.cu", "rand.cu"]
    objects = sorted(
        (folder / "code_objects").glob("*.cu"),
        key=lambda path: (path.name.startswith(("before_run_", "after_run_")), path.name),
    )
    texts = [(folder / name).read_text() for name in common]
    texts[2] = re.sub(r"^__device__ .* brian::\w+;$", "", texts[2], flags=re.M)
    for path in objects:
        text = path.with_suffix(".h").read_text() + without_waiting(own_clocks(path.read_text()))
        unit = f"unit_{path.stem}"
        # nvcc cannot tell several anonymous namespaces of one file from each other
        text = re.sub(r"^namespace\s*{", f"inline namespace in_{unit} {{", text, flags=re.M)
        texts.append(f"namespace {unit} {{\n{text}\n}}\nusing namespace {unit};\n")
        texts += (f"#undef {name}" for name in re.findall(r"^\s*#\s*define\s+(\w+)", text, re.M))
    main = (folder / "main.cu").read_text().replace(COUNTS, counts_code(texts))
    texts += [(folder / "run.cu").read_text(), main]
    headers = dict.fromkeys(HEADERS)
    headers |= dict.fromkeys(header for text in texts for header in INCLUDE.findall(text))
    included = [f"#include {h}" for h in headers if not h.startswith('"code_objects/')]
    return "\n".join([*included, *(INCLUDE.sub("", text) for text in texts)])


def own_clocks(text: str) -> str:
    """Let a pathway compare its delay with its own clock.

    Raises
    ------
    RuntimeError
        If the text of a pathway does not tell its clock.
    """
    compared = re.compile(r"defaultclock(\.timestep\[0\] >= \w+_delay\b)")
    if not compared.search(text):
        return text
    own = re.search(r"bid_offset,\s*(\w+)\.timestep\[0\]", text)
    if own is None:
        raise RuntimeError("a pathway of synapses, as Brian2CUDA writes it, tells no clock")
    return compared.sub(rf"{own.group(1)}\1", text)


def serial_pathways(folder: Path) -> list[str]:
    """Code objects of synapses that do not run in parallel over spikes and synapses."""
    return [
        path.stem.partition("_codeobject")[0]
        for path in sorted((folder / "code_objects").glob("*.cu"))
        if "spiking_neuron_idx" in (text := path.read_text())
        and "int num_spiking_neurons," not in text
    ]


# ---- the number of events stays on the GPU -------------------------------------------------------

#: Most blocks of threads that share the events of a step; all fit on a large GPU at once.
BLOCKS = 1024

COUNT = r"&(?P<events>\w+(?:\[\w+\])?)\[(?P<size>\w+) - 1\],\s*sizeof\(int32_t\),\s*"

#: Of a parallel pathway, in kernel and host: pairs (pattern, replacement).
PATHWAY = [
    (r"int num_spiking_neurons,", "int counter,"),
    (
        r"int spiking_neuron_idx = bid / num_parallel_blocks;\s*"
        r"int post_block_idx = bid % num_parallel_blocks;\s*{",
        "const int num_events = eventspace[counter] * num_parallel_blocks;\n"
        "for (int event = bid; event < num_events; event += gridDim.x) {\n"
        "int spiking_neuron_idx = event / num_parallel_blocks;\n"
        "int post_block_idx = event % num_parallel_blocks;",
    ),
    (r"int32_t num_spiking_neurons;", "int32_t counter = 0;"),
    (
        rf"cudaMemcpy\(&num_spiking_neurons,\s*{COUNT}cudaMemcpyDeviceToHost\);\s*"
        r"num_blocks = num_parallel_blocks \* num_spiking_neurons;",
        rf"counter = \g<size> - 1;\n"
        rf"num_blocks = std::min(num_parallel_blocks * counter, {BLOCKS});",
    ),
    (
        r"(\.timestep\[0\],\s*(?:num_threads_per_bundle,\s*)?[^;]*?)num_spiking_neurons,",
        r"\1counter,",
    ),
]

#: Of a monitor that records no variable and has no Subgroup.
COUNTER = [
    (r"if\(_vectorisation_idx >= _N\)", "if (_vectorisation_idx >= _eventspace[_N])"),
    (
        r"^(_ptr_array_\w+)_count\[_idx - _source_start\]\+\+;",
        r"\g<0>\natomicAdd(&\1_N[0], 1);",
    ),
    (
        rf"CUDA_SAFE_CALL\(\s*cudaMemcpy\(\s*&_num_events,\s*{COUNT}cudaMemcpyDeviceToHost"
        r"\s*\)\s*\);",
        r"_num_events = \g<size> - 1;",
    ),
    (r"^_array_\w+_N\[0\] \+= _N;", ""),
]


def counts_code(texts: list[str]) -> str:
    """Fetch what monitors changed by `COUNTER` have counted."""
    return "\n".join(
        f"CUDA_SAFE_CALL(cudaMemcpy({name}, dev{name}, sizeof(*{name}), cudaMemcpyDeviceToHost));"
        for text in texts
        for name in re.findall(r"^atomicAdd\(&_ptr(_array_\w+_N)\[0\], 1\);", text, re.M)
    )


def without_waiting(text: str) -> str:
    """Let kernels of pathways and monitors read the number of events themselves.

    Where a text is not as it is known, it stays as it is.
    """
    if "int num_spiking_neurons," in text:
        return few_threads(substitute(text, PATHWAY))
    if "&_num_events," in text and not re.search(r"_monitor_size|thrust::count_if", text):
        return substitute(text, COUNTER)
    return text


def substitute(text: str, pairs: list[tuple[str, str]]) -> str:
    """Each pattern, which must be found once, replaced; the text as it was if one is not."""
    result = text
    for pattern, replacement in pairs:
        result, found = re.subn(pattern, replacement, result, flags=re.M)
        if found != 1:
            return text
    return result


def few_threads(text: str) -> str:
    """No more threads, in whole warps, than one event has synapses, if all have one delay."""
    (pathway,) = set(re.findall(r"if \((\w+)_scalar_delay\)", text))
    warps = f"std::max(1, ({pathway}_max_size + 31) / 32)"
    return text.replace(
        "num_threads = max_threads_per_block;",
        "num_threads = max_threads_per_block;\n"
        f"if ({pathway}_scalar_delay)\n"
        f"    num_threads = std::min(num_threads, {warps} * 32);",
    )
