"""Map language names, as known exports write them, to language tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMES: Final = {
    "en": "english; englisch; anglais; inglés; 英语; 英文",
    "zh": "chinese; chinesisch; chinois; chino; 中文; 汉语; 华语; 普通话",
    "zh-CN": "simplified chinese; chinese (simplified); 简体中文; 简体",
    "zh-TW": "traditional chinese; chinese (traditional); 繁體中文; 繁体中文; 繁體",
    "de": "german; deutsch; allemand; alemán; 德语; 德文",
    "fr": "french; französisch; français; francés; 法语; 法文",
    "es": "spanish; spanisch; espagnol; español; castellano; 西班牙语; 西班牙文",
    "it": "italian; italienisch; italien; italiano; 意大利语",
    "nl": "dutch; niederländisch; néerlandais; neerlandés; nederlands; 荷兰语",
    "pt": "portuguese; portugiesisch; portugais; portugués; português; 葡萄牙语",
    "pl": "polish; polnisch; polonais; polaco; polski; 波兰语",
    "ru": "russian; russisch; russe; ruso; русский; 俄语",
    "ja": "japanese; japanisch; japonais; japonés; 日本語; 日语",
    "ko": "korean; koreanisch; coréen; coreano; 한국어; 韩语",
}

LANGUAGES: Final[Mapping[str, str]] = {name: tag for tag, names in _NAMES.items() for name in names.split("; ")}
"""Tags by name, in lower case."""
