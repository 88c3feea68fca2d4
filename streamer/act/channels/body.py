"""Convert a message to data, for the channels ``webhook`` and ``kafka``."""

from __future__ import annotations

import msgspec

from schemas.wire_time import iso
from streamer.act.heart.state import Message
from streamer.act.render import Rendered

_encode = msgspec.json.Encoder().encode


def body(message: Message, rendered: Rendered) -> bytes:
    """Return the message, the change that triggered it, and the facts available to templates, as JSON."""
    change = message.change
    return _encode(
        {
            "type": "play.message",
            "timestamp": iso(message.claimed),
            "data": {
                "message_id": message.id,
                "play": message.play,
                "change_event_id": change.event_id,
                "segmentation": change.segmentation,
                "from": None if change.from_segment is None else change.from_segment.id,
                "to": None if change.to_segment is None else change.to_segment.id,
                "changed_at": iso(change.changed_ms),
                **rendered.data,
                "unsubscribe_url": rendered.unsubscribe_url or None,
            },
        }
    )


def trace_headers(message: Message) -> dict[str, str]:
    """Return the headers of the message's trace; empty if it has none."""
    return {"traceparent": message.trace} if message.trace else {}
