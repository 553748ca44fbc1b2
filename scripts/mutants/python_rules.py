"""Faults of Python sources, from the syntax tree. Each rule is a function of a node."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from .mutation import Edit

CHECKS = re.compile(r"_?(check|claim|need|require|assert|expect|defer)(_\w+)?")
"""Calls whose result nobody reads: they fail, or record what has to hold."""
ACCOUNTING = {"error", "count_round", "begin"}
"""Calls that say nothing of what is accepted."""
SYMMETRIC = {"check", "eq", "eq_bit", "eq_real", "max", "min", "zip", "isinstance", "getattr", "range"}
"""Calls whose arguments may change places, or whose change breaks every run at once."""
CHALLENGES = {"c", "challenges"}
"""Names of dictionaries of challenges."""
FIXED = 5
"""What a challenge becomes."""
RELAXED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}

Found = Iterator[tuple[str, ast.AST, str]]
"""(rule, node, what its text becomes)"""


class _Source:
    """Text of nodes; offsets of ast count UTF-8 bytes of a line."""

    def __init__(self, text: str):
        self.text = text
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.lines = text.splitlines(keepends=True)

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self.at(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.at(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]


def python_edits(text: str) -> list[Edit]:
    """Every edit of every rule. Some leave what is no program, or the same one: `is_other_program`."""
    source, tree = _Source(text), ast.parse(text)
    edits = []
    for function, node in _walk(tree, ""):
        for rule in RULES:
            for name, target, new in rule(node, source):
                edits.append(Edit(name, function or "module", *source.span(target), new))
        for rule_of_spans in (_comparisons, _elements):
            for name, start, end, new in rule_of_spans(node, source):
                edits.append(Edit(name, function or "module", start, end, new))
    return edits


def is_other_program(text: str, original: str) -> bool:
    try:
        return ast.dump(ast.parse(text)) != ast.dump(ast.parse(original))
    except SyntaxError:
        return False


def _walk(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Nodes that compute, with the dotted name of what they are in: no annotations, no messages, no
    docstrings, no assertions (they are the type checker's)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert | ast.JoinedStr | ast.arg | ast.Import | ast.ImportFrom):
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Expr) and _called(child.value) in ACCOUNTING:
            continue
        if child in getattr(node, "decorator_list", ()) or child is getattr(node, "returns", None):
            continue
        if isinstance(node, ast.AnnAssign) and child is node.annotation:
            continue
        if isinstance(node, ast.Subscript) and child is node.slice and isinstance(child, ast.Tuple):
            continue  # of a type
        inside = function
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}" if function else child.name
        yield inside, child
        if not isinstance(child, ast.Raise):
            yield from _walk(child, inside)


def _called(node: ast.AST) -> str:
    """Name of the function or method that a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def drop_check(node: ast.AST, source: _Source) -> Found:
    """A check, a claim or a refusal does not happen."""
    if isinstance(node, ast.Expr) and CHECKS.fullmatch(_called(node.value)):
        yield "drop-check", node, "pass"
    if isinstance(node, ast.Raise) and node.cause is None:
        yield "drop-check", node, "pass"
    # a named condition: (name, whether it holds)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield):
        if isinstance(node.value.value, ast.Tuple):
            yield "drop-check", node, "yield from ()"


def drop_statement(node: ast.AST, source: _Source) -> Found:
    """A sum does not grow, an entry is not written."""
    if isinstance(node, ast.AugAssign):
        yield "drop-statement", node, "pass"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        yield "drop-statement", node, "pass"


def _are_numbers(node: ast.BinOp) -> bool:
    """As far as the syntax tells: no strings, no sequences."""
    return not any(
        isinstance(x, ast.List | ast.Tuple | ast.JoinedStr)
        or (isinstance(x, ast.Constant) and isinstance(x.value, str))
        for x in (node.left, node.right)
    )


def drop_term(node: ast.AST, source: _Source) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        if _are_numbers(node):
            yield "drop-term", node, f"({source.of(node.left)})"
            if isinstance(node.op, ast.Add):
                yield "drop-term", node, f"({source.of(node.right)})"


def drop_factor(node: ast.AST, source: _Source) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        if _are_numbers(node):
            yield "drop-factor", node, f"({source.of(node.left)})"
            yield "drop-factor", node, f"({source.of(node.right)})"


