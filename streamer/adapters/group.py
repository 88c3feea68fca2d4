"""Look up the members of the consumer groups that read the lanes."""

from __future__ import annotations

from streamer.adapters.admin import Security, connect, patiently


def owner_group(group: str) -> str:
    """Return the group of the model owners of the service whose lanes ``group`` reads."""
    return f"{group}-owner"


def act_group(group: str) -> str:
    """Return the consumer group of ``act`` for the service with the group ``group``."""
    return f"{group}-act"


def owners(bootstrap: str, group: str, topic: str, *, security: Security | None = None) -> dict[int, str]:
    """Return the reader of each partition of a topic (full name) as ``client id@host``."""
    with connect(bootstrap, security) as admin:
        found = patiently(lambda: admin.describe_groups([group]))
    return {
        partition: f"{member['client_id']}@{member['client_host'].lstrip('/')}"
        for member in found[group]["members"]
        for assigned in (member["member_assignment"] or {}).get("assigned_partitions", ())
        if assigned["topic"] == topic
        for partition in assigned["partitions"]
    }


def member_count(bootstrap: str, group: str, *, security: Security | None = None) -> int:
    """Return the number of consumers in the group. A killed consumer counts until its session times out."""
    with connect(bootstrap, security) as admin:
        found = patiently(lambda: admin.describe_groups([group]))
        return len(found[group]["members"])
