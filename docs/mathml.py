"""Formulas as MathML, which browsers show by themselves: no script, no font, no network."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

#: docutils leaves the size of these brackets, and the space beside them, to the browser.
BRACKETS = {
    "<mo>⟨</mo>": ">⟨",
    "<mo>⟩</mo>": ">⟩",
    '<mo class="mathopen">|</mo>': ' form="prefix">|',
    "<mo>|</mo>": ' form="postfix">|',
}


def write(self: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula, in the running text or alone."""
    block = isinstance(node, nodes.math_block)
    try:
        formula = tex2mathml(node.astext(), as_block=block)
        for found, written in BRACKETS.items():
            formula = formula.replace(found, f'<mo stretchy="false"{written}</mo>')
    except MathError as error:
        logger.warning("%s in %s", error, node.astext(), location=node)
        raise nodes.SkipNode from None
    self.body.append(f'<div class="formula">{formula}</div>\n' if block else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (write, None), (write, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
