"""Runs generated CUDA programs on the CPU, thread after thread, so that tests need no GPU.

What a kernel computes is tested this way, and what the order of threads changes. Lanes of a warp
take turns between its barriers. Speed and the driver are not tested, nor are races of kernels that
are more than one warp.
"""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

from ebn_brian.devices.cuda import CudaProgram
from ebn_brian.devices.toolkit import find_toolkit

HERE = Path(__file__).parent
LAUNCH = re.compile(r"(\w+)<<<([^;]*?)>>>\s*\(")


def on_cpu(program: CudaProgram, backwards: bool = False) -> CudaProgram:
    """The same program for the CPU; `backwards`: blocks and threads in reverse order."""
    folder = program.directory / f"on_cpu_{'backwards' if backwards else 'forwards'}"
    folder.mkdir()
    os.symlink(program.directory / "static_arrays", folder / "static_arrays")
    resident = (program.directory / "code.cu").exists()
    text = (program.directory / ("code.cu" if resident else "one.cu")).read_text()
    (folder / "one.cpp").write_text('#include "cuda_on_cpu.h"\n' + translate(text))
    rest = ["-DEBN_WARPS", program.directory / "frame.cpp"] if resident else []
    toolkit = find_toolkit()
    toolkit_include = next(
        path for path in toolkit_includes(toolkit.nvcc) if (path / "cuda_runtime.h").exists()
    )
    command = [
        *("g++", "-std=c++17", "-w", "-O1", "-march=native", "-ffp-contract=off"),
        *("-DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP", f"-DEBN_BACKWARDS={int(backwards)}"),
        *(f"-I{HERE}", f"-I{program.directory}", f"-I{toolkit_include}"),
        *(f"-I{toolkit_include / 'cccl'}", f"-I{toolkit.include}"),
        *(*rest, "one.cpp", "-o", "main"),
    ]
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:5000]
    return replace(program, directory=folder)


def toolkit_includes(nvcc: Path) -> list[Path]:
    """Folders with headers that nvcc itself names."""
    output = subprocess.run(
        [nvcc, "--dryrun", "-x", "cu", "-c", os.devnull], capture_output=True, text=True
    ).stderr
    return [Path(path) for path in re.findall(r'"?-I([^\s"]+)"?', output)]


def translate(text: str) -> str:
    """Kernel launches as loops over blocks and threads."""
    text = text.replace("__CUDA_ARCH__", "EBN_CUDA_ARCH")
    parts, position = [], 0
    while match := LAUNCH.search(text, position):
        end = closing(text, match.end() - 1)
        arguments = text[match.end() : end]
        grid = ", ".join(match.group(2).split(",")[:2])
        parts.append(text[position : match.start()])
        parts.append(f"ebn_launch({grid}, [&] {{ {match.group(1)}({arguments}); }})")
        position = end + 1
    return "".join([*parts, text[position:]])


def closing(text: str, opening: int) -> int:
    """Position of the parenthesis that closes the one at `opening`."""
    depth = 0
    for k in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[k], 0)
        if depth == 0:
            return k
    raise ValueError("unbalanced parentheses")
