"""Test the gates, one by one and in order, each with the values it used."""

from __future__ import annotations

import pytest
from act_world import DAY, HOUR, NOON, World, book, change, customer, play

from models.customer.decay import weight
from models.customer.profile import Consent
from models.features.context import FeatureContext
from schemas.changes import SegmentRef
from schemas.events import MessageOutcome, SubscriptionUpdated
from streamer.act.heart.due import Drop, Send, Wait, Withhold
from streamer.act.heart.ids import message_id
from streamer.act.heart.plan import plan
from streamer.act.heart.settle import Answer, settle
from streamer.act.heart.signals import Signal, take_signal
from streamer.act.heart.state import Message, Outcome, Suppression


def one(world: World, **more: object) -> Message:
    [message] = world.take(change(**more))  # type: ignore[arg-type]
    return message


def test_a_change_plans_one_message_whose_id_is_that_of_change_and_play() -> None:
    world = World(book())
    message = one(world)
    assert message.id == message_id("ann-1", "win_back")
    assert world.take(change()) == [] and world.state.ledger.plays["win_back"].planned == 1
    assert world.judge(message) == Send("ann@example.org")


@pytest.mark.parametrize(
    "more",
    [
        {"automation_safe": False},
        {"segmentation": "value"},
        {"to_segment": SegmentRef("loyal", "Loyal")},
        {"to_segment": None},
        {"at": -5},
    ],
)
def test_what_no_play_answers_plans_nothing(more: dict[str, object]) -> None:
    assert World(book()).take(change(**more)) == []  # type: ignore[arg-type]


def test_a_play_can_ask_for_where_from_for_a_cause_and_for_leaving() -> None:
    when = 'when = {{ segmentation = "lifecycle", {} }}'
    conditions = [
        ('from = ["loyal"], cause = ["time"]', True),
        ('from = ["champion"]', False),
        ('to = ["at_risk"], cause = ["event"]', False),
    ]
    for word, answers in conditions:
        text = play().replace('when = { segmentation = "lifecycle", to = ["at_risk"] }', when.format(word))
        assert len(World(book(text)).take(change())) == answers, word


def test_a_play_that_needs_a_profile_is_judged_at_the_change_and_again_after_the_wait() -> None:
    world = World(book(play(more='if = "orders >= 3"\nwait = "24 hours"')))
    world.customers["ann"].statistics.orders = 3
    message = one(world)
    assert message.due == NOON
    assert world.apply(message) == Wait(NOON + DAY, "looked")
    world.customers["ann"].statistics.orders = 2
    assert world.apply(message, NOON + DAY) == Drop("if", {"orders": 2.0})
    assert world.steps[-1][0] == "message.dropped"


def test_who_has_no_address_or_a_broken_one_is_not_written_to() -> None:
    for address in (None, "ann", "ann@", "a b@example.org", "ann@example.org\r\nBcc: x@example.org"):
        world = World(book(), {"ann": customer(email=address)})
        assert world.judge(one(world)) == Drop("contactable", {"needs": "email"}), address
    world = World(book(), {"bob": customer("bob")})
    assert world.judge(one(world)) == Drop("contactable", {"needs": "email"})
    hook = World(book(play(channel="hook")), {})
    assert hook.judge(one(hook)) == Send("")


def test_consent_decides_about_marketing_and_the_shops_default_where_nothing_was_said() -> None:
    for ann, allowed in (
        (customer(marketing=True), True),
        (customer(marketing=False), False),
        (customer(marketing_opt_in=False), False),
        (customer(marketing=True, marketing_opt_in=False), False),
    ):
        world = World(book(), {"ann": ann})
        assert isinstance(world.judge(one(world)), Send) is allowed
        service = World(book(play(more='kind = "service"')), {"ann": ann})
        assert isinstance(service.judge(one(service)), Send)


def test_who_wants_no_messages_by_what_they_did_gets_no_marketing() -> None:
    ann = customer(marketing=True)
    assert ann.profile is not None
    ann.profile.consent = Consent(False, True, True, 1, b"")
    world = World(book(), {"ann": ann})
    assert world.judge(one(world)) == Drop("consent", {"personalization": False})
    service = World(book(play(more='kind = "service"')), {"ann": ann})
    assert isinstance(service.judge(one(service)), Send)


def subscription(list: str, subscribed: bool, at: int) -> SubscriptionUpdated:
    return SubscriptionUpdated(
        event_id=f"s{at}",
        type="subscription.updated",
        customer_id="ann",
        occurred_at=at,
        list=list,
        subscribed=subscribed,
    )


