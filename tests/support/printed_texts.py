"""Extract the texts that code prints, as templates: ``{}`` for each value, a counted noun in the plural."""

from __future__ import annotations

import ast


def template(node: ast.JoinedStr) -> str:
    """Return the template of an f-string; ``{Count(n):|record}`` is ``{} records``, and ``{Count(n):~is|are}`` is ``are``."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else _value(part) for part in node.values)


def spec_of(value: ast.expr) -> str:
    """Return the format spec of a value in an f-string, if it is a plain text."""
    match value:
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=[ast.Constant(value=str(spec))])):
            return spec
    return ""


def _value(value: ast.expr) -> str:
    spec = spec_of(value)
    if spec[:1] not in ("|", "~") or not spec:
        return "{}"
    one, _, many = spec[1:].partition("|")
    word = many or one + "s"
    return word if spec[0] == "~" else f"{{}} {word}"
