"""Test coupons: each code once, in loading order; an exhausted pool drops the message; an erase unlinks the customer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from act_world import DAY, HEAD, NOON, POLICY, SEGMENTS, World, book, change, customer, play
from pydantic import ValidationError

from models.customer.customer import Customer
from schemas import topics
from schemas.act import CouponsCommand, PlayCommand, decode_command, encode_command
from schemas.errors import InvalidEvent, UserError
from schemas.events import OrderCompleted
from schemas.records import Record
from streamer.act import store
from streamer.act.calls import Calls
from streamer.act.heart import coupons
from streamer.act.heart.plan import forget
from streamer.act.heart.state import Message, Outcome, State
from streamer.act.incoming import take_event
from streamer.act.judging import Judge
from streamer.act.links import Links
from streamer.act.plays.book import Book
from streamer.act.plays.coupon_rule import CouponRule
from streamer.act.plays.declared import load
from streamer.act.ports import Seen
from streamer.act.preview import Preview
from streamer.act.render import check
from streamer.act.timers import Timers
from streamer.queries.coupons import codes_in, pools

RULE = CouponRule(pool="back10", valid=14 * DAY)
COUPON = 'coupon = { pool = "back10", valid = "14 days" }'
END = "{{ why }} {{ shop.name }} {{ shop.address }} {{ unsubscribe_url }}"
TEXTS = {
    "win_back.en.subject": "A present",
    "win_back.en.text": "{{ coupon.code }} until {{ coupon.until }}. " + END,
    "win_back.en.html": "{{ coupon.code }} " + END,
    "win_back.zh.subject": "礼物",
    "win_back.zh.text": "{{ coupon.code }} {{ coupon.until }} " + END,
    "win_back.zh.html": "{{ coupon.code }} " + END,
}


class Unused:
    """A journal that no call of these tests reaches."""

    name = "j"


def judge() -> Judge:
    calls = Calls({}, Unused(), lambda: True, lambda: None)  # type: ignore[arg-type]
    return Judge(POLICY, Links(b"k"), Timers(), calls, "j", "en")


def written(*plays: str, templates: dict[str, str] = TEXTS) -> Book:
    found = load(HEAD + "".join(plays), 1, SEGMENTS, templates)
    for one in found.plays.values():
        check(found, one)
    return found


def world(more: str = COUPON, codes: tuple[str, ...] = ("A1", "B2"), **held: Customer) -> World:
    people = held or {name: customer(name) for name in ("ann", "bob", "cid")}
    made = World(written(play(more=more)), people)
    made.state.coupons.load("back10", codes)
    return made


def claim(made: World, message: Message, now: int = NOON) -> tuple[str, Outcome]:
    """Judge a message; return the text of its mail, empty if none is sent."""
    outcome = Outcome()
    call = judge().look(message, Seen(made.customers[message.customer], 0, now), made.state, outcome, now)
    return ("" if call is None else call.rendered.parts["text"]), outcome


def restored(made: World, *outcomes: Outcome) -> State:
    """Return what another owner knows from the topic."""
    found = State()
    for outcome in outcomes:
        records = store.writes(outcome, made.state, 1)[topics.ACT, 0]
        store.restore(((write.key or b"", write.value) for write in records), found)
    return found


def test_each_message_takes_the_next_code_and_says_until_when() -> None:
    made = world()
    texts = []
    for name in ("ann", "bob"):
        [message] = made.take(change(name))
        text, outcome = claim(made, message)
        [step] = [one for one in outcome.steps if one.type == "message.sending"]
        assert step.more["coupon"] == message.coupon and outcome.coupons == {message.coupon}
        texts.append(text.split(".")[0])
    day = date.fromtimestamp((NOON + 14 * DAY) / 1000)
    assert texts == [f"A1 until {day.day} {day:%B %Y}", f"B2 until {day.day} {day:%B %Y}"]


def test_the_day_until_is_the_customers_own() -> None:
    late = NOON + 11 * 3_600_000  # 23:00 UTC, and the next day in Shanghai
    shanghai, london = customer(timezone="Asia/Shanghai"), customer(timezone="Europe/London")
    there, here = (coupons.given("A", RULE, one, "UTC", late) for one in (shanghai, london))
    assert there is not None and here is not None and there.until is not None and here.until is not None
    assert (there.until - here.until).days == 1
    assert coupons.given("A", CouponRule(pool="x"), None, "UTC", late) == ("A", None)


def test_an_exhausted_pool_drops_the_message_and_says_which() -> None:
    made = world(codes=("A1",))
    for name in ("ann", "bob"):
        [message] = made.take(change(name))
        text, outcome = claim(made, message)
    assert text == "" and made.state.ledger.plays["win_back"].dropped == {"coupon": 1}
    assert outcome.steps[-1].more == {"gate": "coupon", "seen": {"pool": "back10", "free": 0}}
    # It used up nothing: no cap, no cooldown.
    assert made.state.person("bob").sends == {} and made.state.unaccounted() == 0


def test_a_code_is_not_taken_where_the_template_cannot_be_filled_or_the_customer_is_held_out() -> None:
    broken = {name: text + "{{ customer.city }}" for name, text in TEXTS.items()}
    made = World(written(play(more=COUPON), templates=broken), {"ann": customer()})
    made.state.coupons.load("back10", ["A1"])
    [message] = made.take(change())
    claim(made, message)
    assert (
        made.state.ledger.plays["win_back"].dropped == {"render": 1} and made.state.coupons.pools()["back10"].free == 1
    )

    held = World(written(play(more=COUPON, holdout=0.9)), {f"c{n}": customer(f"c{n}") for n in range(60)})
    held.state.coupons.load("back10", [f"x{n}" for n in range(60)])
    for name in held.customers:
        [message] = held.take(change(name))
        claim(held, message)
    withheld, given = held.state.ledger.plays["win_back"].withheld, held.state.coupons.pools()["back10"].given
    assert withheld > 40 and given == 60 - withheld


def test_a_repeat_says_the_same_code_and_takes_no_other() -> None:
    made = world()
    [message] = made.take(change())
    first, outcome = claim(made, message)
    message.status = "waiting"
    again, _ = claim(made, message, NOON + DAY)
    assert first.split(".")[0] == again.split(".")[0] and made.state.coupons.pools()["back10"] == (1, 1, 0)
    # Another owner knows it too, and assigns the other one to the next customer.
    state = restored(made, outcome)
    assert state.messages[message.id].coupon == "A1" and state.coupons.offered(RULE, "") is None
    assert state.coupons.pools()["back10"] == (0, 1, 0)


def test_codes_that_are_made_are_the_same_for_a_message_and_for_nobody_else() -> None:
    made = world('coupon = { made = "BACK-{code}" }')
    texts = {}
    for name in ("ann", "bob"):
        [message] = made.take(change(name))
        text, _ = claim(made, message)
        texts[name] = text.split()[0]
        assert texts[name] == f"BACK-{Links(b'k').code(message.id)}" != f"BACK-{Links(b'other').code(message.id)}"
    assert texts["ann"] != texts["bob"] and made.state.coupons.pools().keys() == {"back10"}


def test_loading_again_brings_back_nothing_and_moves_nothing() -> None:
    made = world()
    [message] = made.take(change())
    claim(made, message)
    assert made.state.coupons.load("back10", ["A1", "B2", "C3", "C3"]) == ["C3"]
    assert made.state.coupons.load("other", ["A1", "C3"]) == []
    assert made.state.coupons.pools() == {"back10": (2, 1, 0)}
    assert made.state.coupons.offered(RULE, "") == "B2"


def test_an_erase_unties_the_customer_and_the_code_stays_given() -> None:
    made = world()
    [message] = made.take(change())
    _, claimed = claim(made, message)
    outcome = Outcome()
    forget("ann", made.state, outcome, NOON)
    assert outcome.coupons == {"A1"}
    coupon = restored(made, claimed, outcome).coupons.get("A1")
    assert coupon is not None and (coupon.customer, coupon.message, coupon.given) == ("", "", NOON)
    assert made.state.coupons.offered(RULE, "") == "B2"


def test_an_order_that_names_a_code_counts_as_its_use_once() -> None:
    made = world()
    [message] = made.take(change())
    claim(made, message)
    for number, (code, used) in enumerate([("nothing", 0), ("B2", 0), ("A1", 1), ("A1", 1)]):
        event = OrderCompleted.model_validate(
            {
                "event_id": f"e{number}",
                "type": "order.completed",
                "customer_id": "eve",
                "occurred_at": "2026-12-01T10:00:00Z",
                "order_id": f"o{number}",
                "total": 10,
                "currency": "EUR",
                "coupon": code,
            }
        )
        outcome = Outcome()
        record = Record(0, number, NOON, b"eve", event.model_dump_json(exclude_none=True).encode(), ())
        take_event(record, made.state, outcome, NOON)
        assert made.state.coupons.pools()["back10"].used == used, code
        assert bool(outcome.coupons) == (number == 2)


def test_a_pool_is_low_when_a_tenth_is_left_or_a_play_waits_for_codes() -> None:
    made = world(codes=tuple(f"c{n}" for n in range(10)))
    assert pools(made.state)["back10"] == {"free": 10, "given": 0, "used": 0, "low": False, "plays": ["win_back"]}
    for number in range(9):
        made.state.coupons.give(f"c{number}", RULE, "win_back", "m", "ann", NOON)
    assert pools(made.state)["back10"]["low"]
    empty = world(codes=())
    assert pools(empty.state) == {"back10": {"free": 0, "given": 0, "used": 0, "low": True, "plays": ["win_back"]}}


def test_the_preview_drops_what_the_pool_cannot_serve() -> None:
    found = written(play(more=COUPON))
    people = {name: customer(name) for name in ("ann", "bob", "cid")}
    held = coupons.Coupons()
    held.load("back10", ["A1", "B2"])
    run = Preview(found, ["win_back"], people, POLICY, of=1000, coupons=held)
    funnel = run.run([change(name, at=NOON + 60_000 * n) for n, name in enumerate(people)], NOON + DAY)["win_back"]
    assert (funnel.planned, funnel.sent, funnel.dropped) == (3, 2, {"coupon": 1})


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ('coupon = "back10"', "coupon needs either a pool or a code format"),
        ('coupon = { pool = "a", made = "{code}" }', "coupon needs either a pool or a code format"),
        ('coupon = { valid = "14 days" }', "coupon needs either a pool or a code format"),
        ('coupon = { pool = "back 10" }', "pool cannot be 'back 10'"),
        ('coupon = { made = "BACK" }', "made cannot be 'BACK'"),
        ('coupon = { pool = "a", valid = "soon" }', "valid cannot be 'soon'"),
        ('coupon = { pool = "a", until = "soon" }', "coupon has no 'until'"),
    ],
)
def test_a_mistaken_coupon_is_named(option: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        book(play(more=option))
    assert problem in raised.value.message


def test_templates_and_plays_agree_on_coupons() -> None:
    with pytest.raises(UserError, match="does not contain coupon"):
        written(play(more=COUPON), templates={name: text.replace("coupon.code", "why") for name, text in TEXTS.items()})
    with pytest.raises(UserError, match="uses a coupon, but play win_back"):
        written(play())


def test_files_of_codes_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "codes.txt"
    path.write_bytes("\ufeffA1\r\n\r\n B2 \nA1\n".encode())
    assert codes_in(path) == ["A1", "B2"]
    for text, message in (
        ("A1\nB 2\n", "line 2 is not a coupon code"),
        ("x" * 65, "line 1"),
        ("A,B", "line 1"),
        ("\n", "no codes"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            codes_in(path)
    with pytest.raises(UserError, match="cannot read"):
        codes_in(tmp_path / "none")


def test_orders_to_load_are_told_from_orders_for_plays() -> None:
    order = CouponsCommand(pool="back10", codes=("A1",))
    assert decode_command(*encode_command(order)) == (order, [])
    pause = PlayCommand(action="pause", play="win_back")
    assert decode_command(*encode_command(pause)) == (pause, [])
    with pytest.raises(ValidationError):
        CouponsCommand(pool="back10", codes=("A 1",))
    with pytest.raises(InvalidEvent):
        decode_command(b'{"type":"coupons.command","pool":"x","codes":[]}')
