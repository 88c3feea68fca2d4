"""Versions of the declared segmentations on Kafka: list them, and publish the next version to every lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from models.messages import Language
from models.rules.declared import load
from schemas import topics
from schemas.changes import model_key
from schemas.control import ControlDefinitions, control_headers, encode_control
from schemas.errors import TransientError, UserError
from schemas.published import SegmentModel
from schemas.signing import ControlKeys, Seal
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed
from streamer.lanes.ports import Write, Writes
from streamer.owner.publish_model import definition_writes

DEFINITIONS = "definitions"
"""Name of the files in the models topic, whose keys are ``definitions@VERSION``."""


@dataclass(frozen=True, slots=True)
class Published:
    """One version: its text, publication time (ms), file name, and the version it restores, if any."""

    version: int
    text: str
    at: int
    source: str
    goes_back_to: int | None = None


def activation_writes(
    published: Published, lanes: int, keys: ControlKeys | None = None, language: Language = "en"
) -> Writes:
    """Return all records of an activation: one for every lane, the file, and the definitions of its segments."""
    definitions = load(published.text, published.version, published.source)
    body: dict[str, Any] = {"toml": published.text, "source": published.source}
    if published.goes_back_to is not None:
        body["goes_back_to"] = published.goes_back_to
    value = encode_control(ControlDefinitions(version=published.version, body=body))
    seal = Seal(DEFINITIONS, published.version)
    record = SegmentModel(
        type="segment.model",
        segmentation=DEFINITIONS,
        version=published.version,
        kind="declared",
        published_at=published.at,
        body=body,
    )
    key = model_key(DEFINITIONS, published.version)
    return {
        **{
            (topics.EVENTS, lane): [Write(None, value, control_headers(value, lane, seal, keys))]
            for lane in range(lanes)
        },
        (topics.MODELS, 0): [Write(key, record.model_dump_json().encode(), ())],
        **definition_writes(definitions, published.at, language),
    }


async def versions(connection: KafkaConnection) -> list[Published]:
    """Return all published versions, oldest first, without the built-in version 1."""
    offsets = Offsets(connection)
    await offsets.start()
    try:
        first, end = await offsets.first(topics.MODELS, 0), await offsets.end(topics.MODELS, 0)
    finally:
        await offsets.stop()
    found: dict[int, Published] = {}
    prefix = f"{DEFINITIONS}@".encode()
    async for chunk in read_committed(connection, topics.MODELS, 0, first, end):
        for record in chunk:
            if record.key is not None and record.key.startswith(prefix) and record.value is not None:
                model = SegmentModel.model_validate_json(record.value)
                body = model.body
                back = body.get("goes_back_to")
                found[model.version] = Published(
                    model.version,
                    str(body.get("toml", "")),
                    model.published_at,
                    str(body.get("source", "")),
                    back if isinstance(back, int) else None,
                )
    return [found[version] for version in sorted(found)]


async def publish(
    connection: KafkaConnection,
    lanes: int,
    text: str,
    source: str,
    now_ms: int,
    *,
    goes_back_to: int | None = None,
    keys: ControlKeys | None = None,
    language: Language = "en",
    after: int | None = None,
) -> Published:
    """Publish a text as the next version, in one transaction over all lanes.

    If two processes publish at once, one is fenced before it writes anything, because the number is read after fencing.

    Parameters
    ----------
    after
        The version on which the text is based; if another version is the newest, nothing is published.

    Raises
    ------
    UserError
        ``after`` is not the newest version.
    TransientError
        Kafka did not accept it, or another process published meanwhile; nothing came into force.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=connection.bootstrap,
        transactional_id=f"{connection.group}-definitions",
        max_request_size=4 * topics.MAX_MESSAGE_BYTES,
        transaction_timeout_ms=10_000,
        **connection.security,
    )
    try:
        await producer.start()
        known = await versions(connection)
        version = (known[-1].version if known else 1) + 1
        if after not in (None, version - 1):
            raise UserError(
                f"version {version - 1} was published in the meantime", ("review that version, then repeat your edits")
            )
        published = Published(version, text, now_ms, source, goes_back_to)
        async with producer.transaction():
            for (topic, partition), records in activation_writes(published, lanes, keys, language).items():
                for record in records:
                    await producer.send_and_wait(
                        connection.topic(topic),
                        record.value,
                        record.key,
                        partition=partition,
                        headers=list(record.headers),
                    )
    except KafkaError as error:
        raise TransientError(f"Kafka at {connection.bootstrap} rejected the version: {error!r}") from error
    finally:
        await producer.stop()
    return published
