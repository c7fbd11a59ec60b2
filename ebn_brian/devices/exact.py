"""Brian2's numpy target with the exponentials, logarithms and powers of the C library.

Where the processor has AVX-512, numpy takes its own for arrays, and these differ from all other
targets' in the last bit. The functions here call the C library for each element.
"""

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
from brian2.codegen.generators.numpy_generator import NumpyCodeGenerator
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.codegen.targets import codegen_targets
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.parsing.rendering import NumpyNodeRenderer
from brian2.utils.stringtools import word_substitute
from scipy.special import inv_boxcox, xlogy

#: Its name among Brian2's targets.
NAME = "numpy_exact"


def in_double(function: Callable[..., Any], numpys: Callable[..., Any]) -> Callable[..., Any]:
    """`function` where all is double precision, else `numpys`."""

    def either(*values: Any) -> Any:
        return (function if np.result_type(*values) == np.float64 else numpys)(*values)

    return either


#: By name in equations. With these arguments scipy's functions are the plain ones.
EXACT = {
    "exp": in_double(lambda x: inv_boxcox(x, 0.0), np.exp),
    "log": in_double(lambda x: xlogy(1.0, x), np.log),
}
POWER = in_double(np.float_power, np.power)
#: Exponents of which compilers make a product or a quotient, as numpy does.
PLAIN = (-1, 0, 1, 2)


class ExactRenderer(NumpyNodeRenderer):  # type: ignore[misc]
    """Writes powers as a function."""

    def render_BinOp(self, node: ast.BinOp) -> str:
        plain = getattr(node.right, "value", None) in PLAIN
        if type(node.op).__name__ == "Pow" and not plain:
            return f"_power({self.render_node(node.left)}, {self.render_node(node.right)})"
        text: str = super().render_BinOp(node)
        return text


class ExactGenerator(NumpyCodeGenerator):  # type: ignore[misc]
    """Brian2's numpy generator, but for powers."""

    class_name = NAME

    def translate_expression(self, expr: str) -> str:
        expr = word_substitute(expr, self.func_name_replacements)
        renderer = ExactRenderer(auto_vectorise=self.auto_vectorise)
        text: str = renderer.render_expr(expr, self.variables)
        return text.strip()


class ExactCodeObject(NumpyCodeObject):  # type: ignore[misc]
    """Brian2's numpy code object with `EXACT` in the place of numpy's functions."""

    class_name = NAME
    generator_class = ExactGenerator

    def variables_to_namespace(self) -> None:
        super().variables_to_namespace()
        self.namespace["_power"] = POWER
        for name, function in EXACT.items():
            if self.variables.get(name) is DEFAULT_FUNCTIONS[name]:
                self.namespace[name] = function


codegen_targets.add(ExactCodeObject)
