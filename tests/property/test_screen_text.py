"""Test that any text loses everything that controls a screen, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import logging
import unicodedata
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.table import Table

from schemas.screen_text import block, json_text, line
from streamer.act import render
from streamer.commands.common import Screen
from streamer.sources.rejects import Rejects, RejectsPath
from streamer.telemetry import logs

DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"
ANY = st.text(st.characters())
HOSTILE = st.text(
    st.one_of(
        st.characters(max_codepoint=0xA0),
        st.sampled_from("\x1b\x9b\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ud83d" + MARKS),
        st.characters(),
    )
)
READABLE = [
    "مرحبا بالعالم",
    "שלום עולם",
    "می‌خواهم",  # Persian: the joiner U+200C is part of the word
    "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️",  # emoji: joiners, tags and variation selectors
    "café, Zoë, Łódź, 北京市, ภาษาไทย, हिन्दी",
    "a\u00a0b\u00adc\ufeffd",
]


def commands(char: str) -> bool:
    """Return whether a character may not reach a screen; written independently of the tested code."""
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in DIRECTION
        or char in MARKS
    )


def shown(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "" if char in MARKS else short.get(char, f"\\u{ord(char):04x}")


@given(st.one_of(ANY, HOSTILE))
def test_each_character_is_kept_or_shown(text: str) -> None:
    assert line(text) == "".join(shown(char) if commands(char) else char for char in text)
    assert block(text) == "".join(shown(char) if commands(char) and char not in "\n\t" else char for char in text)
    assert line(line(text)) == line(text)


def test_every_character_there_is() -> None:
    for code in range(0x110000):
        char = chr(code)
        assert line(char) == (shown(char) if commands(char) else char), hex(code)


@pytest.mark.parametrize("text", READABLE)
def test_readable_texts_stay_as_they_are(text: str) -> None:
    assert line(text) == block(text) == json_text(text) == text


@given(st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(HOSTILE, inner), max_leaves=5))
def test_json_is_read_back_as_it_was(value: object) -> None:
    text = json_text(json.dumps(value, ensure_ascii=False))
    assert not any(commands(char) for char in text)
    assert json.loads(text) == value


@given(HOSTILE)
def test_a_console_shows_no_command_and_no_markup(text: str) -> None:
    for terminal in (False, True):
        out = io.StringIO()
        screen = Screen(file=out, force_terminal=terminal, color_system=None, markup=False, emoji=False, width=200)
        screen.print(text, f"[red]{text}[/red] :bomb:")
        table = Table(box=None, show_header=False)
        table.add_row(text, "[link=http://x]:bomb:[/link]")
        screen.print(table)
        written = out.getvalue()
        assert not any(commands(char) for char in written if char not in "\n\t"), repr(written)
        assert "[red]" in written and ":bomb:" in written and "[link=" in written


@pytest.fixture
def logged(request: pytest.FixtureRequest) -> io.StringIO:
    return io.StringIO()


@given(HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_logs_hold_one_line_a_record(logged: io.StringIO, text: str) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    try:
        for form in ("json", "console"):
            logged.seek(0)
            logged.truncate()
            logs.configure("info", form, stream=logged)
            structlog.get_logger("streamer.x").info("told", city=text, deep={"a": [text]})
            logging.getLogger("aiokafka").warning("%s", text)
            written = logged.getvalue()
            assert written.count("\n") == 2 and not any(commands(char) for char in written if char != "\n")
            try:
                raise ValueError(text)
            except ValueError:
                structlog.get_logger("streamer.x").exception("failed")
            assert not any(commands(char) for char in logged.getvalue() if char not in "\n\t")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@given(HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_refused_rows_are_written_without_commands(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rejects.csv"
    with Rejects(RejectsPath(tmp_path / "table.csv", path), ["city"]) as rejects:
        rejects.write(3, [text], "bad_date", f"{text} is no date")
    written = path.read_text(encoding="utf-8", errors="strict")
    assert not any(commands(char) for char in written if char not in "\r\n")
    assert list(csv.reader(io.StringIO(written)))[1] == ["3", "bad_date", line(f"{text} is no date"), line(text)]


@given(HOSTILE)
def test_templates_of_mails_and_pages_show_values_on_their_line(text: str) -> None:
    for environment in (render._TEXT, render._HTML):
        written = environment.from_string("Dear {{ name }},\nhello").render(name=text)
        assert not any(commands(char) for char in written.replace(",\nhello", ""))
    assert render._TEXT.from_string("{{ name }}").render(name=text) == line(text)
    assert "&lt;b&gt;" in render._HTML.from_string("{{ name }}").render(name=f"<b>{text}")