def outcome_of(word: str) -> MessageOutcome:
    return MessageOutcome.model_validate(
        {
            "event_id": "o",
            "type": "message.outcome",
            "customer_id": "ann",
            "occurred_at": NOON,
            "message_id": "m",
            "change_event_id": "c",
            "outcome": word,
        }
    )


@pytest.mark.parametrize("list", ["offers", "*"])
def test_who_left_a_list_or_all_of_them_gets_no_marketing(list: str) -> None:
    world = World(book(), {"ann": customer()})
    message = one(world)
    take_signal(subscription(list, False, 5), world.state, Outcome(), NOON)
    take_signal(subscription(list, True, 4), world.state, Outcome(), NOON)
    assert world.judge(message) == Drop("list", {"list": list, "since": 5})
    take_signal(subscription(list, True, 6), world.state, Outcome(), NOON)
    assert isinstance(world.judge(message), Send)


def test_an_address_stays_unsubscribed_when_its_customer_is_erased_and_comes_back() -> None:
    world = World(book())
    world.state.person("ann").address = world.policy.addresses.hash("ann@example.org")
    take_signal(subscription("offers", False, 5), world.state, Outcome(), NOON)
    plan(change(seq=1, cause="erase", to_segment=None), world.state, Outcome(), NOON, 0)
    assert "ann" not in world.state.people
    back = one(world, seq=1)
    assert world.judge(back) == Drop("suppressed", {"why": "unsubscribed", "list": "offers"})


@pytest.mark.parametrize("word", ["bounced", "complained"])
def test_a_bounce_and_a_complaint_suppress_the_address_for_everything(word: str) -> None:
    world = World(book(play(more='kind = "service"')))
    message = one(world)
    world.state.person("ann").address = world.policy.addresses.hash("ann@example.org")
    take_signal(outcome_of(word), world.state, Outcome(), NOON)
    assert world.judge(message) == Drop("suppressed", {"why": word, "list": "*"})
    world.customers["ann"] = customer(email="new@example.org")
    assert isinstance(world.judge(message), Send)


@pytest.mark.parametrize("bounced_first", [True, False])
def test_a_bounce_outweighs_what_is_said_of_lists(bounced_first: bool) -> None:
    world = World(book(play(more='kind = "service"', again="0 seconds")))
    world.state.person("ann").address = world.policy.addresses.hash("ann@example.org")
    signals: list[Signal] = [outcome_of("bounced"), subscription("*", False, NOON)]
    for signal in [*(signals if bounced_first else signals[::-1]), subscription("*", True, NOON + 1)]:
        take_signal(signal, world.state, Outcome(), NOON)
    [message] = world.take(change())
    assert world.judge(message) == Drop("suppressed", {"why": "bounced", "list": "*"})


def test_again_keeps_a_play_from_the_same_customer_for_its_time() -> None:
    world = World(book(limits='per_customer = ["9 a day"]'))
    assert isinstance(world.apply(one(world)), Send)
    [second] = world.take(change(seq=2))
    assert world.judge(second) == Drop("again", {"last": NOON})
    assert isinstance(world.judge(second, NOON + 30 * DAY), Drop)  # it has expired by then
    [third] = world.take(change(seq=3), NOON + 30 * DAY)
    assert isinstance(world.judge(third, NOON + 30 * DAY), Send)
    never = World(book(play(again="never"), limits='per_customer = ["9 a day"]'))
    never.apply(one(never))
    [later] = never.take(change(seq=2), NOON + 4_000 * DAY)
    assert isinstance(never.judge(later, NOON + 4_000 * DAY), Drop)


def test_a_message_expires() -> None:
    world = World(book(play(more='expires = "2 hours"')))
    message = one(world)
    assert isinstance(world.judge(message, NOON + 2 * HOUR - 1), Send)
    assert world.judge(message, NOON + 2 * HOUR) == Drop("expires", {"at": NOON + 2 * HOUR})


def test_quiet_hours_are_those_of_the_customers_zone() -> None:
    # Noon in UTC is 21:00 in Tokyo and 04:00 in Los Angeles.
    for zone, until in (("Asia/Tokyo", NOON + 11 * HOUR), ("America/Los_Angeles", NOON + 4 * HOUR), ("Nowhere", 0)):
        world = World(book(), {"ann": customer(timezone=zone)})
        verdict = world.judge(one(world))
        assert verdict == Wait(until, "quiet") if until else isinstance(verdict, Send), zone
    service = World(book(play(more='kind = "service"\nquiet = "none"')), {"ann": customer(timezone="Asia/Tokyo")})
    assert isinstance(service.judge(one(service)), Send)


