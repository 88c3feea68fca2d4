"""Test manual actions: first messages that wait for approval, and customers already in a segment."""

from __future__ import annotations

from act_world import DAY, HOUR, NOON, POLICY, World, book, change, customer, play

from schemas.act import FirstCustomer, PlayCommand, decode_command, encode_command
from streamer.act.calls import Calls
from streamer.act.heart.by_hand import entered
from streamer.act.heart.commands import command
from streamer.act.heart.due import Drop, Send, Wait
from streamer.act.heart.state import Message, Outcome
from streamer.act.judging import Judge
from streamer.act.links import Links
from streamer.act.ports import Seen
from streamer.act.preview import Preview
from streamer.act.timers import Timers

NAMES = ("ann", "bob", "cid", "dan")


def world(*, approve: int = 0, more: str = "") -> World:
    made = World(book(play(channel="hook", more=more)), {name: customer(name) for name in NAMES})
    made.state.ledger.plays["win_back"].approve = approve
    return made


def judged(made: World, message: Message, now: int = NOON) -> bool:
    """Judge a message as the owner does; return whether it is claimed."""
    calls = Calls({}, None, lambda: True, lambda: None)  # type: ignore[arg-type]
    judge = Judge(POLICY, Links(b"k"), Timers(), calls, "j", "en")
    return judge.look(message, Seen(made.customers[message.customer], 0, now), made.state, Outcome(), now) is not None


def planned(made: World, names: tuple[str, ...] = NAMES) -> list[Message]:
    return [message for at, name in enumerate(names) for message in made.take(change(name), NOON + at)]


def give(made: World, now: int = NOON, **order: object) -> Outcome:
    outcome = Outcome()
    command(PlayCommand.model_validate({"play": "win_back", **order}), None, made.state, outcome, now)
    return outcome


def test_the_first_messages_wait_for_a_yes_and_the_others_behind_them() -> None:
    made = world(approve=2)
    messages = planned(made)
    assert not any(judged(made, one) for one in messages)
    assert [(one.why, one.due) for one in messages] == [("approve", one.expires) for one in messages]
    outcome = give(made, action="release", status="waiting")
    # Two were approved, so the other two need no approval.
    assert [one.approved for one in messages] == [True, True, False, False]
    assert {one.due for one in messages} == {NOON} and outcome.messages == {one.id for one in messages}
    assert made.state.ledger.plays["win_back"].approve == 0
    assert all(judged(made, one) for one in messages)


def test_one_yes_at_a_time_leaves_the_others_waiting() -> None:
    made = world(approve=2)
    messages = planned(made)
    for one in messages:
        judged(made, one)
    give(made, action="release", status="waiting", message_id=messages[3].id)
    assert judged(made, messages[3]) and not judged(made, messages[0])
    assert made.state.ledger.plays["win_back"].approve == 1
    # A rejection also counts as reviewed; after it nothing needs approval.
    give(made, action="drop", status="waiting", message_id=messages[0].id)
    assert made.state.ledger.plays["win_back"].dropped == {"approve": 1}
    assert judged(made, messages[1]) and judged(made, messages[2])
    assert made.state.unaccounted() == 0


def test_what_waits_for_its_time_is_not_meant_by_a_yes() -> None:
    made = world(approve=1, more='wait = "24 hours"')
    [message] = planned(made, ("ann",))
    give(made, action="release", status="waiting")
    assert made.state.ledger.plays["win_back"].approve == 1 and not message.approved
    assert isinstance(made.judge(message, NOON + DAY), Wait)


def test_a_message_without_a_yes_expires() -> None:
    made = world(approve=1)
    [message] = planned(made, ("ann",))
    judged(made, message)
    assert made.judge(message, message.due) == Drop("expires", {"at": message.expires})


def test_starting_without_approval_lets_all_go() -> None:
    made = world(approve=1)
    messages = planned(made)
    for one in messages:
        judged(made, one)
    outcome = Outcome()
    order = PlayCommand(action="start", play="win_back", text=made.state.books[1].text)
    command(order, made.state.books[1], made.state, outcome, NOON + HOUR)
    assert {one.due for one in messages} == {NOON + HOUR}
    assert all(judged(made, one, NOON + HOUR) for one in messages)
    again = PlayCommand(action="start", play="win_back", text=made.state.books[1].text, approve=3)
    command(again, made.state.books[1], made.state, outcome, NOON + HOUR)
    assert made.state.ledger.plays["win_back"].approve == 3


