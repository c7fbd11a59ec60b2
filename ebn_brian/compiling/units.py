"""The C++ of a program as two units, which compile in half the time of Brian2's many files.

Each file that Brian2 writes spends most of its time on the same headers. Here all that steps is one
unit, ``code.cpp``, with the user's flags, and all that loads, sets and writes arrays another one,
``frame.cpp``, which needs no more than ``-O1``. Source files of the user's own stay by themselves.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import brian2

MAKEFILE = "units.mk"
UNITS = ("frame.cpp", "code.cpp")
#: Files of Brian2's that do not step.
FRAME = ("objects.cpp", "run.cpp", "main.cpp")

TEMPLATE = """\
{settings}
OBJS = {objects}

main: $(OBJS)
	$(CXX) $(OBJS) -o main $(LFLAGS)

frame.o: CXXFLAGS += -O1

%.o: %.cpp {makefile}
	$(CXX) $(CXXFLAGS) -MD -MP $< -o $@

.PHONY: compiler
compiler:
	@$(CXX) $(CXXFLAGS) -v -E -x c++ /dev/null

-include $(wildcard *.d)
"""


@dataclass(frozen=True)
class Project:
    """What Brian2 has written, as its makefile has it."""

    folder: Path
    sources: tuple[str, ...]
    headers: tuple[str, ...]
    settings: str
    """The makefile's flags."""

    @property
    def own(self) -> list[str]:
        """Source files of the user's own."""
        return [name for name in self.sources if not is_brian2s(name)]


def is_brian2s(name: str) -> bool:
    """Whether a source file is one that Brian2 writes or brings."""
    return name.endswith(".cpp") and (
        name.startswith(("code_objects/", "brianlib/"))
        or name in (*FRAME, "network.cpp", "synapses_classes.cpp")
    )


def write(folder: Path) -> Project:
    """Write the two units of the program in `folder`, and a makefile for them."""
    makefile = (folder / "makefile").read_text()
    values = dict(re.findall(r"^(\w+) = *(.*)$", makefile, re.M))
    settings = "\n".join(f"{n} = {values[n]}" for n in ("OPTIMISATIONS", "CXXFLAGS", "LFLAGS"))
    sources = tuple(values["SRCS"].split())
    project = Project(folder, sources, tuple(values["H_SRCS"].split()), settings)
    objects = [name for name in sources if name.startswith("code_objects/")]
    others = [name for name in sources if is_brian2s(name) and name not in (*FRAME, *objects)]
    texts = [in_one_unit(name, (folder / name).read_text()) for name in objects]
    _write(folder / "frame.cpp", included(FRAME))
    _write(folder / "code.cpp", included(others) + "".join(texts))
    linked = " ".join(str(Path(name).with_suffix(".o")) for name in (*UNITS, *project.own))
    text = TEMPLATE.format(settings=settings, objects=linked, makefile=MAKEFILE)
    _write(folder / MAKEFILE, text)
    return project


def included(names: Iterable[str]) -> str:
    """C++ that includes files."""
    return "".join(f'#include "{name}"\n' for name in names)


def in_one_unit(name: str, text: str) -> str:
    """The file of a code object so that others may follow it in one unit.

    What it keeps to itself gets a namespace with a name, and its macros end with it.
    """
    unit = f"unit_{Path(name).stem}"
    text = re.sub(r"^namespace\s*{", f"namespace {unit} {{", text, flags=re.M)
    using = rf"\1 using namespace {unit};"
    text = re.sub(r"^( *using namespace brian;)$", using, text, flags=re.M)
    macros = dict.fromkeys(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.M))
    ends = (f"#undef {macro}" for macro in macros)
    return "\n".join([f"namespace {unit} {{}}", text, *ends, ""])


def key(project: Project, make: Sequence[str]) -> str | None:
    """What the program depends on, as one number; None if that cannot be known.

    These are the generated sources and headers, the flags, the compiler with its version and the
    processor that it compiles for, and the version of Brian2. Not known is what libraries
    and source files of the user's own are made of.
    """
    if project.own or re.search(r"^LFLAGS.*\s-l", project.settings, re.M):
        return None
    command = [*make, "-f", MAKEFILE, "compiler"]
    answer = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    compiler = (answer.stdout + answer.stderr).replace(str(project.folder), "")
    if answer.returncode or "version" not in compiler:
        return None
    names = (MAKEFILE, *UNITS, *project.sources, *project.headers)
    return _digest(f"{brian2.__version__} {compiler}", project.folder, names)


#: Files that a command may compile.
SOURCES = (".cpp", ".cu", ".h", ".cuh")


def key_of_command(
    folder: Path, command: Sequence[str | Path], compilers: Sequence[str | Path]
) -> str | None:
    """The same for a program that one `command` makes of the sources and headers in `folder`."""
    answers = [subprocess.run([c, "--version"], capture_output=True, text=True) for c in compilers]
    if any(answer.returncode for answer in answers):
        return None
    words = [brian2.__version__, *(answer.stdout for answer in answers), *map(str, command)]
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SOURCES)
    names = [str(path.relative_to(folder)) for path in paths]
    return _digest("\n".join(words).replace(str(folder), ""), folder, names)


def _digest(text: str, folder: Path, names: Iterable[str]) -> str:
    """A `text` and the files called `names` in a `folder`, as one number."""
    digest = hashlib.sha256(text.encode())
    for name in names:
        content = (folder / name).read_bytes()
        digest.update(f"\n{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def files_read(project: Project) -> list[str]:
    """Files that the compiler has read besides those in the key, system headers among them."""
    text = "".join((project.folder / name).with_suffix(".d").read_text() for name in UNITS)
    words = re.split(r"(?<!\\)\s+", re.sub(r"^.*?:|\\\n", " ", text, flags=re.M))
    names = {word.replace("\\ ", " ") for word in words if word}
    return sorted(names - {*UNITS, *project.sources, *project.headers})


def _write(path: Path, text: str) -> None:
    """Only if it is another text: make goes by the time of writing."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def remove(folder: Path) -> None:
    """Remove what has been compiled."""
    for name in UNITS:
        for suffix in (".o", ".d"):
            (folder / name).with_suffix(suffix).unlink(missing_ok=True)


def stand_in(folder: Path) -> None:
    """Leave the files that Brian2 would have made, empty, in the place of the units.

    It deletes a program file by file, and names each that is not there.
    """
    if (folder / MAKEFILE).exists():
        sources = write(folder).sources
        remove(folder)
        for name in (MAKEFILE, *UNITS):
            (folder / name).unlink()
        (folder / "make.deps").touch()
        for source in sources:
            (folder / source).with_suffix(".o").touch()