def test_unless_and_still_are_judged_at_the_send() -> None:
    world = World(book(play(more='wait = "1 hour"\nunless = "complaints_decayed > 0.5"')))
    message = one(world)
    ann = world.customers["ann"]
    assert ann.profile is not None
    ann.profile.rate("complaint", None, weight(NOON, FeatureContext().half_life))
    assert isinstance(world.judge(message, NOON + HOUR), Drop)
    ann.profile.complaint_weight = 0.0
    assert isinstance(world.judge(message, NOON + HOUR), Send)
    away = change(seq=2, from_segment=SegmentRef("at_risk", ""), to_segment=SegmentRef("loyal", ""))
    world.take(away, NOON + 60)
    assert world.judge(message, NOON + HOUR) == Drop("still", {"now_in": "loyal"})
    world.take(change(seq=3, from_segment=SegmentRef("loyal", "")), NOON + 90)
    assert isinstance(world.judge(message, NOON + HOUR), Send)


def test_caps_count_over_all_marketing_plays_in_the_customers_days_and_priority_goes_first() -> None:
    low, high = play("low", again="0 seconds"), play("high", again="0 seconds", more="priority = 5")
    world = World(book(low, high))
    messages = {message.play: message for message in world.take(change())}
    assert isinstance(world.apply(messages["high"]), Send)
    assert world.apply(messages["low"]) == Drop("cap", {"days": 1, "used": 1})
    for day, used in ((1, 1), (2, 2)):
        now = NOON + day * DAY
        found = {message.play: message for message in world.take(change(seq=day + 1), now)}
        assert isinstance(world.apply(found["high"], now), Send)
        assert isinstance(world.apply(found["low"], now), Drop)
        del used
    now = NOON + 3 * DAY
    found = {message.play: message for message in world.take(change(seq=9), now)}
    assert world.apply(found["high"], now) == Drop("cap", {"days": 7, "used": 3})


def test_a_play_with_a_condition_goes_first_where_it_has_priority() -> None:
    more = 'priority = 5\nif = "orders >= 0"'
    world = World(
        book(play("low", again="1 day"), play("high", again="1 day", more=more), limits='per_customer = ["1 a day"]')
    )
    low, high = sorted(world.take(change()), key=lambda one: world.state.play(one).priority)
    assert isinstance(world.apply(high), Send) and high.looked
    assert world.apply(low) == Drop("cap", {"days": 1, "used": 1})


def test_service_is_outside_of_caps() -> None:
    world = World(book(play("a", again="0 seconds"), play("b", again="0 seconds", more='kind = "service"')))
    messages = {message.play: message for message in world.take(change())}
    assert isinstance(world.apply(messages["a"]), Send)
    assert isinstance(world.apply(messages["b"]), Send)


@pytest.mark.parametrize(("quiet", "hours"), [("none", 12), ("21:00-08:00", 20)])
def test_a_budget_counts_the_shops_days_and_what_is_over_waits_for_the_next(quiet: str, hours: int) -> None:
    world = World(
        book(play(more='budget = "2 a day"'), limits=f'quiet = "{quiet}"'), {id: customer(id) for id in "abc"}
    )
    for id in "ab":
        assert isinstance(world.apply(one(world, id=id)), Send)
    third = one(world, id="c")
    assert world.judge(third) == Wait(NOON + hours * HOUR, "budget")


def test_a_storm_pauses_the_play_until_a_person_has_looked() -> None:
    world = World(book(limits='storm = "1 % of customers in 1 hour"'))
    for number in range(41):
        world.take(change(f"c{number}"), customers=4_000)
    counters = world.state.ledger.plays["win_back"]
    assert counters.status == "paused" and counters.why.startswith("storm") and counters.planned == 41
    message = next(iter(world.state.messages.values()))
    assert world.judge(message) == Wait(NOON + 60_000, "paused")
    assert isinstance(world.judge(message, NOON + 3 * DAY), Drop)


def test_a_stopped_play_plans_nothing_and_drops_what_waits() -> None:
    world = World(book())
    message = one(world)
    world.state.ledger.plays["win_back"].status = "stopped"
    assert world.judge(message) == Drop("stopped", {}) and world.take(change(seq=2)) == []


