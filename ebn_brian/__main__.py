"""The command ``ebn``: what this machine can do and, in a checkout, every study.

A study is a folder of ``studies`` with a ``__main__.py``, or a module that runs as a command. It is
no part of the installed package, so it runs as ``python -m studies.NAME`` in a process of its own,
which also is the command that its results name.
"""

import ast
import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import click

import ebn_brian
from ebn_brian.compiling.command import main as cache
from ebn_brian.machine import main as machine

NO_STUDIES = "Studies come with a checkout of the source: `ebn NAME` runs them in its folder."
#: Exit code of a shell's command that Ctrl-C ended.
INTERRUPTED = 128 + signal.SIGINT
#: Seconds that an interrupted study has to end by itself.
PATIENCE = 3


def find_studies() -> Path | None:
    """The folder of studies: beside the package, else in the current folder."""
    for root in (Path(ebn_brian.__file__).parents[1], Path.cwd()):
        if (root / "studies" / "lab" / "__init__.py").is_file():
            return root / "studies"
    return None


def is_study(path: Path) -> bool:
    """Whether it is a folder with ``__main__.py``, or a module that runs as a command."""
    if path.is_dir():
        return (path / "__main__.py").is_file()
    return path.suffix == ".py" and any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in parsed(path).body
    )


def description(path: Path) -> str:
    """First line of a study's docstring, read without an import."""
    text = ast.get_docstring(parsed(path / "__init__.py" if path.is_dir() else path)) or ""
    return text.partition("\n")[0]


def parsed(path: Path) -> ast.Module:
    """The module of a file; an empty one if there is no file."""
    return ast.parse(path.read_bytes() if path.exists() else b"", filename=path)


def studies() -> dict[str, Path]:
    """All studies by name, none without a checkout."""
    folder = find_studies()
    paths = sorted(folder.iterdir()) if folder else []
    return {path.stem: path for path in paths if is_study(path)}


def run(path: Path, arguments: list[str]) -> int:
    """Run a study and return its exit code, as a shell gives it."""
    root = str(path.parents[1])
    environment = os.environ.copy()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.getenv("PYTHONPATH")]))
    # -P: else a folder `studies` of the current folder would come before the checkout's
    command = [sys.executable, "-P", "-m", f"studies.{path.stem}", *arguments]
    with subprocess.Popen(command, env=environment) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            code = process.wait()
        except KeyboardInterrupt:  # a terminal interrupts both, `kill -INT` only this process
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.send_signal(signal.SIGINT)
            return INTERRUPTED
    return code if code >= 0 else 128 - code


class Study(click.Command):
    """A study, to which all arguments go as they are."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, help=description(path), add_help_option=False)
        self.path = path

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave them to the study."""
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> None:
        """Run it and exit as it did."""
        ctx.exit(run(self.path, ctx.args))


class Commands(click.Group):
    """The package's commands, and one for each study that is there."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; UsageError where there are no studies that it could be."""
        if command := super().get_command(ctx, cmd_name):
            return command
        if find_studies() is None:
            raise click.UsageError(f"No such command '{cmd_name}'. {NO_STUDIES}", ctx)
        path = studies().get(cmd_name)
        return Study(path) if path else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the studies after the commands."""
        super().format_commands(ctx, formatter)
        with formatter.section("Studies"):
            if rows := [(name, description(path)) for name, path in studies().items()]:
                formatter.write_dl(rows)
            else:
                formatter.write_text(NO_STUDIES)


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(
    package_name="ebn_brian", message=f"%(package)s %(version)s, Brian2 {version('brian2')}"
)
@click.pass_context
def main(context: click.Context) -> None:
    """Spiking networks with device mismatch that learn a balanced code on chip, in Brian2."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


main.add_command(machine)
main.add_command(cache)

if __name__ == "__main__":
    main()
