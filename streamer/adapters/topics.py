"""Create the topics on the broker and check their settings."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.messages.count import Count
from schemas.errors import UserError
from schemas.topics import EVENTS, TOPICS, Topic, full_name
from streamer.adapters.admin import Security, connect, offsets, patiently

FIX_SETTINGS = "run `streamer topics check --fix`"
_CREATE = "run `streamer topics create`"
_NO_ID: Final = (str(None), str(UUID(int=0)))
_ALREADY_EXISTS = 36
_READY_MS = 30_000

# A wrong value here loses records, restores old ones, or makes decisions use a clock other than the broker's. The other
# settings only cost space or time.
_VITAL = {"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type", "max.message.bytes"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a topic."""

    topic: str
    """Full name of the topic."""
    problem: str
    hint: str
    vital: bool
    """True if results could become wrong; False if the fault only costs space or time."""
    setting: str | None = None
    """The topic setting, if :func:`fix_topics` can correct it."""


def create_topics(
    bootstrap: str, *, prefix: str = "", lanes: int, replication: int = 1, security: Security | None = None
) -> list[str]:
    """Create the missing topics and return their full names, ready for use.

    Safe to call repeatedly and concurrently: a second caller creates nothing. Existing topics are
    not changed, see :func:`check_topics`.

    Raises
    ------
    UserError
        There is no Kafka, it refuses, or the input topic has another number of lanes.
    """
    with connect(bootstrap, security) as admin:
        existing = _partitions(admin, [full_name(topic, prefix) for topic in TOPICS])
        there = existing.get(full_name(EVENTS, prefix), lanes)
        if there != lanes:
            raise UserError(
                f"{full_name(EVENTS, prefix)} has {Count(there):|partition}, so {Count(there):|lane}, not {lanes}",
                f"set STREAMER_LANES={there}, or use another STREAMER_TOPIC_PREFIX",
            )
        wanted = {
            full_name(topic, prefix): {
                "num_partitions": topic.partitions(lanes),
                "replication_factor": replication,
                "configs": dict(topic.config),
            }
            for topic in TOPICS
            if full_name(topic, prefix) not in existing
        }
        if not wanted:
            return []
        answer = admin.create_topics(wanted, raise_errors=False)
        created = []
        for topic in answer["topics"]:
            if not topic["error_code"]:
                created.append(str(topic["name"]))
            elif topic["error_code"] != _ALREADY_EXISTS:
                raise UserError(
                    f"Kafka did not create {topic['name']}: {topic['error_message'] or topic['error_code']}",
                    "check the replication factor and the user's permissions, or ask an operator to create the topic",
                )
        admin.wait_for_topics(list(wanted), timeout_ms=_READY_MS)
        # A listed topic is not served at once: a leader that does not know it yet would reject a first record.
        offsets(admin, wanted, latest=True)
        return sorted(created)


def delete_topics(bootstrap: str, *, prefix: str = "", security: Security | None = None) -> list[str]:
    """Delete all our topics with their contents, and return the full names of those that existed.

    Raises
    ------
    UserError
        There is no Kafka, or it refuses.
    """
    with connect(bootstrap, security) as admin:
        existing = sorted(_partitions(admin, [full_name(topic, prefix) for topic in TOPICS]))
        if existing:
            admin.delete_topics(existing)
            deadline = time.monotonic() + _READY_MS / 1000
            while _partitions(admin, existing):
                if time.monotonic() > deadline:
                    raise UserError("Kafka does not delete topics", "set delete.topic.enable=true on the broker")
                time.sleep(0.05)
        return existing


def check_topics(
    bootstrap: str, *, prefix: str = "", lanes: int | None = None, security: Security | None = None
) -> list[Finding]:
    """Return the faults of the topics, vital ones first.

    ``lanes`` is the configured number; it defaults to the partitions of the input topic.
    """
    with connect(bootstrap, security) as admin:
        names = [full_name(topic, prefix) for topic in TOPICS]
        partitions = _partitions(admin, names)
        settings = _settings(admin, [name for name in names if name in partitions])
    expected = lanes or partitions.get(full_name(EVENTS, prefix))
    findings = [
        finding
        for topic, name in zip(TOPICS, names, strict=True)
        for finding in judge(topic, name, partitions.get(name), settings.get(name, {}), expected)
    ]
    return sorted(findings, key=lambda finding: not finding.vital)


def fix_topics(
    bootstrap: str, *, prefix: str = "", findings: Iterable[Finding], security: Security | None = None
) -> list[str]:
    """Correct the settings in ``findings``, and return the full names of the changed topics.

    Partition counts and missing topics are not changed.
    """
    by_name = {full_name(topic, prefix): topic for topic in TOPICS}
    changes: dict[str, dict[str, str]] = {}
    for finding in findings:
        if finding.setting is not None:
            topic = by_name[finding.topic]
            changes.setdefault(finding.topic, {})[finding.setting] = topic.config[finding.setting]
    if not changes:
        return []
    from kafka.admin import ConfigResource

    with connect(bootstrap, security) as admin:
        answer = admin.alter_configs([ConfigResource("TOPIC", name, values) for name, values in changes.items()])
    for name, result in answer["topic"].items():
        if result != "OK":
            raise UserError(f"Kafka did not change {name}: {result}", "ask an operator to change it")
    return sorted(changes)


