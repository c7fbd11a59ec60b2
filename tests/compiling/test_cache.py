"""Programs are compiled once; one that is kept is never another than the one that was asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ebn_brian.__main__ import main as ebn
from ebn_brian.compiling import cache, compile_by, compile_cpp, units

FLAGS = "-O3 -march=native"
MAKEFILE = """\
SRCS = code_objects/one.cpp code_objects/two.cpp main.cpp network.cpp objects.cpp run.cpp {own}
H_SRCS = objects.h
OPTIMISATIONS = {flags}
CXXFLAGS = -c $(OPTIMISATIONS) -I.
LFLAGS = {link}
main: ; echo $(SRCS) | xargs -n1 $(CXX) $(CXXFLAGS) && $(CXX) $(notdir $(SRCS:.cpp=.o)) -o main
"""
CODE = """\
#include "objects.h"
#include "brianlib/more.h"
{include}
#define FACTOR {factor}
namespace {{
    int mine() {{ return FACTOR; }}
}}
void _run_{name}()
{{
    using namespace brian;
    sum += mine() * MORE;
}}
"""
FILES = {
    "objects.h": "namespace brian { extern int sum; }\nvoid _run_one(), _run_two();\n",
    "objects.cpp": '#include "objects.h"\nint brian::sum = 0;\n',
    "network.cpp": "",
    "run.cpp": "",
    "main.cpp": '#include <cstdio>\n#include "objects.h"\n'
    "int main() { _run_one(); _run_two(); std::printf(\"%d\", brian::sum); }\n",
    "brianlib/more.h": "#define MORE 1\n",
}  # fmt: skip


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    """Programs are kept in a folder of the test's own, and each call of the compiler is noted."""
    compiler = tmp_path / "compiler"
    compiler.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("EBN_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def project(tmp_path):
    """Writes a project as Brian2 does, to a new folder or the one that is given."""

    def write(folder: Path | None = None, factors=(2, 3), include="", own="", link="", **files):
        folder = folder or tmp_path / f"project_{len(list(tmp_path.glob('project_*')))}"
        objects = {
            f"code_objects/{name}.cpp": CODE.format(name=name, factor=factor, include=include)
            for name, factor in zip(("one", "two"), factors, strict=True)
        }
        flags = files.pop("flags", FLAGS)
        makefile = MAKEFILE.format(own=own, link=link, flags=flags)
        for name, text in (FILES | objects | {"makefile": makefile} | files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        return folder

    return write


def result(folder: Path) -> int:
    """What the compiled program prints."""
    compile_cpp(folder, ["make"])
    return int(subprocess.run([folder / "main"], capture_output=True, check=True).stdout)


def n_compiled(tmp_path: Path) -> int:
    """How often the unit with the code objects has been compiled."""
    calls = tmp_path / "calls"
    return calls.read_text().count(" code.cpp ") if calls.exists() else 0


class TestUnits:
    def test_two_units(self, project):
        """What code objects keep to themselves has the same names in both."""
        folder = project()
        assert result(folder) == 5
        assert {path.name for path in folder.glob("*.o")} == {"frame.o", "code.o"}

    def test_what_is_no_unit_is_compiled_file_by_file(self, project, kept):
        folder = project(include="static int of_both;")
        assert result(folder) == 5
        assert (folder / "two.o").exists()
        assert not cache.programs(kept)

    def test_sources_of_the_users_own(self, project, tmp_path, kept):
        (tmp_path / "mine.cpp").write_text("int own() { return 7; }\n")
        folder = project(include="int own();", own=str(tmp_path / "mine.cpp"))
        (folder / "code_objects/one.cpp").write_text(
            CODE.format(name="one", factor="own()", include="int own();")
        )
        assert result(folder) == 10
        assert not cache.programs(kept)

    def test_an_error_tells_the_file(self, project):
        folder = project(factors=(2, "nothing"))
        with pytest.raises(
            RuntimeError, match=r"(?s)does not compile \(make in .*two\.cpp.*nothing"
        ):
            compile_cpp(folder, ["make"])


class TestCache:
    def test_compiled_once(self, project, tmp_path, kept):
        assert result(project()) == result(project()) == 5
        assert n_compiled(tmp_path) == len(cache.programs(kept)) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"factors": (2, 4)},
            {"flags": f"{FLAGS} -DNOTHING"},
            {"objects.h": FILES["objects.h"] + "// more\n"},
            {"main.cpp": FILES["main.cpp"] + "// more\n"},
            {"brianlib/more.h": "#define MORE 2\n"},
        ],
    )
    def test_another_program(self, project, tmp_path, kept, change):
        before = result(project())
        assert (result(project(**change)) == before) == ("//" in str(change) or "flags" in change)
        assert n_compiled(tmp_path) == 2

    def test_a_header_from_elsewhere(self, project, tmp_path):
        header = tmp_path / "users.h"
        for value in (1, 22):
            header.write_text(f"#undef MORE\n#define MORE {value}\n")
            for _ in range(2):
                assert result(project(include=f'#include "{header}"')) == 5 * value
        assert n_compiled(tmp_path) == 2

    def test_in_one_folder(self, project, tmp_path):
        """Programs follow each other in a folder, as with ``set_device``."""
        folder = project()
        assert [result(project(folder, factors=(2, f))) for f in (3, 4, 3, 4, 5)] == [5, 6, 5, 6, 7]
        assert n_compiled(tmp_path) == 3
        compile_cpp(folder, ["make"], afresh=True)
        assert n_compiled(tmp_path) == 4

    def test_libraries_are_not_looked_into(self, project, kept):
        assert result(project(link="-lm")) == 5
        assert not cache.programs(kept)

    def test_another_compiler(self, project, tmp_path):
        result(project())
        compiler = tmp_path / "compiler"
        compiler.write_text(compiler.read_text().replace("g++", "g++ -DOTHER"))
        assert result(project()) == 5
        assert n_compiled(tmp_path) == 2

    @pytest.mark.parametrize("place", ["", "/dev/null/nowhere"])
    def test_nothing_is_kept(self, project, tmp_path, monkeypatch, place):
        monkeypatch.setenv("EBN_CACHE", place)
        assert result(project()) == result(project()) == 5
        assert n_compiled(tmp_path) == 2

    def test_a_damaged_program(self, project, tmp_path, kept):
        result(project())
        [(_, _, path)] = cache.programs(kept)
        for damaged in ("main", "files.json"):
            (path / damaged).write_bytes((path / damaged).read_bytes()[:-100])
            assert result(project()) == 5
        assert n_compiled(tmp_path) == 3

    def test_processes_that_build_at_once(self, project, tmp_path):
        code = "import sys; from pathlib import Path; from ebn_brian.compiling import compile_cpp\n"
        code += "compile_cpp(Path(sys.argv[1]), ['make'])"
        folders = [project() for _ in range(2)]
        started = [subprocess.Popen([sys.executable, "-c", code, folder]) for folder in folders]
        assert [process.wait() for process in started] == [0, 0]
        assert all((folder / "main").exists() for folder in folders)
        assert n_compiled(tmp_path) == 1

    def test_those_used_longest_ago_go(self, project, kept, monkeypatch):
        result(project())
        (_, size, first), *_ = cache.programs(kept)
        os.utime(first, (1, 1))
        monkeypatch.setattr(cache, "LIMIT", 2.5 * size)
        result(project(factors=(3, 3)))
        assert len(cache.programs(kept)) == 2
        result(project(factors=(4, 4)))
        assert len(cache.programs(kept)) == 2
        assert not first.exists()

    def test_the_command(self, project, kept):
        def invoke(*options: str) -> str:
            return CliRunner().invoke(ebn, ["cache", *options], catch_exceptions=False).output

        result(project())
        assert f"{kept}: 1 programs, 0.0 of at most 512 MB" in invoke()
        assert "removed" in invoke("--clear")
        assert f"{kept}: 0 programs" in invoke()
        assert (
            "EBN_CACHE is empty" in CliRunner().invoke(ebn, ["cache"], env={"EBN_CACHE": ""}).output
        )


