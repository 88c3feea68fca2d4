"""Test that contact columns become traits if names and cells agree, and that an id identifies customers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.contact_columns import contacts_of
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import Proposal, propose

NOW = 1_735_689_600_000
ROWS = (
    "1;k1;2024-01-05;10.00;Ada Lovelace;ada@x.example;+49 171 2345678;de;Europe/Berlin",
    "2;k2;2024-01-06;20.00;Bo Öz;bo@y.example;0171/2345679;en-GB;Europe/London",
    "3;k1;2024-02-06;5.00;Ada Lovelace;ada@x.example;+49 171 2345678;de;Europe/Berlin",
)
HEADERS = {
    "en": "Order ID;Customer ID;Date;Total;Customer Name;E-Mail Address;Phone Number;Language;Time Zone",
    "en-billing": "order_id;user_id;created_at;total;billing_name;billing_email;billing_phone;locale;timezone",
    "de": "Bestellnr;Kundennr.;Bestelldatum;Gesamtbetrag;Kundenname;E-Mail-Adresse;Telefonnummer;Sprache;Zeitzone",
    "fr": "N° de commande;Numéro client;Date de commande;Montant;Nom du client;Courriel;Téléphone portable;Langue;Fuseau horaire",
    "es": "Pedido;Código cliente;Fecha;Importe;Nombre completo;Correo electrónico;Teléfono;Idioma;Zona horaria",
    "zh": "订单编号;客户编号;下单时间;实付金额;客户姓名;电子邮箱;手机号码;语言;时区",
}
ADA = {
    "name": "Ada Lovelace",
    "email": "ada@x.example",
    "phone": "+49 171 2345678",
    "language": "de",
    "timezone": "Europe/Berlin",
}


def proposed(folder: Path, *lines: str) -> tuple[Proposal, MappedFile]:
    path = folder / "orders.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = propose(path)
    assert found.mapping is not None
    return found, MappedFile(path, read_mapping(found.mapping, "a test"), now_ms=NOW)


def traits(source: MappedFile) -> dict[str, Mapping[str, Any]]:
    """Return the profiles of a file, by customer."""
    found: dict[str, Mapping[str, Any]] = {}
    for event in source.events():
        body = json.loads(event.value)
        if body["type"] == "profile.updated":
            found[body["customer_id"]] = body["traits"]
    return found


@pytest.mark.parametrize("language", HEADERS)
def test_contact_columns_are_proposed_as_traits(tmp_path: Path, language: str) -> None:
    proposal, source = proposed(tmp_path, HEADERS[language], *ROWS)
    columns = HEADERS[language].split(";")
    shown = dict(proposal.fields)
    assert shown["customer_id"] == columns[1]
    assert [shown[f"traits.{name}"] for name in ADA] == columns[4:]
    assert traits(source)["k1"] == ADA
    checked = check(source, Policy(), NOW)
    assert checked.agrees and checked.applied.net == 3500 and checked.customers == 2


def test_every_customer_is_told_of_once(tmp_path: Path) -> None:
    _, source = proposed(tmp_path, HEADERS["en"], *ROWS)
    assert [json.loads(event.value)["type"] for event in source.events()].count("profile.updated") == 2


@pytest.mark.parametrize(
    ("header", "rows", "customer", "told"),
    [
        # An id takes precedence over an address, wherever it is and whatever its name.
        ("email,order,date,total,client id", ["a@x.example,1,2024-01-05,5,9"], "9", {"email": "a@x.example"}),
        (
            "E-Mail,Bestellnr,Datum,Betrag,Kunden-Nr (alt)",
            ["a@x.example,1,2024-01-05,5,9"],
            "9",
            {"email": "a@x.example"},
        ),
        ("phone,order,date,total,user_id", ["0171 2345678,1,2024-01-05,5,9"], "9", {"phone": "0171 2345678"}),
        # Without one, the address is both.
        ("Email,order,date,total", ["A@x.example,1,2024-01-05,5"], "a@x.example", {"email": "A@x.example"}),
        ("手机号,订单编号,下单时间,实付款", ["13800138000,1,2024-01-05,5"], "13800138000", {"phone": "13800138000"}),
        # A name next to an address is not an id, because two people may share it.
        (
            "Customer,Email,order,date,total",
            ["Ada Byron,a@x.example,1,2024-01-05,5", "Ada Byron,b@x.example,2,2024-01-06,5"],
            "a@x.example",
            {"name": "Ada Byron", "email": "a@x.example"},
        ),
        # An id that identifies nobody falls back to the address.
        (
            "user_id,email,order,date,total",
            ["0,a@x.example,1,2024-01-05,5", "7,b@x.example,2,2024-01-06,5"],
            "a@x.example",
            {"email": "a@x.example"},
        ),
        (
            "Customer ID,First Name,Last Name,order,date,total",
            ["9,Ada,Byron,1,2024-01-05,5", "9,Ada,Byron,2,2024-01-06,5"],
            "9",
            {"name": "Ada Byron"},
        ),
        (
            "Kundennr;Vorname;Nachname;Sprache;Bestellnr;Datum;Betrag".replace(";", ","),
            ["9,Ada,Byron,Deutsch,1,2024-01-05,5", "8,Bo,Öz,Englisch,2,2024-01-06,5"],
            "9",
            {"name": "Ada Byron", "language": "de"},
        ),
        (
            "客户编号,姓名,语言,手机,订单编号,下单时间,实付款",
            ["9,王小明,简体中文,'13800138000,1,2024-01-05,5"],
            "9",
            {"name": "王小明", "phone": "13800138000", "language": "zh-CN"},
        ),
    ],
)
def test_who_bought_and_how_to_reach_them_are_told_apart(
    tmp_path: Path, header: str, rows: list[str], customer: str, told: Mapping[str, str]
) -> None:
    _, source = proposed(tmp_path, header, *rows)
    assert traits(source)[customer] == told


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        # The names suggest one thing, the cells another.
        ("customer id,order,date,total,email", ["9,1,2024-01-05,5,yes", "8,2,2024-01-05,5,no"]),
        ("customer id,order,date,total,email", ["9,1,2024-01-05,5,a@localhost"]),
        ("customer id,order,date,total,phone", ["9,1,2024-01-05,5,iPhone 12"]),
        ("customer id,order,date,total,mobile", ["9,1,2024-01-05,5,1", "8,2,2024-01-05,5,0"]),
        ("customer id,order,date,total,language", ["9,1,2024-01-05,5,Python"]),
        ("customer id,order,date,total,time zone", ["9,1,2024-01-05,5,+01:00"]),
        ("customer id,order,date,total,name", ["9,1,2024-01-05,5,#1001"]),
        ("customer id,order,date,total,email", ["9,1,2024-01-05,5,", "8,2,2024-01-05,5,null"]),
        # What differs between orders is what was bought.
        ("customer id,order,date,total,name", ["9,1,2024-01-05,5,Blue Mug", "9,2,2024-01-06,5,Red Mug"]),
        ("customer id,order,date,sku,price,quantity,name", ["9,1,2024-01-05,A,5,1,Blue Mug"]),
    ],
)
def test_what_is_no_contact_is_left_alone(tmp_path: Path, header: str, rows: list[str]) -> None:
    proposal, source = proposed(tmp_path, header, *rows)
    assert proposal.mapping is not None and "profile.updated" not in proposal.mapping
    assert traits(source) == {}


def test_a_customer_note_is_no_id(tmp_path: Path) -> None:
    proposal, _ = proposed(tmp_path, "customer note,email,date,total", "ring twice,a@x.example,2024-01-05,5")
    assert dict(proposal.fields)["customer_id"] == "email"


def test_some_odd_cells_cost_themselves_alone(tmp_path: Path) -> None:
    rows = [f"{number},k{number},2024-01-05,5,k{number}@x.example" for number in range(30)]
    rows[3] = "3,k3,2024-01-05,5,unknown"
    _, source = proposed(tmp_path, "order,customer id,date,total,email", *rows)
    assert len(traits(source)) == 29
    assert source.expected == 59 and source.rejected == 0


def test_columns_of_orders_are_not_taken_again() -> None:
    rows = [{"id": "9", "mail": "a@x.example"}]
    assert contacts_of(["id", "mail"], rows, {"customer_id": "id", "coupon": "mail"}) == ()
