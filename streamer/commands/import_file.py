"""``import``: write the events of a file to the service, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.check_file import Check, Html, SaveMapping, Undo, look_first, save, undone
from streamer.commands.common import Json
from streamer.commands.files import (
    ChangesFile,
    Format,
    Mapped,
    MembershipsFile,
    RejectsFile,
    ReportFile,
    check_currencies,
    check_workers_currency,
    lines_to,
    print_rejects,
    settings_for,
    source_of,
)
from streamer.commands.recognise import recognised

if TYPE_CHECKING:
    from streamer.adapters.import_view import ImportRecord
    from streamer.config.settings import Settings
    from streamer.imports.importer import ImportProgress
    from streamer.imports.service import Service


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="Path of the events file.")],
    format: Format = None,
    again: Annotated[
        bool, typer.Option("--again", help="Import the file even if the same content was imported before.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Skip all confirmation prompts, even if the shop has no exchange rate for the file's currency.",
        ),
    ] = False,
    mapping: Mapped = None,
    rejects: RejectsFile = None,
    check: Check = False,
    html: Html = None,
    save_mapping: SaveMapping = None,
    undo: Undo = False,
    beside_demo: Annotated[
        bool, typer.Option("--beside-demo", help="Keep the demo's customers instead of deleting them.")
    ] = False,
    changes: ChangesFile = None,
    memberships: MembershipsFile = None,
    report: ReportFile = None,
    json: Json = False,
) -> None:
    """Import past events into the service, and wait until they are applied.

    Uses the running workers, or starts one for the import. Changes get the cause `backfill` and trigger no automation.
    To resume an interrupted import, run the same command again. A file that was already imported in full is refused.

    Without --mapping, suggests a mapping with its totals and asks you to confirm it. With --check, reads the whole file
    and recounts its totals without importing anything; --html saves the result as a page. With --undo, takes back the
    orders of the file (docs/wrong-file.md).

    Example:  streamer import orders_export.csv --mapping shopify
    """
    from streamer.imports.importer import Import, begin, is_read, was_broken_off
    from streamer.imports.result import show

    kind, mapped, proposal = recognised(file, format, mapping)
    found = settings_for(kind)
    source = source_of(file, kind, found, mapped, rejects, common.note)
    if save_mapping is not None:
        save(proposal, mapping, save_mapping)
    if undo:
        source = undone(source, file, messages(found.language), yes=yes)
    else:
        look_first(source, found, file, mapping, proposal, check=check, html=html, json=json, yes=yes)
    check_currencies(source, found, common.note, all_the_same=yes)
    with (
        lines_to(changes) as write_change,
        lines_to(memberships) as write_members,
        connected(found) as service,
    ):
        if not beside_demo:
            _put_demo_away(service, found.home)
        # The workers may belong to an interrupted import and not yet be known to have exited.
        if not was_broken_off(service, source) and is_read(service):
            check_workers_currency(kind, common.settings())
        record, resumed = begin(service, source, str(file), again=again)
        if resumed:
            common.note(f"resuming an interrupted import of this content ({record.import_id})")
        try:
            with shown(messages(found.language)) as progress:
                result = Import(service, source, record, progress).run(resumed)
        except KeyboardInterrupt:
            common.note("interrupted; records already written are kept. Run the same command to resume")
            raise
        finally:
            print_rejects(source, messages(found.language))
        if write_change is not None:
            asyncio.run(_write_changes(service, record, write_change))
        if write_members is not None:
            _write_memberships(service, write_members)
        if report is not None:
            _write_report(service, found, file, report)
    if json:
        common.print_json(result.to_dict())
    else:
        show(result, found.currency, common.console(), messages(found.language))


def _put_demo_away(service: Service, home: Path) -> None:
    """Delete the demo's customers before an import. Raises UserError if that is impossible now."""
    from streamer.demo.reset import put_away, was_demo

    if not was_demo(service):
        return
    if not put_away(service, home, common.note):
        raise UserError(
            (
                "this service contains demo customers that cannot be deleted now: a worker or act is running, or "
                "other customers are present"
            ),
            "stop the worker and act, then import again; or keep the demo's customers with --beside-demo",
        )
    common.note("deleted the demo's customers")


