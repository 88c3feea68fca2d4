"""Published records as consumers read them: segment changes, memberships, definitions and models.

These models are the published contract, for consumers and for the generated schemas. The models of changes and
memberships are derived from the structs with which the service writes them (``changes``). Instants are epoch
milliseconds in Python and RFC 3339 in JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, JsonValue

from schemas import changes
from schemas.changes import Membership, Version
from schemas.derived import derived
from schemas.fields import CustomerId, Id, Instant, Text, Wire

SegmentChanged: Final[Any] = derived(
    changes.Change,
    "SegmentChanged",
    {"event_id": ("type", Literal["segment.changed"]), "changed_at": ("detected_at", Instant)},
)


class CustomerMemberships(Wire):
    """All current segments of a customer, by segmentation; a customer in none has a null value instead.

    ``seq`` is the number of the last change it includes, so readers can skip changes they already know.
    """

    type: Literal["segment.memberships"]
    customer_id: CustomerId
    seq: Annotated[int, Field(ge=0)]
    as_of: Instant
    segments: dict[Id, Membership]


class SegmentDefinition(Wire):
    """The definition of a segment. The record's key is ``segmentation/segment@version``, see
    ``changes.definition_key``.
    """

    type: Literal["segment.definition"]
    segmentation: Id
    segment: Id
    version: Version
    name: Text
    meaning: Annotated[str, Field(max_length=4_000)]
    size: Annotated[int, Field(ge=0)] | None = None
    kind: Id
    published_at: Instant


class SegmentModel(Wire):
    """A published model, never overwritten. The record's key is ``segmentation@version``, see
    ``changes.model_key``.
    """

    type: Literal["segment.model"]
    segmentation: Id
    version: Version
    kind: Id
    published_at: Instant
    body: dict[str, JsonValue]


class MessageStep(Wire):
    """One step in the life of a message that a play sends; the newest step is the message's status.

    Attributes
    ----------
    event_id
        Identical however often the step is written; consumers drop duplicates by it.
    message_id
        The same for all steps of a message; derived from the change, the play and the play's step.
    due_at, expires_at
        With ``message.planned``: when the message is next checked, and when it expires.
    gate, seen
        With ``message.dropped``: the gate that stopped the message, and the value that the gate saw.
    attempt, detail
        From ``message.sending`` on: the number of the call, and the channel's response.
    coupon
        With ``message.sending``: the coupon code in the message.
    held_out, converted, amount
        With ``message.measured``: whether the customer was held out, whether they ordered in time, and the amount.
    """

    event_id: Id
    type: Literal[
        "message.planned",
        "message.dropped",
        "message.withheld",
        "message.sending",
        "message.sent",
        "message.failed",
        "message.doubtful",
        "message.measured",
    ]
    message_id: Id
    customer_id: CustomerId
    play: Id
    version: Version
    channel: Id
    at: Instant
    change_event_id: Id
    due_at: Instant | None = None
    expires_at: Instant | None = None
    gate: Id | None = None
    seen: dict[Text, JsonValue] | None = None
    attempt: Annotated[int, Field(ge=1)] | None = None
    detail: Text | None = None
    coupon: Id | None = None
    held_out: bool | None = None
    converted: bool | None = None
    amount: float | None = None


MESSAGE_STEPS: Final[tuple[str, ...]] = get_args(MessageStep.model_fields["type"].annotation)
"""The values of ``type`` of a step, in the order of a message's life."""


class ModelProposal(Wire):
    """A version that the model owner would publish on approval.

    The record's key is ``segmentation/proposal@number``, see ``changes.proposal_key``; the newest record of a key is
    the proposal's status.

    Attributes
    ----------
    status
        ``waiting``; ``approved`` or ``rejected`` by a person; ``adopted`` within the budget of a setting; ``superseded``
        by another version or proposal; ``withdrawn`` by the owner, because its reason no longer holds.
    why
        ``segments`` (another number of them is stable) or ``drift`` (the shop has changed).
    version
        The version that it was published as.
    moves
        Share of the trial's customers that the version alone would move.
    body
        The candidate, with the flows between segments in the trial.
    """

    type: Literal["segment.proposal"]
    segmentation: Id
    number: Version
    status: Literal["waiting", "approved", "rejected", "adopted", "superseded", "withdrawn"]
    why: Id
    version: Version | None = None
    moves: Annotated[float, Field(ge=0, le=1)]
    published_at: Instant
    body: dict[str, JsonValue]
