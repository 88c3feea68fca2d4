"""``coupons``: load codes for plays into pools, and show how many are left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

_AT_ONCE = 10_000
"""Maximum number of codes per command record. At up to 65 bytes each, any broker accepts the record."""


def register(app: typer.Typer) -> None:
    coupons = common.group("coupons", "Manage the coupon codes that plays hand out.", "streamer coupons status")
    coupons.command("load")(load)
    coupons.command("status")(status)
    app.add_typer(coupons)


def load(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Name of the coupon pool.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Path of the file with codes, one per line.")],
    json: Json = False,
) -> None:
    """Load coupon codes into a pool. Codes already in the pool are left unchanged, so you can load a file twice.

    Example:  streamer coupons load back10 codes.txt
    """
    from schemas.act import CouponsCommand
    from streamer.act.plays.coupon_rule import pool_name
    from streamer.act.reader import give, state_of
    from streamer.queries.coupons import codes_in, pools

    try:
        pool_name(pool)
    except ValueError as error:
        raise typer.BadParameter(f"it must be {error}", param_hint="POOL") from None
    codes = codes_in(file)
    done = True
    with connections() as to:
        before = state_of(to.kafka).coupons
        new = [code for code in codes if before.get(code) is None]
        elsewhere = [code for code in codes if (held := before.get(code)) is not None and held.pool != pool]
        for at in range(0, len(new), _AT_ONCE):
            order = CouponsCommand(pool=pool, codes=tuple(new[at : at + _AT_ONCE]))
            done = give(to.kafka, order, to.settings.control_keys) and done
        now = pools(state_of(to.kafka)).get(pool)
    answer = {"pool": pool, "new": len(new), "known": len(codes) - len(new), "in_other_pools": len(elsewhere)}
    if json:
        common.print_json({**answer, "done": done, "status": now})
        return
    out = common.console()
    out.print(f"{pool}: {Count(len(new)):|new code}, {answer['known']:,} already known", markup=False)
    if elsewhere:
        out.print(f"{len(elsewhere):,} of them belong to another pool, and stay there", markup=False)
    if not done:
        out.print("`streamer act` has not answered: the codes are loaded once it runs", markup=False)
    elif now is not None:
        _print(pool, now)


def status(
    pool: Annotated[
        str | None, typer.Argument(metavar="[POOL]", help="Name of the coupon pool. Default: all pools.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how many codes of each pool are free, assigned to messages, and used in orders. Exits with code 1 if a pool
    is low.

    Example:  streamer coupons status back10
    """
    from streamer.act.reader import state_of
    from streamer.queries.coupons import pools

    with connections() as to:
        state = state_of(to.kafka)
    answer = _of(pool, pools(state))
    if json:
        common.print_json(answer)
    else:
        if not answer:
            common.console().print("no codes are loaded yet: `streamer coupons load POOL FILE`", markup=False)
        for name, one in answer.items():
            _print(name, one)
    if any(one["low"] for one in answer.values()):
        raise typer.Exit(common.EXIT_ERROR)


def _of(pool: str | None, found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if pool is None:
        return found
    if pool not in found:
        raise UserError(f"no such coupon pool: {pool}", f"pools: {', '.join(found) or 'none'}")
    return {pool: found[pool]}


def _print(name: str, one: dict[str, Any]) -> None:
    out = common.console()
    plays = f", for {', '.join(one['plays'])}" if one["plays"] else ""
    out.print(f"{name}: {one['free']:,} free, {one['given']:,} given, {one['used']:,} used{plays}", markup=False)
    if one["low"]:
        out.print(
            "  few codes are left: load more; without a code, messages are dropped at the gate `coupon`", markup=False
        )
