"""What tests of the command line are given."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

Run = Callable[..., Result]
"""Runs ``streamer`` with arguments; ``input`` is its standard input, ``env`` added to the environment."""
