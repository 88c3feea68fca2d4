"""Set up the console's templates: their globals and text filters."""

from __future__ import annotations

import re
from typing import Final

import jinja2
from markupsafe import Markup, escape

from schemas.screen_text import block, shown_value


def templates() -> jinja2.Environment:
    """Return the template environment, which escapes all text and rejects unknown names."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("streamer.web.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["typed"] = typed
    made.filters["breakable"] = breakable
    made.filters["dated"] = dated
    made.filters["block"] = lambda text: Markup(escape(block(text)))
    return made


_TYPED: Final = re.compile("`([^`]+)`")


def typed(text: str) -> Markup:
    """Return a sentence in which backticks mark input, as markup.

    >>> typed("run `streamer worker` <now>")
    Markup('run <code>streamer worker</code> &lt;now&gt;')
    """
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(shown_value(text)))))


_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def dated(text: str) -> Markup:
    """Return a sentence as markup in which dates do not wrap at their hyphens.

    >>> dated("for 2026-11-28 <now>")
    Markup('for <span class="whole">2026-11-28</span> &lt;now&gt;')
    """
    return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', str(escape(shown_value(text)))))


def breakable(name: str) -> Markup:
    """Return a name that may be wrapped after its underscores.

    >>> breakable("p_buy<")
    Markup('p_<wbr>buy&lt;')
    """
    return Markup(escape(shown_value(name))).replace("_", Markup("_<wbr>"))


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) else shown_value(value)
