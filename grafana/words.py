"""The texts of the boards in one language, and the names of label values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from grafana.chinese import CHINESE
from models.messages import TABLES, Language, messages
from schemas.changes import CAUSES

LANGUAGES: Final[tuple[Language, ...]] = tuple(TABLES)
_CHINESE_VALUES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "step": {"planned": "已生成", "sent": "已发送", "withheld": "对照组", "failed": "失败", "doubtful": "结果未知"},
        "bound": {"low": "下界", "estimate": "估计", "high": "上界"},
        "stage": {"decode": "解码", "load": "读取", "decide": "判断", "view": "视图", "commit": "提交"},
        "outcome": {
            "committed": "已提交",
            "aborted": "已中止",
            "immature": "数据积累中",
            "too_few": "客户太少",
            "kept": "保留",
            "moved": "更新中心",
            "promoted": "发布",
            "proposed": "提案",
            "rejected": "否决",
            "renamed": "改名",
            "withdrawn": "撤回",
        },
    }
)
_PREFIXES: Final = MappingProxyType({"reason": "dead ", "gate": "gate "})
"""Labels whose values have names in the service's catalogue, with the prefixes of the catalogue's keys."""


class Words:
    """The texts of boards in one language, ``en`` or ``zh``."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = TABLES[language]

    def __call__(self, text: str) -> str:
        """Return a title, description, legend or label. Raises KeyError if it has no Chinese."""
        # A text made of labels alone is the same in all languages.
        return text if self.language == "en" or text.startswith("{{") else CHINESE[text]

    def values(self, label: str) -> Iterator[tuple[str, str]]:
        """Yield the values of a label whose name differs from the value, with their names."""
        if label in ("name", "from_name", "to_name"):
            yield "none", messages(self.language)("console nowhere")
        if label == "cause":
            yield from ((cause, self._texts.causes[cause]) for cause in sorted(CAUSES))
        if label == "feature":
            yield from self._texts.features.items()
        if label in _PREFIXES:
            start = _PREFIXES[label]
            yield from ((key[len(start) :], text) for key, text in self._texts.texts.items() if key.startswith(start))
        if self.language == "zh":
            yield from _CHINESE_VALUES.get(label, {}).items()


ENGLISH: Final = Words("en")
