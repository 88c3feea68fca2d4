"""Test what ``doctor`` reports about omitted event fields, custom events, and dead letters."""

from __future__ import annotations

from schemas.deadletters import REASONS
from streamer.queries.findings import events, of_guests, refused


def test_fields_left_out_are_a_note_and_own_events_are_listed() -> None:
    left_out, own = events(
        {"fields_ignored": {"currency": 3, "products.price": 1_200}, "tracked": {"Signed Up": 2, "a\x1b[31m": 1}}
    )
    assert left_out.text == "fields ignored or assumed: products.price 1,200, currency 3"
    assert not left_out.wrong and "STREAMER_STRICT" in (left_out.hint or "")
    assert own.text.startswith("your own, by name: Signed Up 2, ") and own.hint is None and "\x1b" not in own.text
    assert not list(events({"fields_ignored": {}, "tracked": {}}))


def test_every_reason_of_a_dead_letter_has_a_hint_of_its_own() -> None:
    found = list(refused({"dead_letters": dict.fromkeys(REASONS, 1), "consumed": 100}))
    hints = [one.hint for one in found]
    assert len(set(hints)) == len(REASONS) and "see `streamer deadletters list`" not in hints


def test_orders_of_guests_are_listed_with_their_money() -> None:
    state = {"guest_orders": 1_200, "guest_refunds": 1, "guest_money": {"EUR": 123_450, "JPY": 900}}
    (found,) = of_guests(state)
    assert found.hint is None
    assert found.text == (
        "orders without a customer, in no other figure: 1,200 orders, 1 refund, 1,234.50 EUR, 900 JPY net"
    )
    assert not list(of_guests({"guest_orders": 0, "guest_refunds": 0, "guest_money": {}}))
