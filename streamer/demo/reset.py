"""Delete the data of earlier demos in a service, unless other data is mixed with it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas import topics
from streamer.adapters.group import act_group, member_count
from streamer.adapters.kafka import read_committed
from streamer.adapters.redis_reader import totals
from streamer.adapters.topics import create_topics, delete_topics
from streamer.client import change_reader
from streamer.imports.demos import NAME, only_demos
from streamer.imports.importer import is_read

if TYPE_CHECKING:
    from streamer.imports.service import Service

CUSTOMERS: Final = re.compile(r"c\d+-\d{6,}|me")
"""Ids of simulated customers, and the ids that `streamer demo --help` suggests publishing; `c1-anna` is a real one."""


def was_demo(service: Service) -> bool:
    """Return whether only demos were imported into this service."""
    return only_demos(service.imports.imports())


def put_away(service: Service, home: Path, report: Callable[[str], object]) -> bool:
    """Delete data of earlier demos, unless it is in use or mixed with other data. Return whether it was deleted.

    Segmentations that were activated meanwhile are first written to a file in ``home`` (STREAMER_HOME), because those
    made in the console exist nowhere else.
    """
    if not only_holds(service, NAME, CUSTOMERS):
        return False
    activated = service.view.definitions()
    if activated is not None:
        file = _saved(activated[1], home)
        report(
            f"the segmentations that were activated are kept in {file}; `streamer segments activate` takes that file"
        )
    reset(service)
    return True


def _saved(text: str, home: Path) -> Path:
    """Return the file for a text. Each text has its own."""
    file = home / f"segments-of-demo-{hashlib.sha256(text.encode()).hexdigest()[:8]}.toml"
    home.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def only_holds(service: Service, imports: str, customers: re.Pattern[str]) -> bool:
    """Return whether a service is idle and all its events are from matching imports and customers.

    Returns False if in doubt: the view was lost, or some records have not been processed by any lane.

    Parameters
    ----------
    imports
        Prefix of the imports' names.
    customers
        Pattern that matches each customer's whole id.
    """
    if is_read(service) or _acts(service) or not all(one.name.startswith(imports) for one in service.imports.imports()):
        return False
    seen = 0
    for id in service.imports.ids():
        if not customers.fullmatch(id):
            return False
        seen += 1
    return seen == totals(service.view.ledgers()).customers and not asyncio.run(_something_waits(service))


def _acts(service: Service) -> bool:
    """Return whether `streamer act` runs, because it would continue with the old topics' messages in the new topics."""
    kafka = service.kafka
    return not service.alone and member_count(kafka.bootstrap, act_group(kafka.group), security=kafka.security) > 0


async def _something_waits(service: Service) -> bool:
    decided = {one.partition: one.next_offset for one in service.view.ledgers()}
    ends = await change_reader.ends(service.kafka, topics.EVENTS, service.lanes)
    for lane, end in ends.items():
        async with aclosing(read_committed(service.kafka, topics.EVENTS, lane, decided.get(lane, 0), end)) as waiting:
            async for _ in waiting:
                return True
    return False


def reset(service: Service) -> None:
    """Delete all topics and the view, and recreate the topics."""
    kafka = service.kafka
    delete_topics(kafka.bootstrap, prefix=kafka.prefix, security=kafka.security)
    service.imports.forget_all()
    create_topics(kafka.bootstrap, prefix=kafka.prefix, lanes=service.lanes, security=kafka.security)
