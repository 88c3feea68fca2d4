"""Findings of ``doctor``, and their remedies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "finding server": "{place} ({embedded}{what})",
    "finding embedded": "embedded, ",
    "finding broker": "release line {version}, brokers {brokers}",
    "finding no topics": "no topics yet",
    "finding no topics fix": "run `streamer topics create`, or start a worker",
    "finding topics": "set up correctly, {lanes:|lane}",
    "finding clock": "within {seconds:.3f} s of the broker's",
    "finding clock behind": (
        "this machine's clock is {seconds:,.1f} s behind the broker's, so time would move customers too late"
    ),
    "finding clock ahead": (
        "this machine's clock is {seconds:,.1f} s ahead of the broker's, so time would move customers too early"
    ),
    "finding clock fix": "synchronise both clocks with NTP (timedatectl, chronyc)",
    "finding keyless": "{count:,} of the latest {records:|event} {count:~has|have} no key",
    "finding keyless fix": "set the key of each record to the customer's id",
    "finding misplaced": "{count:,} of the latest {records:|event} {count:~is|are} not on the partition that murmur2 of "
    "{count:~its|their} key gives{where}",
    "finding placed by": "; {count:,} of them where {partitioner} puts them: {clients}",
    "finding misplaced fix": "{fix}; until then, each record costs one more hop",
    "finding murmur2": "use the partitioner of Kafka's own clients (murmur2 of the key)",
    "finding producers": "all of the latest {records:|event} {records:~is|are} on the partition "
    "that {records:~its|their} key gives",
    "finding no records": "none yet",
    "finding records": "{taken:,} taken, {waiting:,} waiting, unaccounted {unaccounted}",
    "finding act": "{running} running",
    "finding no act": "not running, so no play sends messages",
    "finding web": "at {place}",
    "finding no web": "not running in this folder",
    "finding workers": "{text}, {workers:|worker}",
    "finding unaccounted fix": "this is a bug in streamer; please report it with this output",
    "finding last error": "{text}; the last one on this machine ended at {at}: {why}",
    "finding no worker fix": "start one: `streamer worker`",
    "finding stopped": "lane {lane} has stopped {text}",
    "finding stopped fix": "see `streamer lanes` and docs/runbooks/LaneStopped.md",
    "finding hidden": "{records:|record} of lane {lane} {records:~is|are} blocked by a transaction that {producer} left open",
    "finding a producer": "a producer",
    "finding hidden fix": "commit or abort it in the producer; the broker aborts it after the producer's "
    "transaction.timeout.ms (at most 15 minutes)",
    "finding signed": "control records are signed",
    "finding signed from": "control records are signed; unsigned ones are accepted until {until}",
    "finding no key": "there is none: control records (merges, imports, new clusters and segmentations) are "
    "accepted only until {until}",
    "finding first day": "a day after the first start",
    "finding no key late": "there is none: control records (merges, imports, new clusters and segmentations) "
    "are refused",
    "finding no key fix": "`streamer keys create`, and the same key for each process of the service; see "
    "docs/control-key.md",
    "finding refused": "{count:,} refused as {reason} ({share:.1%} of all records)",
    "finding refused fix": "see `streamer deadletters list`",
    "finding ignored": "fields ignored or assumed: {fields}",
    "finding ignored fix": "fix the producer, or refuse such events with STREAMER_STRICT=true; see "
    "docs/events.md for how each is read",
    "finding tracked": "your own, by name: {names}",
    "finding guests": "orders without a customer, in no other figure: {orders:|order}, {refunds:|refund}, {money} net",
    "finding alert": "{summary} (since {since})",
    "finding no alerts": "the alerts topic cannot be read: {error}",
    "finding again": "try again",
    "refused oversize": "remove fields that segments do not need, or raise STREAMER_MAX_EVENT_BYTES",
    "refused not_json": "the producer must write one UTF-8 JSON object per record",
    "refused unknown_type": "`streamer deadletters list --reason unknown_type` shows the types; your own "
    "events need `properties`",
    "refused invalid_field": "`streamer deadletters list --reason invalid_field` names the fields",
    "refused key_mismatch": "the record's key must be the customer_id of its event",
    "refused unknown_currency": "set its exchange rate (STREAMER_RATES=USD=0.92), then `streamer deadletters replay`",
    "refused too_late": "send past events with `streamer import`, or raise STREAMER_RETENTION_DAYS; only the 64 "
    "latest orders can be corrected",
    "refused too_early": "the clock or the time zone of the producer is wrong",
    "refused bad_date": "the producer sends a placeholder date, for example 1970-01-01",
    "refused nobody": "guest orders are totalled separately (`streamer status`); to identify guests, send an id, "
    "for example the e-mail address; STREAMER_NOBODY lists the placeholders",
    "refused bad_control": "give every process the same control key (docs/control-key.md); if they have it, "
    "another program writes these records",
    "refused poison": "please report it as a bug, with the output of `streamer deadletters show`",
    "dead oversize": "larger than the maximum event size",
    "dead not_json": "not a JSON object",
    "dead unknown_type": "unknown types of events",
    "dead invalid_field": "violating the event contract",
    "dead key_mismatch": "under another customer's key",
    "dead unknown_currency": "in a currency without a rate",
    "dead too_late": "older than the retention time",
    "dead too_early": "from the future",
    "dead bad_date": "with a placeholder date",
    "dead nobody": "no customer, or a placeholder instead",
    "dead bad_control": "control records without a valid signature",
    "dead poison": "skipped, because no worker could process it",
    "status lanes": "{lanes:|lane}, {lag:|record} waiting, {workers}",
    "status workers": "{workers:|worker}",
    "status no worker": "no worker; start one: `streamer worker`",
    "status records": "{consumed:|record}: {applied:,} applied ({late:,} late), {duplicates:|duplicate}, {dead:|dead letter}, "
    "{rerouted:,} rerouted, {control:,} control; unaccounted: {unaccounted}",
    "status customers": "{customers:|customer}, {orders:|order}",
    "subject packages": "packages",
    "subject servers": "servers",
    "subject Kafka": "Kafka",
    "subject Redis": "Redis",
    "subject topics": "topics",
    "subject clock": "clock",
    "subject alert": "alert",
    "subject producers": "producers",
    "subject records": "records",
    "subject control key": "control key",
    "subject lanes": "lanes",
    "subject dead letters": "dead letters",
    "subject events": "events",
    "subject guests": "guests",
    "redis too old": "its version {version} is too old",
    "redis too old fix": "use Redis 7.2 or later, or Valkey",
    "redis evicts": "maxmemory-policy is {policy} with a maxmemory: it would drop customers from the view, "
    "and no worker starts on it",
    "redis would evict": "maxmemory-policy is {policy}: with a maxmemory a full Redis would drop keys",
    "redis no eviction": "set maxmemory-policy noeviction (in redis.conf, or by redis-cli CONFIG SET "
    "maxmemory-policy noeviction), or give the service a Redis of its own",
    "redis full": "{share:.0%} of its memory is used; at 100 % the lanes wait",
    "redis full fix": "raise maxmemory, or reduce what other programs store there",
    "redis snapshots": "it saves only occasional snapshots",
    "redis no disk": "it writes nothing to disk",
    "redis rebuilt": "{what}: after a restart of Redis the view is rebuilt from Kafka, which takes a while",
    "redis rebuilt fix": "set appendonly yes, appendfsync everysec",
    "redis log failed": "the last write of its append-only file failed",
    "redis snapshot failed": "the last write of its snapshot failed",
    "redis write failed fix": "check its log; free disk space",
}