def test_rates_and_calls_under_way_make_a_message_wait() -> None:
    world = World(book())
    message = one(world)
    assert world.judge(message, under_way=4) == Wait(NOON + 20, "under_way")


def test_both_arms_pass_the_same_gates_and_use_up_the_same() -> None:
    found = {}
    for number in range(40):
        world = World(book(play(holdout=0.5)), {f"c{number}": customer(f"c{number}")})
        verdict = world.apply(one(world, id=f"c{number}"))
        found[type(verdict)] = world.state.person(f"c{number}")
        del found[type(verdict)].arms["win_back@1"]
    assert found[Send] == found[Withhold] and found[Send].sends == {"win_back": NOON}


def test_an_arm_is_drawn_once_and_outlives_a_new_share() -> None:
    world = World(book(play(holdout=0.9)))
    held = isinstance(world.judge(one(world)), Withhold)
    world.state.books[1] = book(play(holdout=0.01))
    again = isinstance(world.judge(next(iter(world.state.messages.values()))), Withhold)
    assert held is again and world.state.person("ann").arms == {"win_back@1": held}


@pytest.mark.parametrize("limits", ["", "holdout = 0.5"])
def test_an_arm_is_that_of_the_id_that_was_joined(limits: str) -> None:
    """The guest was drawn; the known id, which would be drawn otherwise, is the same person since the link."""
    changed = 0
    for number in range(60):
        guest, known = f"guest-{number}", f"c{number}"
        world = World(book(play(holdout=0 if limits else 0.5, again="0 seconds"), limits=limits))
        world.customers = {guest: customer(guest), known: customer(known)}
        alone = isinstance(world.judge(one(world, id=known)), Withhold)
        world.state.people.remove(known)
        held = isinstance(world.apply(one(world, id=guest)), Withhold)
        profile = world.customers[known].profile
        assert profile is not None
        profile.aliases.append(guest)
        # Days later, because the guest's messages count for the cap of the known id as well.
        later = NOON + 40 * DAY
        [message] = world.take(change(known, 9, later), later)
        assert isinstance(world.judge(message, later), Withhold) is held
        # It remains when the guest's record is removed.
        world.state.people.remove(guest)
        assert isinstance(world.judge(message, later), Withhold) is held
        changed += alone is not held
    assert changed > 10, "else the draw of the known id says the same"


def test_two_arms_that_are_joined_leave_the_known_ids_as_it_is() -> None:
    world = World(book(play(holdout=0.5)))
    world.customers = {"ann": customer("ann"), "guest": customer("guest")}
    world.state.person("ann").arms["win_back@1"] = True
    world.state.person("guest").arms["win_back@1"] = False
    assert world.customers["ann"].profile is not None
    world.customers["ann"].profile.aliases.append("guest")
    assert isinstance(world.judge(one(world)), Withhold)


def test_caps_and_again_count_what_an_id_got_before_it_was_joined() -> None:
    world = World(
        book(play("first", again="30 days"), play("second", again="30 days"), limits='per_customer = ["1 a day"]')
    )
    world.customers = {"ann": customer("ann"), "guest": customer("guest")}
    guest = {message.play: message for message in world.take(change("guest"), NOON)}
    assert isinstance(world.apply(guest["first"]), Send | Withhold)
    assert world.customers["ann"].profile is not None
    world.customers["ann"].profile.aliases.append("guest")
    ann = {message.play: message for message in world.take(change("ann"), NOON)}
    assert world.judge(ann["first"]) == Drop("again", {"last": NOON})
    assert world.judge(ann["second"]) == Drop("cap", {"days": 1, "used": 1})


def test_the_global_holdout_is_for_marketing_alone() -> None:
    world = World(book(limits="holdout = 0.9"))
    names = [f"c{number}" for number in range(200)]
    world.customers = {name: customer(name) for name in names}
    held = sum(isinstance(world.judge(one(world, id=name)), Withhold) for name in names)
    assert 160 <= held <= 198
    service = World(book(play(more='kind = "service"'), limits="holdout = 0.9"), world.customers)
    assert all(isinstance(service.judge(one(service, id=name)), Send) for name in names)


def test_an_erased_customers_messages_are_dropped_and_nothing_is_kept_of_them() -> None:
    world = World(book())
    message = one(world)
    world.take(change(seq=2, cause="erase", to_segment=None))
    assert len(world.state.people) == 0 and world.state.messages == {} and world.state.by_customer == {}
    assert world.steps[-1] == ("message.dropped", message.id, {"gate": "erased", "seen": {}})
    assert world.state.unaccounted() == 0


