"""``up``, ``down``, ``status``: run the embedded servers, and show the service's state."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import messages
from streamer import embedded
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.config.settings import Settings
    from streamer.embedded.home import Progress


def register(app: typer.Typer) -> None:
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(
    all: Annotated[
        bool, typer.Option("--all", help="Also start the service (workers, act and web) in the background.")
    ] = False,
    json: Json = False,
) -> None:
    """Start the embedded Kafka and Valkey, and leave them running until `streamer down`.

    Data is kept in STREAMER_HOME between runs. If the servers are already running, their addresses are shown.

    With --all, the service also runs in the background, with one process per role: a worker, the model owner, `act` for
    plays, and `web` for the console. A link to the console is printed. Processes that exit are restarted, and all of
    them log to STREAMER_HOME/service.log.

    Example:  streamer up && streamer worker
    """
    found = common.settings()
    if found.kafka and found.redis:
        common.note("STREAMER_KAFKA and STREAMER_REDIS are set, so commands use them instead of the embedded servers")
    with common.progress("starting Kafka and Valkey") as on_progress:
        addresses = embedded.up(found.home, on_progress, common.note)
        service = _keep_service(found, on_progress) if all else {}
    if json:
        common.print_json({**asdict(addresses), "home": str(found.home), **service})
        return
    out = common.console()
    out.print(f"Kafka {addresses.kafka_version} at {addresses.kafka}")
    out.print(f"{addresses.redis_version} at {addresses.redis}")
    if all:
        out.print(f"the service is running; its log is {service['log']}", markup=False, soft_wrap=True)
        out.print(f"Console: {service['console']}", markup=False, soft_wrap=True)
        return
    out.print(
        "next: `streamer worker`; then `streamer act` for plays, `streamer web` for pages and the API; `streamer down` stops them"
    )


def _keep_service(found: Settings, progress: Progress) -> dict[str, Any]:
    """Start a background process for each role, and return the log's path and the console's address."""
    from streamer.commands.worker import prepare
    from streamer.runtime.background import Background
    from streamer.web.console.sessions import console_url

    with connections(found) as to:
        prepare(to)
        kept, uses_ours = Background(found.home, to.arguments()), to.embedded is not None
    progress("starting workers, act and web")
    kept.keep(lambda: not uses_ours or embedded.status(found.home).addresses is not None)
    return {"service_pid": kept.pid, "log": str(kept.log), "console": console_url(found)}


def down(json: Json = False) -> None:
    """Stop the embedded Kafka and Valkey, and the service that `streamer up --all` started. Data is kept.

    Example:  streamer down
    """
    from streamer.runtime.background import Background

    found = common.settings()

    def stop_service() -> bool:
        service = Background(found.home)
        ran = service.left()
        service.stop()
        return ran

    with common.progress("stopping Kafka and Valkey") as on_progress:
        ran = embedded.down(found.home, on_progress, stop_service)
    if json:
        common.print_json({"stopped": ran, "home": str(found.home)})
    else:
        common.console().print("stopped" if ran else f"nothing is running in {found.home}")


def status(json: Json = False) -> None:
    """Show service health: servers, topics, lag, customers, and whether every record is accounted for.

    Exits with code 1 if no servers are running or a lane has stopped.

    Example:  streamer status --json
    """
    from streamer.runtime.background import Background

    found = common.settings()
    servers, kept = embedded.status(found.home), Background(found.home)
    answer: dict[str, Any] = {
        "home": str(found.home),
        "service": {"pid": kept.find(), "log": str(kept.log)},
        "embedded": {
            "kafka_pid": servers.kafka_pid,
            "redis_pid": servers.redis_pid,
            "kept": servers.kept,
            "addresses": None if servers.addresses is None else asdict(servers.addresses),
        },
    }
    out = common.console()
    if not json:
        _show_servers(servers)
        if kept.alive():
            out.print(f"the service runs in the background (`streamer up --all`); its log is {kept.log}", markup=False)
    if servers.addresses is None and not (found.kafka and found.redis):
        if json:
            common.print_json(answer)
        else:
            out.print("start them with `streamer up`, or set STREAMER_KAFKA and STREAMER_REDIS")
        raise typer.Exit(common.EXIT_ERROR)
    from streamer.queries.service import service

    with connections(found) as to:
        answer |= service(to)
    if json:
        common.print_json(answer)
    else:
        _show_service(answer)
    if answer.get("stopped"):
        raise typer.Exit(common.EXIT_ERROR)


def _show_servers(servers: embedded.Status) -> None:
    out = common.console()
    if servers.addresses is not None:
        kept = "kept by `streamer up`" if servers.kept else "started by a running command"
        out.print(f"embedded Kafka {servers.addresses.kafka_version} at {servers.addresses.kafka} ({kept})")
        out.print(f"embedded {servers.addresses.redis_version} at {servers.addresses.redis}")
    elif servers.kafka_pid or servers.redis_pid:
        out.print(f"the embedded servers in {servers.home} are starting or stopping, or one of them has exited")
    else:
        out.print(f"no embedded servers are running in {servers.home}")


def _show_service(answer: dict[str, Any]) -> None:
    from streamer.queries.findings import guest_figures, hiding

    out = common.console()
    out.print(f"Kafka in use: {answer['kafka']}, Redis in use: {answer['redis']}", markup=False)
    if not answer["topics"]:
        out.print("there are no topics yet; a worker creates them: `streamer worker`")
        return
    texts, workers = messages(common.settings().language), answer["workers"]
    who = texts("status workers", workers=workers) if workers else texts("status no worker")
    out.print(texts("status lanes", lanes=answer["lanes"], lag=answer["lag"], workers=who))
    out.print(f"act: {answer['act']} running" if answer["act"] else "act: not running, so no play sends messages")
    out.print(f"web: at {answer['web']}" if answer["web"] else "web: not running in this folder", markup=False)
    if (error := answer["last_error"]) is not None:
        out.print(f"the last worker on this machine ended at {error['at']}: {error['why']}", markup=False)
    for lane, text in answer["stopped"].items():
        out.print(f"lane {lane} has stopped {text}", markup=False)
    for lane, behind in answer["hidden"].items():
        out.print("; ".join(hiding(lane, **behind)), markup=False)
    for lane, progress in answer["restoring"].items():
        share = progress["passed"] / max(progress["of"], 1)
        out.print(
            f"lane {lane} is being restored: {share:.0%} of its changelog has been read back "
            f"(offset {progress['passed']:,} of {progress['of']:,}); its customers do not move until it is done"
        )
    dead = sum(answer["dead_letters"].values())
    counts = {
        name: answer[name]
        for name in ("consumed", "applied", "late", "duplicates", "rerouted", "control", "unaccounted")
    }
    out.print(texts("status records", dead=dead, **counts))
    out.print(texts("status customers", customers=answer["customers"], orders=answer["orders"]))
    if answer["guest_orders"] or answer["guest_refunds"]:
        out.print(texts("finding guests", **guest_figures(answer)))
    for segmentation, segments in answer["segments"].items():
        sizes = ", ".join(f"{name} {count:,}" for name, count in segments.items())
        out.print(f"  {segmentation}: {sizes}", markup=False)