# -- customers who are in a segment already -------------------------------------------------------------------


def member(name: str, segment: str = "at_risk", since: int = NOON - 40 * DAY) -> FirstCustomer:
    return FirstCustomer(customer_id=name, segment=segment, name="At risk", since=since)


def test_first_plans_for_members_once_and_a_later_change_counts_as_again() -> None:
    made = world()
    give(made, action="first", customers=tuple(member(name) for name in ("ann", "bob")))
    messages = list(made.state.messages.values())
    assert [one.customer for one in messages] == ["ann", "bob"] and all(judged(made, one) for one in messages)
    # The same command again: same ids, so a receiver with a key drops what `again` would not.
    ids = {one.id for one in messages}
    for one in messages:
        made.state.ledger.plays["win_back"].sent += 1
        made.state.remove(one)
    give(made, NOON + HOUR, action="first", customers=(member("ann"),))
    [repeat] = made.state.messages.values()
    assert repeat.id in ids and made.judge(repeat, NOON + HOUR) == Drop("again", {"last": NOON})
    made.state.remove(repeat)
    [later] = made.take(change("ann", seq=9), NOON + DAY)
    assert later.id not in ids and made.judge(later, NOON + DAY) == Drop("again", {"last": NOON})


def test_first_repeats_nothing_that_is_under_way_and_nothing_of_a_stopped_play() -> None:
    made = world()
    for _ in range(2):
        give(made, action="first", customers=(member("ann"),))
    assert len(made.state.messages) == 1 and made.state.ledger.plays["win_back"].planned == 1
    give(made, action="stop")
    give(made, action="first", customers=(member("bob"),))
    assert not made.state.messages


def test_who_has_left_the_segment_meanwhile_gets_nothing() -> None:
    made = world()
    made.customers["bob"] = customer("bob", segment="active")
    give(made, action="first", customers=(member("ann"), member("bob")))
    ann, bob = made.state.messages.values()
    assert isinstance(made.judge(ann), Send)
    assert made.judge(bob) == Drop("still", {"now_in": "active"})


def test_who_has_been_there_longer_than_the_wait_waits_no_more() -> None:
    for more in ("", 'if = "orders <= 5"'):
        made = world(more=f'wait = "24 hours"\n{more}')
        give(made, action="first", customers=(member("ann"), member("bob", since=NOON - 4 * HOUR)))
        ann, bob = made.state.messages.values()
        for message in (ann, bob):
            if more:
                verdict = made.judge(message)
                message.due = verdict.until if isinstance(verdict, Wait) else NOON
        assert (ann.due, bob.due) == (NOON, NOON + 20 * HOUR)
        assert isinstance(made.judge(ann), Send)


def test_caps_hold_for_first_as_well() -> None:
    made = world()
    made.state.person("ann").days[NOON // DAY] = 1
    give(made, action="first", customers=(member("ann"),))
    [message] = made.state.messages.values()
    assert made.judge(message) == Drop("cap", {"days": 1, "used": 1})


def test_the_preview_of_first_counts_what_customers_had_before() -> None:
    made = world()
    made.state.person("ann").sends["win_back"] = NOON - DAY
    people = {name: customer(name) for name in NAMES}
    run = Preview(made.state.books[1], ["win_back"], people, POLICY, of=0, people=made.state.people)
    changes = [entered(member(name), made.state.books[1].plays["win_back"]) for name in NAMES]
    funnel = run.by_hand(changes, NOON, NOON + 3 * DAY)["win_back"]
    assert (funnel.planned, funnel.sent, funnel.dropped) == (4, 3, {"again": 1})


def test_the_order_survives_the_wire() -> None:
    order = PlayCommand(action="first", play="win_back", customers=(member("ann"),))
    assert decode_command(*encode_command(order)) == (order, [])
