"""What there is of CUDA on this machine: compiler, cuRAND, GPU."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import brian2

#: The release of Brian2CUDA whose code `cuda_code` knows, and the only Brian2 that it works with.
BRIAN2CUDA, BRIAN2 = "1.0b1", "2.10.1"

#: Compute capability that is compiled for where there is no GPU to ask: the least of CUDA 13, so
#: that the driver can translate the program for whatever GPU it meets.
CAPABILITY = 7.5

HINTS = {
    "brian2cuda": f"pip install 'ebn_brian[cuda]': {BRIAN2CUDA}, which needs Brian2 {BRIAN2}",
    f"Brian2 {BRIAN2}": f"Brian2CUDA {BRIAN2CUDA} needs it, this is {brian2.__version__}",
    "nvcc": "the CUDA toolkit, with nvcc on PATH or its folder in CUDA_PATH",
    "cuRAND": "complete the CUDA toolkit or pip install nvidia-curand",
    "g++": "install it",
}


@dataclass(frozen=True)
class Toolkit:
    """A complete CUDA toolkit: what is needed to compile and link."""

    nvcc: Path
    version: float
    include: Path  # folder with curand.h
    curand: Path  # the shared library

    def describe(self) -> str:
        """One line for people."""
        return f"CUDA {self.version} ({self.nvcc}), cuRAND {self.curand}"


@dataclass(frozen=True)
class Gpu:
    """The GPU that programs run on."""

    name: str
    capability: float


def find_toolkit() -> Toolkit:
    """The CUDA toolkit of this machine; RuntimeError that names all that is missing."""
    missing = [] if importlib.util.find_spec("brian2cuda") else ["brian2cuda"]
    if brian2.__version__ != BRIAN2:
        missing.append(f"Brian2 {BRIAN2}")
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        missing.append("g++")
    nvcc = next(filter(Path.exists, _nvccs()), None)
    header = library = None
    if nvcc is None:
        missing.append("nvcc")
    else:
        header = next(_files(nvcc, "include", "curand.h"), None)
        library = next(_files(nvcc, "lib*", "libcurand.so*"), None)
        if header is None or library is None:
            missing.append("cuRAND")
    if missing or nvcc is None or header is None or library is None:
        needed = "; ".join(f"{name} ({HINTS[name]})" for name in missing)
        raise RuntimeError(f"device='cuda_standalone' needs what is not found here: {needed}")
    return Toolkit(nvcc, _version(nvcc), header.parent, library)


def find_gpu() -> Gpu | None:
    """The first GPU that programs see, or None."""
    if (tool := shutil.which("nvidia-smi")) is None:
        return None
    command = [tool, "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        first = visible.split(",")[0].strip()
        if first in ("", "-1", "NoDevFiles"):
            return None
        command += ["-i", first]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        name, capability = answer.stdout.splitlines()[0].rsplit(",", 1)
        return Gpu(name.strip(), float(capability))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def brian2cuda_version() -> str | None:
    """Version of Brian2CUDA, None if it is not installed."""
    try:
        return version("brian2cuda")
    except PackageNotFoundError:
        return None


def _wheels() -> list[Path]:
    """Folders of NVIDIA's wheels."""
    spec = importlib.util.find_spec("nvidia")
    places = list(spec.submodule_search_locations or []) if spec else []
    return sorted(folder for place in places for folder in Path(place).glob("*") if folder.is_dir())


def _nvccs() -> Iterator[Path]:
    for variable in ("CUDA_PATH", "CUDA_HOME"):
        if os.environ.get(variable):
            yield Path(os.environ[variable], "bin", "nvcc")
    if on_path := shutil.which("nvcc"):
        yield Path(on_path)
    yield from (folder / "bin" / "nvcc" for folder in _wheels())
    yield from sorted(Path("/usr/local").glob("cuda*/bin/nvcc"), reverse=True)


def _files(nvcc: Path, folder: str, file: str) -> Iterator[Path]:
    """Files of that name: the toolkit's own, then those of wheels."""
    for root in (*_roots(nvcc), *_wheels()):
        for pattern in (f"{folder}/{file}", f"targets/*/{folder}/{file}"):
            yield from sorted(root.glob(pattern))


def _roots(nvcc: Path) -> list[Path]:
    """The toolkit's folder; nvcc itself knows, where the one on PATH is a link or a script."""
    output = _output([nvcc, "--dryrun", "-x", "cu", "-c", os.devnull])
    top = re.search(r"TOP=(\S+)", output)
    places = [Path(top.group(1))] if top else []
    return [place.resolve() for place in (*places, nvcc.resolve().parents[1], nvcc.parents[1])]


def _version(nvcc: Path) -> float:
    release = re.search(r"release (\d+\.\d+)", _output([nvcc, "--version"]))
    if release is None:
        raise RuntimeError(f"{nvcc} --version does not tell its release; is it nvcc?")
    return float(release.group(1))


def _output(command: list[str | Path]) -> str:
    try:
        answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout + answer.stderr