# -- answers --------------------------------------------------------------------------------------------------


def sending(channel: str = "mail", more: str = "") -> tuple[World, Message]:
    world = World(book(play(channel=channel, more=more)))
    message = one(world)
    message.status, message.attempt, message.claimed = "sending", 1, NOON
    return world, message


def status_of(message: Message) -> str:
    """Read again: a type checker would remember what the test wrote."""
    return message.status


def answered(world: World, message: Message, answer: Answer, now: int = NOON) -> Outcome:
    outcome = Outcome()
    settle(message, answer, world.state, outcome, now)
    assert world.state.unaccounted() == 0
    return outcome


def test_a_doubtful_mail_is_kept_for_a_person_and_a_doubtful_webhook_is_called_again() -> None:
    world, message = sending()
    answered(world, message, Answer("doubt", "gone"))
    assert message.status == "doubtful" and world.state.ledger.plays["win_back"].doubtful == 1
    world, message = sending("hook")
    answered(world, message, Answer("doubt"))
    assert message.status == "waiting" and 4_000 <= message.due - NOON <= 6_000
    world, message = sending(more='kind = "service"\nwhen_in_doubt = "resend"')
    answered(world, message, Answer("doubt"))
    assert message.status == "waiting"


def test_retries_are_spread_over_hours_end_in_failed_and_obey_retry_after() -> None:
    world, message = sending("hook")
    now = NOON
    for nominal in (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000):
        answered(world, message, Answer("retry", "503"), now)
        assert 0.8 * nominal <= (message.due - now) / 1000 <= 1.2 * nominal
        now, message.status, message.attempt = message.due, "sending", message.attempt + 1
    answered(world, message, Answer("retry", "503"), now)
    assert status_of(message) == "failed" and world.state.ledger.plays["win_back"].failed == 1
    world, message = sending("hook")
    answered(world, message, Answer("retry", "429", after=7 * HOUR))
    assert message.due == NOON + 7 * HOUR
    world, message = sending("hook", 'expires = "1 hour"')
    answered(world, message, Answer("retry", "429", after=7 * HOUR))
    assert message.status == "failed"


def test_a_claim_whose_call_was_never_made_uses_up_no_retry() -> None:
    world = World(book(play(channel="hook", again="0 seconds")))
    message = one(world)
    for attempt in range(1, 4):
        message.status, message.attempt = "sending", attempt
        settle(message, Answer("not_begun"), world.state, Outcome(), NOON)
        assert (message.status, message.due) == ("waiting", NOON)
    message.status, message.attempt = "sending", 4
    settle(message, Answer("retry"), world.state, Outcome(), NOON)
    assert 4_000 <= message.due - NOON <= 6_000, "the first pause, of 5 s"


def test_a_breaker_opens_lets_one_probe_a_minute_pass_and_closes_on_a_success() -> None:
    world, message = sending("hook")
    for _ in range(5):
        message.status = "sending"
        answered(world, message, Answer("retry", "500", channel_down=True))
    held = world.state.ledger.channels["hook"]
    assert held.opened == NOON and held.probe == NOON + 60_000
    assert world.judge(message) == Wait(NOON + 60_000, "breaker")
    assert isinstance(world.judge(message, NOON + 60_000), Send)
    assert world.judge(message, NOON + 60_000, under_way=1) == Wait(NOON + 60_020, "under_way")
    message.status = "sending"
    answered(world, message, Answer("sent"), NOON + 61_000)
    assert held.opened == 0


def test_a_receiver_that_is_gone_pauses_all_plays_of_the_channel() -> None:
    world, message = sending("hook")
    answered(world, message, Answer("refused", "410", gone=True))
    assert world.state.ledger.plays["win_back"].status == "paused" and message.status == "failed"


def test_what_is_repeated_uses_up_nothing_more_but_is_still_stopped_by_leaving_the_list() -> None:
    world, message = sending("hook")
    world.state.person("ann").sends["win_back"] = NOON
    world.state.person("ann").days[20_800] = 9
    message.status = "waiting"
    assert isinstance(world.judge(message), Send)
    world.state.person("ann").lists["offers"] = (False, NOON)
    assert isinstance(world.judge(message), Drop)


def test_suppressions_name_a_list() -> None:
    world = World(book(play(more='list = "news"')))
    key = world.policy.addresses.key("ANN@example.org ", "offers")
    world.state.suppressed[key] = Suppression("offers", 1, "unsubscribed")
    assert isinstance(world.judge(one(world)), Send)