def test_brian2_finds_what_it_deletes(project):
    folder = project()
    result(folder)
    units.stand_in(folder)
    (folder / "code_objects/one.o").unlink()
    assert not list(folder.glob("*.d"))
    assert {path.name for path in folder.glob("*.o")} == {
        "main.o",
        "network.o",
        "objects.o",
        "run.o",
    }


class TestCommand:
    """Programs that one command makes, as for CUDA."""

    @pytest.fixture
    def compiled(self, tmp_path):
        """Compiles one file with a header, in a folder of its own, and tells what it prints."""

        def compile_one(number=3, flags=(), compiler=None):
            folder = tmp_path / f"command_{len(list(tmp_path.glob('command_*')))}"
            (folder / "more").mkdir(parents=True)
            (folder / "more/number.h").write_text(f"#define NUMBER {number}\n")
            (folder / "one.cpp").write_text(
                '#include <cstdio>\n#include "more/number.h"\n'
                'int main() { std::printf("%d", NUMBER FACTOR); }\n'
            )
            compiler = compiler or os.environ["CXX"]
            command = [compiler, *(flags or ["-DFACTOR="]), f"-I{folder}", "one.cpp", "-o", "main"]
            compile_by(folder, command, [compiler])
            return int(subprocess.run([folder / "main"], capture_output=True, check=True).stdout)

        return compile_one

    @pytest.fixture
    def times(self, tmp_path):
        return lambda: (tmp_path / "calls").read_text().count("one.cpp")

    def test_compiled_once(self, compiled, times, kept):
        assert compiled() == compiled() == 3
        assert times() == 1
        assert len(cache.programs(kept)) == 1

    def test_a_header_or_a_flag_has_changed(self, compiled, times):
        flags = ["-DFACTOR=*2"]
        assert [compiled(), compiled(4), compiled(4, flags), compiled(4)] == [3, 4, 8, 4]
        assert times() == 3

    @pytest.mark.parametrize(("last", "n"), [("echo 1", 1), ("echo 2", 2), ("false", 2)])
    def test_version(self, last, n, compiled, times, tmp_path):
        """Another one compiles anew, and so does a compiler that does not tell."""
        compiler = tmp_path / "other"
        for answer in ("echo 1", "echo 1", last):
            compiler.write_text(
                f'#!/bin/sh\nif test "$1" = --version; then {answer}; exit; fi\nexec $CXX "$@"\n'
            )
            compiler.chmod(0o755)
            assert compiled(compiler=str(compiler)) == 3
        assert times() == n
