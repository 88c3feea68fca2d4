"""``demo``: run everything on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.end_requests import end_requests

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.demo.demo import Demo
    from streamer.imports.result import Result
    from streamer.imports.service import Service
    from streamer.simulator.simulate import Shop

_DAY_MS = 86_400_000
_HISTORY_SECONDS = 25.0
_BESIDE = ("web", "act")
_LOOK_SECONDS = 0.25
_LINE_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Number of seconds to run. Default: run until Ctrl-C.")
    ] = None,
    customers: Annotated[int, typer.Option(min=1, help="Number of customers in the simulated shop.")] = 1_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Number of live events per second.")] = 50.0,
    json: Json = False,
) -> None:
    """Run a complete demo: Kafka, Valkey, a worker, the model owner and a simulated shop.

    The shop's last 180 days are replayed in half a minute while segments and behaviour clusters form. Then its
    customers go live. There is nothing to install or configure. The demo's data is kept until the next demo, or until
    you import a file of your own. Data that contains customers of your own is never deleted.

    The demo prints a link to the console. While it runs, try these in another terminal: `streamer watch`, `streamer
    publish order --customer me --total 59.90`

    Example:  streamer demo --seconds 60
    """
    begun = time.monotonic()
    found = common.settings()
    if found.kafka and not found.topic_prefix:
        # Do not write to topics that may belong to a shop.
        found = common.settings({"topic_prefix": "demo"})
        common.note("STREAMER_KAFKA is set, so the demo uses its own topics (STREAMER_TOPIC_PREFIX=demo)")
    from streamer.commands.import_file import connected
    from streamer.demo.demo import Demo
    from streamer.imports.demos import NAME

    texts = messages(found.language)
    with connected(found) as service:
        _make_room(service, found)
        run = _number(service, found)
        # A short demo must also get to the live part.
        least = _HISTORY_SECONDS if seconds is None else min(_HISTORY_SECONDS, seconds / 2)
        history = least, None if seconds is None else 0.6 * seconds
        show = Demo(service, _shop(found, run, customers), f"{NAME}, run {run}", rate, history, _BESIDE)
        try:
            show.start()
            with _until_stopped(seconds) as over:
                _watch(show, over, texts, found, live=not json)
                common.note("stopping")
                result = show.end()
        finally:
            show.close()
        answer = {**result.to_dict(), **_more(show, found), "exit": "ok"}
    if json:
        common.print_json(answer)
    else:
        _summary(show, result, found, begun)


def _make_room(service: Service, found: Settings) -> None:
    """Delete the data of earlier demos, unless it is in use or mixed with other data."""
    from streamer.demo.reset import put_away
    from streamer.imports.demos import NAME

    if found.kafka or not any(one.name.startswith(NAME) for one in service.imports.imports()):
        return
    if put_away(service, found.home, common.note):
        common.note("removed the last demo's shop; starting a new one")
    else:
        common.note(
            "earlier demo data is in use or holds other customers, so a new shop starts beside it; "
            f"to start over, delete {found.home}"
        )


def _number(service: Service, found: Settings) -> int:
    """Return the number of this demo run. Raises UserError if the service has other customers."""
    from streamer.adapters.redis_reader import totals
    from streamer.imports.demos import NAME

    runs = sum(one.name.startswith(NAME) for one in service.imports.imports())
    if not runs and totals(service.view.ledgers()).customers:
        raise UserError(
            "this service contains customers that are not from the demo",
            "to run the demo beside them, set STREAMER_TOPIC_PREFIX=demo"
            + ("" if found.kafka else ", or STREAMER_HOME to another folder"),
        )
    return runs + 1


def _shop(found: Settings, run: int, customers: int) -> Shop:
    """Return this run's shop, whose customers differ from earlier runs' and whose history ends now."""
    from streamer.demo.demo import HISTORY_DAYS
    from streamer.simulator.config import ShopConfig
    from streamer.simulator.simulate import Shop

    return Shop(
        ShopConfig(
            customers=customers,
            seed=run,
            days=HISTORY_DAYS,
            start=time.time_ns() // 1_000_000 - HISTORY_DAYS * _DAY_MS,
            late=0.01,
            duplicates=0.01,
            broken=0.001,
            currency=found.currency,
            ids=f"c{run}-",
        )
    )


@contextmanager
def _until_stopped(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether it is time to end: after ``seconds``, or at Ctrl-C or SIGTERM."""
    deadline = None if seconds is None else time.monotonic() + seconds
    with end_requests() as requested:
        yield lambda: requested.wait(_LOOK_SECONDS) or (deadline is not None and time.monotonic() >= deadline)


