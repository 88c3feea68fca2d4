"""``learn challenge`` and ``learn approve``: compare other models with the live predictions, and adopt one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from models.messages import messages
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.files import Format, Mapped
from streamer.commands.pages import write_page

if TYPE_CHECKING:
    from models.prediction.challenger import Challenger
    from streamer.embedded.home import Progress
    from streamer.evaluate.activity import Activity
    from streamer.evaluate.challenge import Asking

_KIND: Final = "streamer challenger"


def challenge(
    data: Annotated[
        Path | None, typer.Option(help="Path of an events file. Default: the log of the running service.")
    ] = None,
    format: Format = None,
    mapping: Mapped = None,
    models: Annotated[
        str | None, typer.Option(help="Comma-separated challengers, for example forest,boosting. Default: all.")
    ] = None,
    search: Annotated[
        Literal["grid", "random"],
        typer.Option(help=("Search strategy for hyperparameters: every combination, or random ones.")),
    ] = "grid",
    draws: Annotated[
        int, typer.Option(min=1, help="Number of combinations to try per challenger with --search random.")
    ] = 6,
    horizon: Annotated[int, typer.Option(min=7, max=90, help="Number of days within which an order counts.")] = 90,
    border: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Probability threshold for accuracy, precision, recall and F1."),
    ] = 0.5,
    mlflow: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help=("MLflow tracking URI to record each model in, for example sqlite:///runs.db.")
        ),
    ] = None,
    proposal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a proposed challenger to this file, for `streamer learn approve`."),
    ] = None,
    json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page with charts to this file.")] = None,
) -> None:
    """Compare the live predictions with other models on days that none of them has seen.

    Hyperparameters are tuned on earlier days only, never on the last 90. A challenger is proposed if its log loss is
    significantly lower than the live model's in two comparisons four weeks apart. Needs the `evaluate` extra
    (scikit-learn).

    Example:  streamer learn challenge --data online_retail.csv.gz --models logistic-l1,forest --html challenge.html
    """
    from models.challengers.kinds import require_sklearn
    from streamer.evaluate import challenge_report, challenge_runs
    from streamer.evaluate.challenge import NAMES_OF_ALL, Asking
    from streamer.evaluate.challenge import challenge as run

    texts = messages(common.settings().language)
    chosen = NAMES_OF_ALL if models is None else _names(models)
    require_sklearn()
    if mlflow is not None:
        challenge_runs.require_mlflow()
    asking = Asking(chosen, search, draws, horizon, border)
    with common.progress("reading") as on_progress:
        name, activity, asking = _history(data, format, mapping, asking, on_progress)
        found = run(activity, asking, on_progress)
        report = challenge_report.to_json(found, horizon, activity.first_day)
        if mlflow is not None:
            on_progress("MLflow")
            report["mlflow"] = challenge_runs.record(found, mlflow, name, report)
    if html is not None:
        write_page(html, challenge_report.page(found, texts, horizon, activity.first_day, name, border))
    if proposal is not None and found.proposal is not None:
        write_page(proposal, _text_of(found.proposal, name))
    if json:
        common.print_json(report)
        return
    console = common.console()
    challenge_report.show(found, texts, horizon, activity.first_day, border, console)
    if found.proposal is not None:
        told = texts("challenge hint") if proposal is None else texts("challenge written", file=str(proposal))
        console.print(told, markup=False)
    for model, version in report.get("mlflow", {}).items():
        console.print(texts("challenge registered", name=model, version=version), markup=False)


def approve(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Path of the file written by `streamer learn challenge --proposal`.")
    ],
    json: Json = False,
) -> None:
    """Replace the live predictions with a proposed challenger. The model owner keeps learning from there.

    Example:  streamer learn approve proposal.json
    """
    from schemas.decisions import ModelDecision
    from streamer.owner.model_reader import Published
    from streamer.queries.models import read_published, send_decision, wait_for

    challenger = _read(file)
    texts = messages(common.settings().language)
    with connections(common.settings()) as to:
        before = max(read_published(to).predictions, default=0)

        def newer(now: Published) -> bool:
            return any(
                number > before and one.model.pairs == challenger.pairs for number, one in now.predictions.items()
            )

        body = challenger.to_dict()
        send_decision(to, ModelDecision(segmentation="predictions", action="adopt", challenger=body))
        after = wait_for(to, newer)
    version = None if after is None else max(after.predictions)
    if json:
        common.print_json({"version": version, "products": body["products"]})
    elif version is None:
        common.console().print(texts("challenge sent"), markup=False)
    else:
        common.console().print(texts("challenge approved", version=version), markup=False)


# -- pieces -------------------------------------------------------------------------------------------------------


def _names(text: str) -> tuple[str, ...]:
    from models.messages.translatable import translatable
    from schemas.errors import UserError
    from streamer.evaluate.challenge import NAMES_OF_ALL

    found = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    unknown = [one for one in found if one not in NAMES_OF_ALL]
    if unknown or not found:
        raise UserError(
            translatable("challenge unknown", names=", ".join(unknown) or text),
            translatable("challenge unknown fix", names=", ".join(NAMES_OF_ALL)),
        )
    return found


def _history(
    data: Path | None, format: str | None, mapping: str | None, asking: Asking, on_progress: Progress
) -> tuple[str, Activity, Asking]:
    """Return the name of the data, the customers' activity, and the question with the live model's start in it."""
    from dataclasses import replace

    from streamer.commands.recognise import data_of
    from streamer.evaluate import files
    from streamer.queries.learned import read_predictor
    from streamer.queries.logged_orders import logged_activity

    if data is not None:
        source, settings = data_of(data, format, mapping, on_progress)
        return data.name, files.of_source(source, settings.policy(lanes=1)), asking
    with connections(common.settings()) as to:
        state = read_predictor(to).state
        asking = replace(asking, prior=state.prior, pairs=state.pairs)
        return "streamer", logged_activity(to), asking


def _text_of(challenger: Challenger, name: str) -> str:
    import json

    return json.dumps({"kind": _KIND, "data": name, "challenger": challenger.to_dict()}, ensure_ascii=False) + "\n"


def _read(file: Path) -> Challenger:
    import json

    from models.messages.translatable import translatable
    from models.prediction.challenger import Challenger
    from schemas.errors import InvariantViolation, UserError

    path = common.existing_file(str(file))
    try:
        body: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict) or body.get("kind") != _KIND:
            raise ValueError
        return Challenger.from_dict(body["challenger"])
    except (ValueError, KeyError, OSError, InvariantViolation):
        raise UserError(
            translatable("challenge no proposal", file=str(file)), translatable("challenge no proposal fix")
        ) from None
