"""What the fused step must know of a code object: its text, and which arrays it touches how."""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from brian2 import BinomialFunction, Function, TimedArray
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator, c_data_type
from brian2.codegen.statements import Statement
from brian2.codegen.targets import codegen_targets
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.variables import ArrayVariable, Constant, DynamicArrayVariable, Variable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import get_device
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.utils.stringtools import word_substitute

#: Statements by the name of their block.
Statements = Mapping[str | None, Sequence[Statement]]
#: Lines of C++ by the name of their block.
Lines = dict[str | None, list[str]]
#: The functions that come with Brian2; users may add theirs to its dictionary.
DEFAULTS = tuple(DEFAULT_FUNCTIONS.values())


@dataclass
class Translation:
    """Brian2's C++ text of one code object, and its use of arrays.

    `read` and `written` hold pairs (variable, name of the index by which it is used).
    """

    scalar_code: Lines
    vector_code: Lines
    keywords: dict[str, Any]
    read: set[tuple[Variable, str]] = field(default_factory=set)
    written: set[tuple[Variable, str]] = field(default_factory=set)


def is_logical(node: ast.AST, names: Collection[str]) -> bool:
    """Whether variables called `names` are only parts of and, or and not in an expression."""
    match node:
        case ast.Name():
            return True
        case ast.BoolOp():
            return all(is_logical(part, names) for part in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return is_logical(node.operand, names)
    return not any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node))


class SingleRenderer(CPPNodeRenderer):  # type: ignore[misc]
    """Writes floating point constants in single precision."""

    def render_Constant(self, node: ast.Constant) -> str:
        text: str = super().render_Constant(node)
        return f"{text}f" if isinstance(node.value, float) else text


class Generator(CPPCodeGenerator):  # type: ignore[misc]
    """Brian2's C++ generator, which also remembers what it has generated."""

    #: Translations by name of the code object, until the device collects them.
    translations: ClassVar[dict[str, Translation]] = {}

    def translate_statement_sequence(
        self, sc_statements: Statements, ve_statements: Statements
    ) -> tuple[Lines, Lines, dict[str, Any]]:
        scalar, vector, keywords = super().translate_statement_sequence(
            sc_statements, ve_statements
        )
        translation = Translation(scalar, vector, keywords)
        for statements in (*sc_statements.values(), *ve_statements.values()):
            read, write, indices, _ = self.arrays_helper(statements)
            for names, uses in (
                (read | indices, translation.read),
                (write, translation.written),
            ):
                uses |= {(self.variables[name], self.variable_indices[name]) for name in names}
        self.translations[self.name] = translation
        return scalar, vector, keywords

    def translate_expression(self, expr: str) -> str:
        """As Brian2, in single precision without its double constants if the device says so."""
        text: str
        if not getattr(get_device(), "single_arithmetic", False):
            text = super().translate_expression(expr)
            return text
        expr = word_substitute(expr, self.func_name_replacements)
        text = SingleRenderer(auto_vectorise=self.auto_vectorise).render_expr(expr)
        return text.strip()

    def translate_to_read_arrays(
        self, read: set[str], write: set[str], indices: set[str]
    ) -> list[str]:
        lines: list[str] = super().translate_to_read_arrays(read, write, indices)
        if getattr(get_device(), "single_arithmetic", False):
            lines = [line.replace("const double dt =", "const float dt =") for line in lines]
        return lines

    def translate_statement(self, statement: Statement) -> str:
        """As Brian2, with logical operators that evaluate both sides, which GCC can vectorise."""
        booleans = statement.used_boolean_variables or ()
        tree = ast.parse(statement.expr.strip(), mode="eval").body
        branches = not (statement.dtype in (bool, np.bool_) and is_logical(tree, booleans))
        if not branches:
            statement.used_boolean_variables = None  # Brian2 would branch on each
        line: str = super().translate_statement(statement)
        if branches:
            return line
        if statement.var == "_cond":
            line = line.replace("const char _cond", "const bool _cond")
        if not is_random(self) and is_total(self, line):
            left, _, right = line.partition("=")
            right = word_substitute(right, {name: f"({name} != 0)" for name in booleans})
            line = f"{left}={right}".replace("&&", "&").replace("||", "|")
        return line


class FusedCodeObject(CPPStandaloneCodeObject):  # type: ignore[misc]
    """C++ standalone code object that keeps what its text was made of."""

    templater = CPPStandaloneCodeObject.templater.derive(__package__)
    generator_class = Generator
    template_name: str
    template_kwds: dict[str, Any]
    translation: Translation
    """Not there if it was made of no statements."""


codegen_targets.add(FusedCodeObject)


def functions(codeobj: FusedCodeObject | Generator) -> dict[str, Function]:
    """The functions that a code object (or its generator) calls, dependencies included, by name."""
    return {n: v for n, v in codeobj.variables.items() if isinstance(v, Function)}


def own_functions(codeobj: FusedCodeObject | Generator) -> dict[str, Function]:
    """Those of the functions that are the user's own and not Brian2's."""
    return {
        name: f
        for name, f in functions(codeobj).items()
        if not (f in DEFAULTS or isinstance(f, TimedArray | BinomialFunction))
    }


def is_random(codeobj: FusedCodeObject | Generator) -> bool:
    """Whether it calls functions whose value depends on the order of calls."""
    return any(not f.stateless or f.auto_vectorise for f in functions(codeobj).values())


def is_total(codeobj: FusedCodeObject | Generator, text: str) -> bool:
    """Whether the C++ `text` of a code object (or generator) may be executed on any state.

    Not with a function of the user's own, which may look something up; nor with a division of
    whole numbers, which ends the program at zero.
    """
    return not own_functions(codeobj) and not any(
        name in text for name in ("_brian_mod", "_brian_floordiv")
    )


def why_not_anywhere(codeobj: FusedCodeObject) -> str | None:
    """Why C++ functions of the user's own must stay in a file of their own, or None.

    Brian2 takes a function for stateless unless told otherwise, so it is pure only where it says so
    (``function.pure = True``); any other is called as Brian2's own code calls it.
    """
    for name, function in own_functions(codeobj).items():
        if not function.stateless:
            return f"calls {name}, which has a state"
        if not getattr(function, "pure", False):
            return f"calls {name}, which may have a state (if it has none: {name}.pure = True)"
        if "#" in str(function.implementations[FusedCodeObject].get_code(codeobj.owner)):
            return f"calls {name}, whose C++ has preprocessor directives"
    return None


def constants(codeobj: FusedCodeObject, device: CPPStandaloneDevice) -> list[str]:
    """C++ definitions of the constants and of the pointers into dynamic arrays."""
    lines = []
    for name, var in codeobj.variables.items():
        if isinstance(var, Constant):
            value = CPPNodeRenderer().render_expr(repr(var.value))
            dtype = c_data_type(var.dtype)
            dtype = "float" if dtype == "double" and device.single_arithmetic else dtype
            lines.append(f"const {dtype} {name} = {value};")
        elif isinstance(var, DynamicArrayVariable) and var.ndim == 1:
            vector, array = device.dynamic_arrays[var], device.arrays[var]
            lines.append(f"{c_data_type(var.dtype)}* const {array} = {vector}.data();")
            lines.append(f"const size_t _num{name} = {vector}.size();")
        elif isinstance(var, ArrayVariable) and getattr(var, "ndim", 1) == 1:
            lines.append(f"const size_t _num{name} = {var.size};")
    return list(dict.fromkeys(lines))
