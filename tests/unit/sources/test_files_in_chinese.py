"""Test errors about files and event contract violations, in the language in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.errors import InvalidEvent
from streamer import cli
from streamer.sources.faults import contract_fault
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.rejects import RejectsPath

MAPPING = """
[[event]]
[event.fields]
order_id = "Order"
customer_id = "Who"
occurred_at = "Day"
total = "Sum"
currency = "Money"
"""
HEAD = "Order,Who,Day,Sum,Money\n"


def _chinese(text: str) -> bool:
    """Return whether no English sentence is left: two words in a row that are not a name, path or option."""
    bare = re.sub(r"`[^`]*`|\S*/\S*|--\S+", "", text)
    return re.search(r"[\u4e00-\u9fff]", text) is not None and re.search(r"\b[a-z]+ [a-z]+ [a-z]+\b", bare) is None


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (["nowhere.csv"], None, "不存在"),
        (["shop.csv"], "a,b\n1,2\n", "判断哪一列是"),
        (["shop.csv", "--mapping", "klingon"], HEAD, "没有名为 klingon 的映射"),
        (["shop.csv", "--mapping", "shopify"], HEAD, "没有映射用到的列"),
        (["shop.csv", "--mapping", "olist"], HEAD, "没有这个文件"),
        (["shop.csv"], b"\x1f\x8b\x08broken", "已损坏"),
        (["shop.json"], '[{"a": 1}]', "没有内置映射可以读取"),
    ],
)
def test_errors_of_files_are_printed_in_chinese(
    arguments: list[str], content: str | bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(arguments[0]).write_bytes(content if isinstance(content, bytes) else content.encode())
    done = CliRunner().invoke(cli.build(), ["replay", *arguments], env={"STREAMER_LANGUAGE": "zh", "COLUMNS": "1000"})
    message = done.stderr.replace("error: ", "")
    assert done.exit_code == 1 and words in message
    assert _chinese(message), message


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("x = 1", "无法识别 x"),
        ("[[event]]", "缺少 event.1.fields"),
        ('[[event]]\n[event.fields]\ntotal = "Sum"', "event.1 的 fields 必须写明哪一列是 customer_id"),
        (f'decimal = ";"\n{MAPPING}', "decimal 应符合"),
        (f'skip = "a"\n{MAPPING}', "skip 的类型不对，应为：整数"),
        (f'dates = ["%d"]\n{MAPPING}', "没有年份"),
        (f"{MAPPING}minor = {{}}", "必须写 column、columns、sum 之一"),
        (
            f'currency = "GBP"\n{MAPPING.replace("currency =", "coupon =")}',
            "前 20 笔金额都是 GBP，但店铺货币是 EUR",
        ),
    ],
)
def test_what_is_wrong_with_a_mapping_or_a_currency_is_said_in_chinese(
    mapping: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text(HEAD + "".join(f"{one},a,2024-01-05,1.00,X\n" for one in range(20)))
    Path("my.toml").write_text(mapping)
    done = CliRunner().invoke(
        cli.build(),
        ["import", "shop.csv", "--mapping", "my.toml"],
        env={"STREAMER_LANGUAGE": "zh", "COLUMNS": "1000", "STREAMER_HOME": str(tmp_path / "home")},
    )
    message = done.stderr.replace("error: ", "")
    assert done.exit_code == 1 and words in message, message
    assert _chinese(message), message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,a\u202eb,2024-01-05,1.00,EUR", "customer_id 不符合事件规范：含有控制符、换行符或方向控制符"),
        ("1,a,2024-01-05,1.00,E", "currency 不符合事件规范"),
        (f"{'9' * 300},a,2024-01-05,1.00,EUR", "order_id 不符合事件规范"),
        ("1,a,2024-01-05,1e15,EUR", "total 不符合事件规范：不得大于"),
    ],
)
def test_what_breaks_the_contract_is_printed_in_chinese(row: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEAD + row + "\n")
    source = MappedFile(path, read_mapping(MAPPING, "m"), rejects=RejectsPath(path), language="zh")
    list(source.events())
    assert source.skipped == {"invalid_field": 1}
    message = (tmp_path / "shop.csv.rejects.csv").read_text().splitlines()[1].split(",")[2]
    assert words in message and _chinese(message), message


def test_texts_of_other_libraries_stay_as_they_are() -> None:
    assert contract_fault(InvalidEvent("invalid_field", "total: odd", "total")) == "total: odd"
    assert contract_fault(InvalidEvent("not_json", "the value is not JSON")) == "the value is not JSON"
