"""Write the tables of the documentation that are derived from code: settings, topics, events, causes, reasons, metrics.

A table is between ``<!-- table: NAME -->`` and ``<!-- end -->``. ``python docs/tables.py`` updates all tables, and a
test compares them. Names are read from the code; the sentence next to each is here, and a missing sentence is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from schemas import topics
from schemas.changes import CAUSES, SAFE_CAUSES
from schemas.deadletters import REASONS
from schemas.events import MODELS, BaseEvent, types_of
from streamer.act.metrics import ACT_METRICS
from streamer.config.chinese import MEANINGS
from streamer.config.settings import Settings
from streamer.config.settings_sources import variable
from streamer.telemetry.metrics import METRICS, OWNER_METRICS, Metric
from streamer.web.metrics import WEB_METRICS

DOCS: Final = Path(__file__).parent
_MARK: Final = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)

_TOPICS: Final[Mapping[str, tuple[str, str]]] = {
    topics.EVENTS: ("in", "events, and the service's own control records"),
    topics.CHANGES: ("out", "segment changes, with their reasons"),
    topics.MEMBERSHIPS: ("out", "all current segments of a customer"),
    topics.DEFINITIONS: ("out", "names and meanings, key `segmentation/segment@version`"),
    topics.MODELS: (
        "out",
        "published cluster models, key `segmentation@version`; proposals, key `segmentation/proposal@number`",
    ),
    topics.DEADLETTERS: ("out", "records that could not be applied, and why"),
    topics.STATE: ("internal", "state of customers and lanes"),
    topics.PANEL: ("internal", "sample of customers that the model owner learns from"),
    topics.ALERTS: ("out", "alerts, for shops without Prometheus"),
    topics.MESSAGES: ("out", "every step of each message that a play sends"),
    topics.ACT: ("internal", "state of the plays and their messages"),
}

_CAUSES: Final[Mapping[str, str]] = {
    "event": "an event of the customer",
    "time": "the passing of time, without an event",
    "late": "an event older than the customer's latest",
    "profile": "new traits of the customer",
    "merge": "a link that merged two ids",
    "refit": "a new version of the clusters",
    "definition_edit": "an activated segments file",
    "backfill": "an import of past events",
    "consent": "consent to personalization given or withdrawn",
    "erase": "the customer's erasure",
    "reconcile": "reserved; not used yet",
}

_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "oversize": ("too large, or would make the customer's record too large", "send less in one event"),
    "not_json": ("the value is not JSON in UTF-8", "fix the producer"),
    "unknown_type": ("no event type, and close to the name of one", "use the name that the message suggests"),
    "invalid_field": ("a field is missing, or has a value that is not allowed", "the message names the field"),
    "key_mismatch": ("the record's key is not the customer's id", "use `customer_id` as key"),
    "unknown_currency": ("an amount in a currency without a rate", "set `STREAMER_RATES`, then replay"),
    "too_late": (
        "older than `STREAMER_RETENTION_DAYS`, or from an import and before 1990",
        "import history with `streamer import`",
    ),
    "too_early": ("from the future", "set the producer's clock"),
    "bad_date": ("a date that cannot be true, such as one before 1990", "fix the producer"),
    "nobody": (
        "no customer, or a placeholder such as `null` or `guest` (`STREAMER_NOBODY`)",
        "nothing, where guests buy: their money is summed apart; else send the id",
    ),
    "bad_control": (
        "a control record that is not signed, was signed for another place or counted before, or says what cannot be",
        "see [the control key](control-key.md)",
    ),
    "poison": ("applying it failed: a fault of streamer", "report it; the record is kept"),
}

_ALWAYS: Final = frozenset(BaseEvent.model_fields) | {"type"}
_NEEDED_SOMETIMES: Final = {
    ("order.refunded", "total"): "`order_id` or `total`",
    ("feedback.submitted", "rating"): "`rating` unless it is a complaint",
}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + "---|" * lines[0].count(" | ") + "---|")
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _default(info: FieldInfo, none: str) -> str:
    value: Any = info.default
    if value is None or value == {} or value == "" or isinstance(value, SecretStr):
        return none
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _settings(head: tuple[str, str, str], none: str, own: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    """Return all settings in the order in which `doctor` shows them; ``own`` are defaults that no value states."""
    rows = (
        (f"`{variable(name)}`", own.get(name) or _default(info, none), meanings[name])
        for name, info in Settings.model_fields.items()
    )
    return _table(head, rows)


def settings() -> str:
    """Return all settings."""
    own = {"kafka": "the embedded one", "redis": "the embedded one", "home": "the user's data folder"}
    meanings = {name: info.description or "" for name, info in Settings.model_fields.items()}
    return _settings(("variable", "default", "meaning"), "none", own, meanings)


def settings_chinese() -> str:
    """Return all settings, in Chinese."""
    own = {"kafka": "内置的", "redis": "内置的", "home": "用户的数据目录"}
    return _settings(("变量", "默认值", "含义"), "无", own, MEANINGS)


def topic_table() -> str:
    """Return the topics, with what the broker must do with them."""
    rows = []
    for topic in topics.TOPICS:
        way, what = _TOPICS[topic.name]
        kept = topic.config.get("retention.ms", "")
        days = "compacted" if topic.config["cleanup.policy"] == "compact" else f"{int(kept) // 86_400_000} days"
        rows.append((f"`{topic.name}`", way, what, "lanes" if topic.lanes else "1", days))
    return _table(("topic", "", "holds", "partitions", "kept"), rows)


def event_table() -> str:
    """Return the types of events, with their required and optional fields."""
    rows = []
    for model in MODELS:
        types = sorted(types_of(model))
        fields = [(name, info) for name, info in model.model_fields.items() if name not in _ALWAYS]
        must = [f"`{name}`" for name, info in fields if info.is_required()]
        special = {name: text for (type, name), text in _NEEDED_SOMETIMES.items() if type in types}
        may = [f"`{name}`" for name, info in fields if not info.is_required() and name not in special]
        rows.append((", ".join(f"`{type}`" for type in types), ", ".join([*must, *special.values()]), ", ".join(may)))
    return _table(("type", "must have", "may have"), rows)


def cause_table() -> str:
    """Return the causes of a change, and whether an automation may act on it."""
    rows = ((f"`{cause}`", _CAUSES[cause], "yes" if cause in SAFE_CAUSES else "") for cause in _CAUSES)
    assert _CAUSES.keys() == CAUSES
    return _table(("cause", "the customer moved because of", "safe if live"), rows)


def reason_table() -> str:
    """Return the reasons of dead letters, and what to do about them."""
    assert _REASONS.keys() == REASONS, REASONS ^ _REASONS.keys()
    return _table(("reason", "means", "what to do"), ((f"`{reason}`", *text) for reason, text in _REASONS.items()))


def _metric(metric: Metric) -> tuple[str, str, str, str]:
    return f"`{metric.full_name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help


def metric_table() -> str:
    """Return the metrics of lane workers."""
    return _table(("metric", "kind", "labels", "meaning"), map(_metric, METRICS))


def owner_metric_table() -> str:
    """Return the metrics of the model owner."""
    return _table(("metric", "kind", "labels", "meaning"), map(_metric, OWNER_METRICS))


def act_metric_table() -> str:
    """Return the metrics of `streamer act`."""
    return _table(("metric", "kind", "labels", "meaning"), map(_metric, ACT_METRICS))


def web_metric_table() -> str:
    """Return the metrics of the web process."""
    return _table(("metric", "kind", "labels", "meaning"), map(_metric, WEB_METRICS))


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings,
    "settings-zh": settings_chinese,
    "topics": topic_table,
    "events": event_table,
    "causes": cause_table,
    "reasons": reason_table,
    "metrics": metric_table,
    "owner-metrics": owner_metric_table,
    "act-metrics": act_metric_table,
    "web-metrics": web_metric_table,
}


def renewed(page: str) -> str:
    """Return a page's text with its tables as the code defines them now."""
    return _MARK.sub(lambda found: found[1] + TABLES[found["name"]](), page)


def pages() -> list[Path]:
    """Return the pages of the documentation, except decisions."""
    return sorted(path for path in DOCS.rglob("*.md") if "adr" not in path.parts)


if __name__ == "__main__":
    for page in pages():
        before = page.read_text(encoding="utf-8")
        if (after := renewed(before)) != before:
            page.write_text(after, encoding="utf-8")
            print(f"renewed {page.relative_to(DOCS.parent)}")