@contextmanager
def connected(found: Settings, *, own: bool = True) -> Iterator[Service]:
    """Yield the service to import into, with its topics created.

    Starts embedded servers if none run and ``own`` is true. Raises UserError if the service is unavailable.
    """
    from streamer import embedded
    from streamer.adapters.import_view import ImportView
    from streamer.adapters.redis_reader import connect
    from streamer.commands.worker import prepare
    from streamer.imports.service import Service

    alone = found.kafka is None and embedded.status(found.home).addresses is None
    with ExitStack() as stack:
        # The spinner ends before the import's progress bars begin.
        with common.progress("connecting") as on_progress:
            to = stack.enter_context(connections(found, own=own, progress=on_progress))
            prepare(to)
        client = connect(to.redis_url, to.redis_options)
        stack.callback(client.close)
        yield Service(
            kafka=to.kafka,
            lanes=to.lanes,
            view=to.view,
            imports=ImportView(client, to.redis_prefix, to.lanes),
            grid=found.policy(to.lanes).grid,
            keys=to.settings.control_keys,
            alone=alone,
            arguments=to.arguments(),
            environment={
                "STREAMER_CURRENCY": found.currency,
                "STREAMER_TIMEZONE": found.timezone,
                "STREAMER_TOPIC_PREFIX": found.topic_prefix,
            },
            log_path=found.home / "logs" / "workers.log",
        )


async def _write_changes(service: Service, record: ImportRecord, write: Callable[[bytes], None]) -> None:
    from schemas import topics
    from streamer.client import change_reader

    stops = await change_reader.ends(service.kafka, topics.CHANGES, service.lanes)
    async for change in change_reader.between(service.kafka, record.changes_from, stops):
        write(change.value or b"")


def _write_report(service: Service, found: Settings, file: Path, path: Path) -> None:
    from streamer.commands.report import write_page
    from streamer.queries.report import DAYS, Log, of_service

    policy, texts = found.policy(service.lanes), messages(found.language)
    today = service.grid.day_of(max((one.clock for one in service.view.ledgers()), default=0))
    log = Log(service.grid, today - DAYS + 1)
    answer = of_service(service.kafka, service.view, policy, found.currency, log, texts)
    write_page(answer, path, f"streamer import {file.name} --report {path.name}")


def _write_memberships(service: Service, write: Callable[[bytes], None]) -> None:
    import msgspec

    for id, segments in service.imports.segments():
        write(msgspec.json.encode({"customer_id": id, "segments": segments}))


@contextmanager
def shown(texts: Messages | None = None) -> Iterator[ImportProgress]:
    """Show an import's progress with speed and time left: bars on a terminal, otherwise an occasional line."""
    from streamer.imports.importer import ImportProgress

    out = common.errors()
    if not out.is_terminal:
        lines = _Lines(texts or messages())
        yield ImportProgress(common.note, lines.written, lines.applied)
        return
    columns: tuple[Any, ...] = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _SpeedColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bars:
        writing, applying = bars.add_task("written", total=None), bars.add_task("applied", total=None)
        yield ImportProgress(
            lambda text: out.print(text, markup=False),
            lambda records: bars.update(writing, completed=records),
            lambda records, of: bars.update(applying, completed=records, total=of),
        )


@dataclass
class _Lines:
    """Shows the same without a terminal, as a line every few seconds."""

    texts: Messages
    begun: float = field(default_factory=time.monotonic)
    shown_at: float = field(default_factory=time.monotonic)

    def written(self, records: int) -> None:
        if self._is_due():
            common.note(self.texts("file written", records=records))

    def applied(self, records: int, of: int | None) -> None:
        if not self._is_due():
            return
        speed = records / (self.shown_at - self.begun)
        if of is None or not speed:
            common.note(self.texts("file applied", records=records, speed=speed))
        else:
            left = max(0, of - records) / speed
            common.note(self.texts("file applied of", records=records, of=of, speed=speed, seconds=left))

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self.shown_at < 2.0:
            return False
        self.shown_at = now
        return True


class _SpeedColumn(ProgressColumn):
    """Shows records per second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="progress.data.speed")
