"""``shop``: simulate a shop with known truth, as events on Kafka or in a file."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.end_requests import ending_signals
from streamer.commands.files import lines_to

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.imports.service import Service
    from streamer.simulator.simulate import Shop

_DAY_MS = 86_400_000


def register(app: typer.Typer) -> None:
    app.command("shop")(shop)


def shop(
    customers: Annotated[int, typer.Option(min=1, help="Number of customers.")] = 1_000,
    rate: Annotated[float, typer.Option(min=0, help="Number of live events per second. 0 sends none.")] = 50.0,
    days: Annotated[
        int, typer.Option(min=0, help="Number of days of history to import before the shop goes live.")
    ] = 0,
    scenario: Annotated[
        Literal["stationary", "shock", "hard", "new-archetype", "bots"], typer.Option(help="Scenario to simulate.")
    ] = "stationary",
    seed: Annotated[int, typer.Option(min=0, help="Random seed. The same seed gives the same shop.")] = 1,
    late: Annotated[float, typer.Option(min=0, max=0.9, help="Share of events that arrive late, from 0 to 1.")] = 0.0,
    duplicates: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of events that are sent twice, from 0 to 1.")
    ] = 0.0,
    broken: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of records that are invalid, from 0 to 1.")
    ] = 0.0,
    ids: Annotated[str, typer.Option(help="Prefix for customer ids.")] = "c",
    start: Annotated[
        str | None, typer.Option(help="First day of the history (YYYY-MM-DD). Default: the history ends today.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Number of seconds to run. Default: run until Ctrl-C.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write each customer's true type to this file as JSON Lines.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the history to this file as JSON Lines instead of to Kafka.")
    ] = None,
) -> None:
    """Run a simulated shop whose customers browse, buy, return goods and lapse.

    The shop's history is imported first; then its customers go live. If the same shop (seed, size and day) was already
    imported, it goes live at once. Needs a running worker: `streamer worker`.

    Example:  streamer shop --customers 5000 --days 180 --rate 200 --late 0.01 --duplicates 0.01
    """
    from streamer.queries.instants import instant
    from streamer.simulator.config import ShopConfig
    from streamer.simulator.simulate import Shop
    from streamer.simulator.truth import write_truth

    if out is not None and not days:
        raise UserError("--out needs at least one day of history", "pass --days, for example --days 180")
    if not (days or rate):
        raise UserError(
            "the shop has neither history nor live events", "pass --days for history, or --rate for live events"
        )
    found = common.settings()
    length = max(1, days)
    if start is not None:
        begins = instant(start, found.policy(1).grid, "--start")
    else:
        # Use whole days, so that the same command on the same day simulates the same shop.
        begins = (time.time_ns() // 1_000_000 // _DAY_MS - length) * _DAY_MS
    world = Shop(
        ShopConfig(
            customers=customers,
            seed=seed,
            scenario=scenario,
            days=length,
            start=begins,
            late=late,
            duplicates=duplicates,
            broken=broken,
            currency=found.currency,
            ids=ids,
        )
    )
    if truth is not None:
        write_truth(world.truth(), truth)
    if out is not None:
        _to_file(world, out)
        return
    _publish(found, world, days, rate, seconds)


def _to_file(world: Shop, out: Path) -> None:
    with lines_to(out, as_it_is=True) as write:
        assert write is not None
        for event in world.events():
            write(event.value)
    common.note(f"wrote {Count(world.rows or 0):|event} to {out}")


def _publish(found: Settings, world: Shop, days: int, rate: float, seconds: float | None) -> None:
    """Import the history, then publish live."""
    from streamer.commands.import_file import connected

    begun = time.monotonic()
    with connected(found, own=False) as service:
        if days:
            _import(service, world, days)
        if rate:
            left = None if seconds is None else max(0.0, seconds - (time.monotonic() - begun))
            asyncio.run(_live(service, world, rate, left))


def _import(service: Service, world: Shop, days: int) -> None:
    from streamer.commands.import_file import shown
    from streamer.imports.importer import Import, begin

    config = world.config
    name = f"a simulated shop of {Count(config.customers):|customer}, seed {config.seed}, {Count(days):|day}"
    try:
        record, resumed = begin(service, world, name, again=False)
    except UserError as error:
        common.note(f"{error.message}; now live")
        return
    with shown() as progress:
        result = Import(service, world, record, progress).run(resumed)
    common.note(f"imported {Count(result.records):|record} in {result.seconds:.1f} s")


async def _live(service: Service, world: Shop, rate: float, seconds: float | None) -> None:
    """Publish until the time is over, or until Ctrl-C or SIGTERM. Reports progress every few seconds."""
    from streamer.demo.live_writer import play

    ended, written = asyncio.Event(), 0

    def on_sent(sent: Any) -> None:
        nonlocal written
        written += 1

    async def print_progress() -> None:
        while True:
            await asyncio.sleep(5)
            common.note(f"{Count(written):|event}")

    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, ended.set)
    if seconds is not None:
        loop.call_later(seconds, ended.set)
    common.note(f"live at {rate:g} events per second; stop with Ctrl-C")
    printing = asyncio.create_task(print_progress())
    try:
        await play(
            world.live(time.time_ns() // 1_000_000, rate, all_types=True),
            service.kafka,
            service.lanes,
            ended.is_set,
            on_sent,
        )
    finally:
        printing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await printing
    common.note(f"{Count(written):|event} published")
