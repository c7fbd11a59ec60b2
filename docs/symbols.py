"""Directive ``symbols``: the table of symbols in a module's docstring, so that none is copied."""

import re
from importlib import import_module

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def rows(docstring: str) -> list[list[str]]:
    """Cells of the RST table in `docstring`; the first one of a row may reach into the second.

    A line without a symbol goes on with the last cell.
    """
    lines = docstring.splitlines()
    rules = [k for k, line in enumerate(lines) if line.startswith("==")]
    starts = [match.start() for match in re.finditer("=+", lines[rules[0]])]
    cells = []
    for line in lines[rules[0] + 1 : rules[-1]]:
        if line.startswith("=="):
            continue
        if not line[: starts[2]].strip():  # the row goes on
            cells[-1][-1] += " " + line.strip()
            continue
        symbol, unit = re.fullmatch(r"(``.*?``|\S+)\s*(.*)", line[: starts[2]].rstrip()).groups()
        rest = [line[a:b].strip() for a, b in zip(starts[2:], [*starts[3:], None], strict=True)]
        cells.append([symbol, unit, *rest])
    return cells


class Symbols(SphinxDirective):
    """``.. symbols:: ebn_brian.equations.lif``"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        module = import_module(name)
        self.env.note_dependency(module.__file__)
        text = [".. list-table::", "   :header-rows: 1", "   :width: 100%", ""]
        for row in rows(module.__doc__):
            text += [f"   {'* -' if k == 0 else '  -'} {cell}" for k, cell in enumerate(row)]
        box = nodes.container()
        self.state.nested_parse(StringList(text, name), 0, box)
        return box.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_directive("symbols", Symbols)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