def lane_count(bootstrap: str, prefix: str = "", *, security: Security | None = None) -> int | None:
    """Return the number of lanes, which are the input topic's partitions; None if the topic does not exist."""
    name = full_name(EVENTS, prefix)
    with connect(bootstrap, security) as admin:
        return _partitions(admin, [name]).get(name)


def topic_ids(bootstrap: str, names: Sequence[str], *, security: Security | None = None) -> dict[str, str]:
    """Return Kafka's topic ids by name. A topic that was deleted and recreated has a new id.

    Topics that the answering broker does not know or show are omitted, and brokers before 2.8 have no ids. Raises
    UserError, TransientError if Kafka does not answer.
    """
    with connect(bootstrap, security) as admin:
        found = patiently(lambda: admin.describe_topics(list(names)))
    return ids_of(found)


def ids_of(described: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the ids in topic descriptions.

    >>> ids_of([{"name": "a", "error_code": 0, "topic_id": UUID(int=1)}, {"name": "b", "error_code": 3, "topic_id": UUID(int=0)}])
    {'a': '00000000-0000-0000-0000-000000000001'}
    """
    found = {topic["name"]: str(topic.get("topic_id")) for topic in described if not topic["error_code"]}
    return {name: id for name, id in found.items() if id not in _NO_ID}


def judge(
    topic: Topic, name: str, partitions: int | None, settings: Mapping[str, str], lanes: int | None
) -> list[Finding]:
    """Return the faults of one topic, from the broker's description. Pure.

    ``partitions`` is None if the topic is missing, ``lanes`` None if their number is unknown.
    """
    if partitions is None:
        return [Finding(name, f"{name} is missing", _CREATE, vital=True)]
    findings = []
    expected = topic.partitions(lanes or partitions)
    if partitions != expected:
        findings.append(_count_finding(topic, name, partitions, expected))
    for setting, wanted in topic.config.items():
        found = settings.get(setting)
        if found is not None and not _good_enough(setting, found, wanted):
            problem = f"{setting} of {name} is {found}, it should be {wanted}{_because(setting)}"
            findings.append(Finding(name, problem, FIX_SETTINGS, vital=setting in _VITAL, setting=setting))
    return findings


def _count_finding(topic: Topic, name: str, found: int, expected: int) -> Finding:
    if topic.name == EVENTS:
        problem = f"{name} has {Count(found):|partition}, but {Count(expected):|lane} {Count(expected):~is|are} set"
        hint = f"set STREAMER_LANES={found}"
    else:
        of_lanes = ", one for each lane" if topic.lanes else ""
        problem = f"{name} has {Count(found):|partition}, it should have {expected}{of_lanes}"
        hint = (
            f"Kafka cannot take partitions away, and adding some moves customers to other lanes: save what "
            f"you need from {name}, delete it, then {_CREATE}; or use another STREAMER_TOPIC_PREFIX"
        )
    return Finding(name, problem, hint, vital=True)


def _good_enough(setting: str, found: str, wanted: str) -> bool:
    """Return whether a setting suffices. Longer retention and larger records than required are fine.

    >>> _good_enough("retention.ms", "-1", "1000"), _good_enough("retention.ms", "999", "1000")
    (True, False)
    >>> _good_enough("cleanup.policy", "delete,compact", "compact,delete")
    True
    """
    if setting in {"retention.ms", "retention.bytes"}:
        return found == "-1" or (wanted != "-1" and int(found) >= int(wanted))
    if setting in {"max.message.bytes", "delete.retention.ms"}:
        return int(found) >= int(wanted)
    if setting == "cleanup.policy":
        return set(found.split(",")) == set(wanted.split(","))
    return found == wanted


def _because(setting: str) -> str:
    return {
        "message.timestamp.type": ": only the broker's time counts",
        "cleanup.policy": ": another policy deletes what is needed or keeps all for ever",
        "retention.ms": ": a replay needs the older records",
        "retention.bytes": ": a full log would lose its oldest records",
        "max.message.bytes": ": larger records would be refused",
        "delete.retention.ms": ": a reader that was away could bring deleted customers back",
    }.get(setting, "")


def _partitions(admin: Any, names: list[str]) -> dict[str, int]:
    """Return the partition counts of the existing topics."""
    return {
        topic["name"]: len(topic["partitions"])
        for topic in patiently(lambda: admin.describe_topics(names))
        if not topic["error_code"]
    }


def _settings(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    """Return effective settings by topic, including the broker's defaults."""
    from kafka.admin import ConfigResource

    if not names:
        return {}
    answer = admin.describe_configs([ConfigResource("TOPIC", name) for name in names], config_filter="all")
    return {
        name: {setting: str(entry["value"]) for setting, entry in entries.items()}
        for name, entries in answer["topic"].items()
    }
