"""Test that the catalogue is complete in each language, with every text that the program uses."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from models.behaviour import features as behaviour
from models.features.features import FEATURES
from models.learning.naming import EVERYBODY, PROTOTYPES, STEPS
from models.messages import LANGUAGES, TABLES, Language, messages
from models.rules.declared import KINDS
from models.rules.defaults import DEFAULTS
from schemas.changes import CAUSES

ROOT = Path(__file__).parents[3]
OPTIONAL = {"features", "kinds", "units"}
"""Where English uses ids as names."""


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_and_with_the_same_places(language: Language) -> None:
    english, other = TABLES["en"], TABLES[language]
    for name in set(other.__dataclass_fields__) - OPTIONAL:
        assert getattr(other, name).keys() == getattr(english, name).keys(), name
    for key, text in other.texts.items():
        assert places(text) == places(english.texts[key]), key


def test_what_is_shipped_has_its_words() -> None:
    english = TABLES["en"]
    for segmentation in DEFAULTS.segmentations:
        for segment in segmentation.segments:
            # Otherwise it would count as written by the shop, and never be translated.
            assert english.segments[segmentation.name, segment.id] == (segment.name, segment.meaning)
    assert english.clusters.keys() == {*PROTOTYPES, *STEPS, EVERYBODY}
    assert english.causes.keys() == CAUSES
    assert TABLES["zh"].kinds.keys() == {*KINDS, "clusters"}
    assert TABLES["zh"].features.keys() >= {*FEATURES, *behaviour.NAMES}
    assert TABLES["zh"].units.keys() >= {feature.unit for feature in FEATURES.values()} - {*FEATURES} | {"orders"}


NAMES = {"Kafka", "Redis"}


def test_chinese_is_chinese() -> None:
    table = TABLES["zh"]
    shown = [*table.texts.values(), *table.causes.values(), *table.features.values(), *table.segmentations.values()]
    shown += [part for named in (*table.segments.values(), *table.clusters.values()) for part in named]
    for text in shown:
        words = re.sub(r"\{[^}]*\}|`[^`]*`", "", text)
        # Names of programs, settings and files stay; an English sentence does not.
        assert not re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", words), text
        assert re.search(r"[\u4e00-\u9fff]", words) or not re.search(r"[A-Za-z]{3,}", words) or text in NAMES, text
    assert len(table.clusters) == len({named.name for named in table.clusters.values()}), "two clusters of one name"


def test_a_name_of_the_shop_s_own_is_left_alone() -> None:
    zh = messages("zh")
    assert zh.segment("lifecycle", "at_risk", "At risk") == "有流失风险"
    assert zh.segment("lifecycle", "at_risk", "Sleepy") == "Sleepy"
    assert zh.segment("tiers", "gold", "Gold") == "Gold"
    assert zh.meaning("value", "low", "my own words") == "my own words"
    assert (zh.cluster("Bargain hunters"), zh.cluster("Group 12"), zh.cluster("Our own")) == (
        "折扣敏感客户",
        "第 12 组",
        "Our own",
    )
    assert zh.named("behaviour", "new", "New") == "新客户"
    assert messages("en").cluster("Group 12") == "Group 12"


def test_every_text_in_use_is_there_and_every_text_is_in_use() -> None:
    """Keys are written out at each call, so the source shows which exist."""
    texts = TABLES["en"].texts
    found: set[str] = set()
    for path in [*(ROOT / "streamer").rglob("*.py"), *(ROOT / "models").rglob("*.py")]:
        if path.parent.name == "messages" and path.name != "__init__.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in texts:
                found.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                if start.endswith(" "):
                    found |= {key for key in texts if key.startswith(start)}
    for path in (ROOT / "streamer").rglob("*.html"):
        words = re.findall(r"""\bt\(["']([^"']+)["']( ~)?""", path.read_text(encoding="utf-8"))
        assert {key for key, more in words if not more} <= set(texts), path.name
        found |= {key for key, more in words if not more}
        found |= {key for start, more in words if more for key in texts if key.startswith(start)}
    assert set(texts) - found == set()


def test_a_cluster_without_a_telling_name_has_a_letter_in_either_language() -> None:
    assert [messages(language).cluster("Segment B") for language in ("en", "zh")] == ["Segment B", "客群 B"]
    shown = [messages("zh").of_id("behaviour", id) for id in ("segment_b", "group_13", "moderate_2", "mine_2", "mine")]
    assert shown == ["客群 B", "第 13 组", "普通客户 2", "mine_2", "mine"]