def _watch(show: Demo, over: Callable[[], bool], texts: Messages, found: Settings, *, live: bool) -> None:
    """Show progress until the end. Raises UserError if an embedded server exits."""
    from streamer import embedded

    # Clients would retry for ever and log every attempt.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    def look() -> None:
        if not (found.kafka and found.redis):
            embedded.check_alive(found.home)
        show.look()
        print_link()

    print_link = _link_printer(found)

    from streamer.demo.demo_screen import Screen, cells, headline

    out = common.console()
    if live and out.is_terminal:
        from rich.live import Live

        with Live(Screen(show.show, texts), console=out, auto_refresh=False, transient=True) as view:
            while not over():
                look()
                view.update(Screen(show.show, texts), refresh=True)
        return
    printed_at, first = time.monotonic(), True
    while not over():
        look()
        if (first and show.show.changes) or time.monotonic() - printed_at >= _LINE_SECONDS:
            printed_at, first = time.monotonic(), not show.show.changes
            common.note(headline(show.show, texts).plain)
            for change in list(show.show.latest)[-1:]:
                common.note("  " + "  ".join(cells(change, texts)))


def _link_printer(found: Settings) -> Callable[[], None]:
    """Return a function that prints a link to the console once it is served."""
    from streamer.client import presence
    from streamer.web.console.sessions import console_url

    printed = False

    def print_link() -> None:
        nonlocal printed
        if printed or (url := presence.url_of(found.home)) is None:
            return
        printed = True
        if not url.endswith(f":{found.web_port}"):
            common.note(f"port {found.web_port} is in use by another program, so the console uses a different one")
        common.note(f"Console: {console_url(found)}")

    return print_link


def _more(show: Demo, found: Settings) -> dict[str, Any]:
    """Return the demo's results in addition to those of an import."""
    server, _, version = show.service.imports.server().partition(" ")
    return {
        "append_to_change_seconds": show.show.latency.quantiles(),
        "kafka": {"version": _kafka_version(show, found), "embedded": found.kafka is None},
        "redis": {"server": server, "version": version, "embedded": found.redis is None},
    }


def _kafka_version(show: Demo, found: Settings) -> str:
    if found.kafka is None:
        from streamer.embedded.broker import KAFKA_VERSION

        return KAFKA_VERSION
    from streamer.adapters.admin import cluster_info

    kafka = show.service.kafka
    return cluster_info(kafka.bootstrap, security=kafka.security).version


def _summary(show: Demo, result: Result, found: Settings, begun: float) -> None:
    from streamer.imports import result as results

    out = common.console()
    texts = messages(found.language)
    results.show(result, found.currency, out, texts)
    seen = show.show
    if seen.first_change is not None:
        out.print(texts("first change", seconds=seen.first_change - begun))
    latency = seen.latency.quantiles()
    if latency["p50"] is not None:
        out.print(texts("readable after", **latency))
    customer = seen.latest[-1]["customer_id"] if seen.latest else "c1-000001"
    prefix = f"STREAMER_TOPIC_PREFIX={found.topic_prefix} " if found.topic_prefix else ""
    out.print(texts("next"))
    if not (found.kafka and found.redis):
        out.print("  streamer up", style="bold")
    else:
        out.print(f"  {prefix}streamer segments list", style="bold")
    out.print(f"  {prefix}streamer customer show {customer}", style="bold")
    terminal = texts("another terminal", command=f"{prefix}streamer watch")
    out.print(f"  {prefix}streamer worker      {terminal}", style="bold")