def drop_operand(node: ast.AST, source: _Source) -> Found:
    """One of several conditions is not asked for."""
    if isinstance(node, ast.BoolOp):
        word = " and " if isinstance(node.op, ast.And) else " or "
        for i in range(len(node.values)):
            rest = node.values[:i] + node.values[i + 1 :]
            yield "drop-operand", node, "(" + word.join(f"({source.of(v)})" for v in rest) + ")"


def drop_element(node: ast.AST, source: _Source) -> Found:
    """A loop leaves out its first or last round."""
    if isinstance(node, ast.For | ast.comprehension):
        for cut in ("[1:]", "[:-1]"):
            yield "drop-element", node.iter, f"[*{_starred(node.iter, source)}]{cut}"


def _starred(node: ast.expr, source: _Source) -> str:
    text = source.of(node)
    return text if isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript) else f"({text})"


def constant_challenge(node: ast.AST, source: _Source) -> Found:
    """A challenge is drawn, and another value used: the same for every statement."""
    if _called(node) == "challenge":
        yield "constant-challenge", node, f"({source.of(node)} * 0 + {FIXED})"
    if _called(node) == "challenges":
        yield "constant-challenge", node, f"[c * 0 + {FIXED} for c in {source.of(node)}]"
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in CHALLENGES:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            yield "constant-challenge", node, str(FIXED)


def off_by_one(node: ast.AST, source: _Source) -> Found:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "off-by-one", node, str(node.value + 1)
        if node.value:
            yield "off-by-one", node, str(node.value - 1)
    if isinstance(node, ast.keyword) and node.arg == "bits":
        yield "off-by-one", node.value, f"{source.of(node.value)} + 1"


def swap_arguments(node: ast.AST, source: _Source) -> Found:
    if isinstance(node, ast.Call) and _called(node) not in SYMMETRIC:
        for i, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False)):
            if any(isinstance(x, ast.Starred | ast.JoinedStr | ast.Lambda) for x in (a, b)):
                continue
            if any(isinstance(x, ast.Constant) and isinstance(x.value, str) for x in (a, b)):
                continue
            args = [source.of(x) for x in node.args]
            args[i], args[i + 1] = args[i + 1], args[i]
            rest = [
                f"{k.arg}={source.of(k.value)}" if k.arg else f"**{source.of(k.value)}" for k in node.keywords
            ]
            yield "swap-arguments", node, f"{source.of(node.func)}({', '.join(args + rest)})"


def drop_keyword(node: ast.AST, source: _Source) -> Found:
    """A flag is not given."""
    if isinstance(node, ast.keyword) and node.arg != "strict":
        if isinstance(node.value, ast.Constant) and node.value.value is True:
            yield "drop-keyword", node.value, "False"


RULES: tuple[Callable[[ast.AST, _Source], Found], ...] = (
    drop_check,
    drop_statement,
    drop_term,
    drop_factor,
    drop_operand,
    drop_element,
    constant_challenge,
    off_by_one,
    swap_arguments,
    drop_keyword,
)


def _comparisons(node: ast.AST, source: _Source) -> Iterator[tuple[str, int, int, str]]:
    """A bound admits one value more or one fewer; an equality is taken to hold."""
    if not isinstance(node, ast.Compare):
        return
    operands = [node.left, *node.comparators]
    for left, op, right in zip(operands, node.ops, node.comparators, strict=False):
        start, end = source.span(left)[1], source.span(right)[0]
        if type(op) in RELAXED:
            old, new = RELAXED[type(op)]
            between = source.text[start:end]
            yield "comparison", start, end, between.replace(old, new, 1)
        elif isinstance(op, ast.Eq | ast.NotEq) and len(node.ops) == 1:
            yield "comparison", *source.span(node), str(isinstance(op, ast.Eq))


def _elements(node: ast.AST, source: _Source) -> Iterator[tuple[str, int, int, str]]:
    """A list, a tuple or a dictionary lacks one of its elements."""
    if isinstance(node, ast.Dict):
        spans = [
            (source.span(v if k is None else k)[0] - 2 * (k is None), source.span(v)[1])
            for k, v in zip(node.keys, node.values, strict=True)
        ]
    elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
        spans = [source.span(e) for e in node.elts]
    else:
        return
    if len(spans) < (3 if isinstance(node, ast.Tuple) else 2):
        return
    for i, (start, _) in enumerate(spans[:-1]):
        yield "drop-element", start, spans[i + 1][0], ""
    yield "drop-element", spans[-2][1], spans[-1][1], ""
