"""Who reads the lanes: the members of a consumer group."""

from __future__ import annotations

from streamer.adapters.admin import Security, connect, patiently


def member_count(bootstrap: str, group: str, *, security: Security | None = None) -> int:
    """How many consumers the group has. One that was killed counts until its session times out."""
    with connect(bootstrap, security) as admin:
        found = patiently(lambda: admin.describe_groups([group]))
        return len(found[group]["members"])
