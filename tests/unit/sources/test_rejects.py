"""Test rejected rows: a separate file next to the input, never over another, in the service's language."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.messages import Language
from schemas.errors import UserError
from streamer import cli
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.rejects import RejectsPath

MAPPING = """
[[event]]
[event.fields]
order_id = "order"
customer_id = "who"
occurred_at = "when"
total = "sum"
"""
TABLE = "order,who,when,sum\n1,ada,2024-05-01,5\n2,bo,2024-05-02,five\n3,cy,3/2/2024,7\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., RejectsPath]:
    """Read a table in a folder, and return where its rejected rows were written."""

    def reads(text: str = TABLE, given: Path | None = None, language: Language = "en") -> RejectsPath:
        file = tmp_path / "orders.csv"
        file.write_text(text)
        path = RejectsPath(file, given)
        for _ in MappedFile(file, read_mapping(MAPPING, "a test"), rejects=path, language=language).events():
            pass
        return path

    return reads


def test_refused_rows_go_beside_the_file_under_a_free_name(read: Callable[..., RejectsPath], tmp_path: Path) -> None:
    other = tmp_path / "orders.csv.rejects.csv"
    other.write_text("somebody else's")
    found = read()
    assert found.path == tmp_path / "orders.csv.rejects-2.csv"
    assert other.read_text() == "somebody else's"
    rows = list(csv.reader(found.path.read_text().splitlines()))
    assert rows[0] == ["line", "reason", "message", "order", "who", "when", "sum"]
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [("3", "bad_value", "bo"), ("4", "bad_date", "cy")]


def test_the_same_refused_rows_make_one_file(read: Callable[..., RejectsPath], tmp_path: Path) -> None:
    assert read().path == read().path == tmp_path / "orders.csv.rejects.csv"
    assert read(TABLE + "4,di,2024-05-02,six\n").path == tmp_path / "orders.csv.rejects-2.csv"
    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_refused_makes_no_file(read: Callable[..., RejectsPath], tmp_path: Path) -> None:
    assert read("order,who,when,sum\n1,ada,2024-05-01,5\n").path is None
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_a_name_that_was_given_is_not_written_over_what_is_no_rejects_file(
    read: Callable[..., RejectsPath], tmp_path: Path
) -> None:
    given = tmp_path / "mine.csv"
    assert read(given=given).path == read(given=given).path == given
    given.write_text("my accounts\n")
    with pytest.raises(UserError, match="does not contain refused rows"):
        read(given=given)
    assert given.read_text() == "my accounts\n"
    with pytest.raises(UserError, match="does not contain refused rows"):
        read(given=tmp_path / "orders.csv")


def test_messages_are_in_the_language_of_the_service(read: Callable[..., RejectsPath]) -> None:
    path = read(language="zh").path
    assert path is not None
    assert "total（列 sum）：不是数字：含有货币以外的文字" in path.read_text()
    assert "可能是 2024-02-03，也可能是 2024-03-02" in path.read_text()


def test_a_replay_says_in_chinese_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(TABLE.replace(",", ";"))
    (tmp_path / "m.toml").write_text(MAPPING)
    arguments = ["replay", str(tmp_path / "orders.csv"), "--format", "csv", "--mapping", str(tmp_path / "m.toml")]
    done = CliRunner().invoke(cli.build(), arguments, env={"STREAMER_LANGUAGE": "zh"})
    assert "列分隔符为 ;" in done.stderr and "2 行被拒收" in done.stderr
    assert "含有货币以外的文字" in (tmp_path / "orders.csv.rejects.csv").read_text()
