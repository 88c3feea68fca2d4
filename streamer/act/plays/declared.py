"""Build a `Book` from TOML text: fully validated, with errors that name the file, the line and the valid values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

from models.features.features import FEATURES, LABELS
from models.features.predicted import PREDICTED
from models.rules.definitions import CLUSTERS, Definitions
from models.rules.expressions import ExpressionError, Known, parse, suggestion
from models.rules.toml_lines import Lines
from schemas import toml_text
from schemas.changes import CAUSES
from schemas.errors import UserError
from streamer.act.plays import spans
from streamer.act.plays.book import USUAL_EXPIRES, Book, Channel, Limits, Play, Question, Segments, Shop, Trigger
from streamer.act.plays.channel_kinds import KINDS
from streamer.act.plays.coupon_rule import COUPON_KEYS, CouponRule, made_pattern, pool_name
from streamer.act.plays.spans import Rate
from streamer.act.plays.weekly import weekly

T = TypeVar("T")
_PLAY_KEYS: Final = (
    "when",
    "if",
    "wait",
    "still",
    "unless",
    "kind",
    "list",
    "again",
    "expires",
    "holdout",
    "budget",
    "priority",
    "channel",
    "template",
    "quiet",
    "when_in_doubt",
    "only_safe",
    "measure",
    "stop_if",
    "coupon",
)
_WHEN_KEYS: Final = ("segmentation", "to", "from", "cause")


def load(
    text: str,
    version: int,
    segments: Segments,
    templates: Mapping[str, str] | None = None,
    source: str = "plays.toml",
) -> Book:
    """Return the book that a file declares.

    Parameters
    ----------
    segments
        Segments that triggers and conditions may name; see `segments_of`.
    templates
        Texts by file name, such as ``win_back.en.subject``; `render.check` validates them.

    Raises
    ------
    UserError
        The text is not TOML, or a value is not allowed; the message names ``source`` and the line.
    """
    return _File(text, source, segments).book(version, dict(templates or {}))


def segments_of(definitions: Definitions) -> Segments:
    """Return the segments by segmentation; None for clusters, whose segments are defined by the model."""
    declared = {one.name: frozenset(segment.id for segment in one.segments) for one in definitions.segmentations}
    return {**dict.fromkeys(CLUSTERS), **declared}


def _date(text: str) -> int:
    """Return the instant (ms) at which a day such as 2027-03-01 begins in UTC. Raises ValueError."""
    try:
        return int(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).timestamp() * 1000)
    except ValueError:
        raise ValueError("a date, for example 2027-03-01") from None


def _whole_days(text: str) -> Rate:
    """Return a rate per customer in whole days, because rates are counted in local days. Raises ValueError."""
    found = spans.rate(text)
    if found.per < spans.UNITS["day"]:
        raise ValueError("a rate over days or weeks, for example 1 a day or 3 a week")
    return found


class _File:
    def __init__(self, text: str, source: str, segments: Segments) -> None:
        self._text = text
        self._source = source
        self._lines = Lines(text)
        self._tables = toml_text.tables(text, source, "see docs/plays.md")
        self._segments = segments
        # `act` has no predictions, so such a condition would never hold.
        self._known = Known(frozenset(FEATURES.keys() - PREDICTED.keys()), {**dict.fromkeys(LABELS), **segments})

    def book(self, version: int, templates: dict[str, str]) -> Book:
        self._keys(self._tables, ("shop", "limits", "channels", "plays"), (), "the file")
        shop = self._shop()
        channels = {name: self._channel(name, table) for name, table in self._named("channels").items()}
        tables = self._named("plays")
        if not tables:
            self._fail(1, "the file declares no plays", "add a table, for example [plays.win_back]")
        plays = {name: self._play(name, table, channels) for name, table in tables.items()}
        for name, play in plays.items():
            if play.kind == "marketing" and channels[play.channel].how.to_owner:
                self._fail(
                    self._lines.of("plays", name, "channel"),
                    f"{name} is marketing, but channel {play.channel} sends to you, not to customers",
                    'say kind = "service", or choose another channel',
                )
            if play.kind == "marketing" and channels[play.channel].how.is_mail and not shop.web:
                self._fail(
                    self._lines.of("plays", name),
                    f"{name} sends marketing mails, but recipients could not unsubscribe",
                    'say where customers reach `streamer web` in [shop]: web = "https://..."',
                )
            if play.kind == "marketing" and not (shop.name and shop.address):
                self._fail(
                    self._lines.of("plays", name),
                    f"{name} is marketing, but the sender's name and postal address are missing",
                    'say them in [shop]: name = "...", address = "..."',
                )
        return Book(version, shop, self._limits(), channels, plays, templates, self._segments, self._text, self._source)

    # -- the parts --------------------------------------------------------------------------------------------

    def _shop(self) -> Shop:
        table = self._table("shop")
        keys = ("name", "address", "web", "site")
        self._keys(table, keys, ("shop",), "[shop]")
        found = {key: self._value(table, key, ("shop",), str, "", "text") for key in keys}
        for key in ("web", "site"):
            if found[key] and urlsplit(found[key]).scheme not in ("https", "http"):
                self._fail(
                    self._lines.of("shop", key), f"{key} is not an address", "for example https://hello.shop.example"
                )
        return Shop(found["name"], found["address"], found["web"].rstrip("/"), found["site"])

    def _limits(self) -> Limits:
        table, at = self._table("limits"), ("limits",)
        self._keys(table, ("per_customer", "quiet", "holdout", "storm"), at, "[limits]")
        usual = Limits()
        rates = self._value(table, "per_customer", at, list, None, "a list of rates")
        return Limits(
            usual.per_customer
            if rates is None
            else tuple(self._parsed(_whole_days, one, (*at, "per_customer")) for one in rates),
            self._spanned(table, "quiet", at, spans.window, usual.quiet),
            self._share(table, "holdout", at, usual.holdout),
            self._spanned(table, "storm", at, spans.storm, usual.storm),
        )

    def _channel(self, name: str, table: Mapping[str, Any]) -> Channel:
        at = ("channels", name)
        kind = str(table.get("kind"))
        if kind not in KINDS:
            self._fail(self._lines.of(*at, "kind"), f"channel {name} has kind {kind!r}", f"kinds: {', '.join(KINDS)}")
        options = KINDS[kind].options
        self._keys(table, ("kind", "rate", *options), at, f"a channel of kind {kind}")
        rates = table.get("rate", [])
        listed = rates if isinstance(rates, list) else [rates]
        found = {}
        for key, option in options.items():
            if key not in table and option.needed:
                self._fail(self._lines.of(*at), f"channel {name} has no {key}", f"set it to {option.meaning}")
            if key in table:
                found[key] = self._value(table, key, at, option.type, None, option.meaning)
        if (problem := KINDS[kind].check(found)) is not None:
            self._fail(self._lines.of(*at, problem.option), f"channel {name}: {problem.message}", problem.hint)
        return Channel(name, kind, tuple(self._parsed(spans.rate, one, (*at, "rate")) for one in listed), found)

    def _play(self, name: str, table: Mapping[str, Any], channels: Mapping[str, Channel]) -> Play:
        when = table.get("when")
        declares = self._weekly if isinstance(when, dict) and "weekly" in when else self._of_changes
        return declares(name, table, channels)

    def _of_changes(self, name: str, table: Mapping[str, Any], channels: Mapping[str, Channel]) -> Play:
        at = ("plays", name)
        self._keys(table, _PLAY_KEYS, at, "a play")
        for needed in ("when", "channel", "again"):
            if needed not in table:
                self._fail(self._lines.of(*at), f"play {name} has no {needed}", "see docs/plays.md")
        channel = self._choice(table, "channel", at, channels, "channels", "")
        kind = self._choice(table, "kind", at, ("marketing", "service"), "kinds", "marketing")
        quiet = self._choice(table, "quiet", at, ("hold", "none"), "values", "hold")
        if quiet == "none" and kind == "marketing":
            self._fail(
                self._lines.of(*at, "quiet"), "quiet hours apply only to marketing", 'only kind = "service" lifts them'
            )
        wait = self._spanned(table, "wait", at, spans.duration, 0)
        doubt = self._choice(table, "when_in_doubt", at, ("skip", "resend"), "values", "skip")
        if doubt == "resend" and kind == "marketing":
            self._fail(
                self._lines.of(*at, "when_in_doubt"),
                "marketing messages are never sent twice",
                'only kind = "service" may resend',
            )
        budget = table.get("budget")
        daily = None if budget is None else self._parsed(spans.rate, budget, (*at, "budget"))
        if daily is not None and daily.per != spans.UNITS["day"]:
            self._fail(self._lines.of(*at, "budget"), "a budget must be a number per day", "for example 200 a day")
        return Play(
            name=name,
            when=self._trigger(table["when"], at),
            channel=channel,
            again=self._spanned(table, "again", at, spans.duration, 0),
            kind="marketing" if kind == "marketing" else "service",
            list=self._value(table, "list", at, str, "offers", "the name of a list"),
            template=self._value(table, "template", at, str, name, "the name of a template"),
            condition=self._condition(table, "if", at),
            wait=wait,
            still=self._value(table, "still", at, bool, wait > 0, "true or false"),
            unless=self._condition(table, "unless", at),
            expires=self._spanned(table, "expires", at, spans.duration, USUAL_EXPIRES),
            holdout=self._share(table, "holdout", at, 0.2 if kind == "marketing" else 0.0),
            budget=None if daily is None else daily.count,
            priority=self._value(table, "priority", at, int, 0, "a whole number"),
            quiet=quiet == "hold",
            when_in_doubt="resend" if doubt == "resend" else "skip",
            only_safe=self._value(table, "only_safe", at, bool, True, "true or false"),
            stop_if=self._stop_if(table, at),
            coupon=self._coupon(table, at),
            **self._measure(table, at),
        )

    def _weekly(self, name: str, table: Mapping[str, Any], channels: Mapping[str, Channel]) -> Play:
        at = ("plays", name)
        self._keys(table, ("when", "channel", "expires"), at, "a weekly play")
        self._keys(table["when"], ("weekly",), (*at, "when"), "when of a weekly play")
        channel = self._choice(table, "channel", at, channels, "channels", "")
        if not channels[channel].reaches_owner:
            hint = "choose one of kind notify or log, or one of kind smtp with to"
            self._fail(self._lines.of(*at, "channel"), f"{name} sends a report, but {channel} goes to customers", hint)
        hour = self._parsed(weekly, table["when"]["weekly"], (*at, "when", "weekly"))
        expires = self._spanned(table, "expires", at, spans.duration, USUAL_EXPIRES)
        return Play(name, Trigger("", weekly=hour), channel, 0, "service", expires=expires, holdout=0.0, quiet=False)

    def _measure(self, table: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, int | None]:
        given = table.get("measure")
        if given is None:
            return {}
        here = (*at, "measure")
        if not isinstance(given, dict):
            self._fail(
                self._lines.of(*here), "measure must be a table", 'for example { goal = "order", within = "14 days" }'
            )
        self._keys(given, ("goal", "within", "report_on"), here, "measure")
        self._choice(given, "goal", here, ("order",), "goals", "order")
        if "within" not in given:
            self._fail(self._lines.of(*here), "measure has no within", 'for example within = "14 days"')
        report = given.get("report_on")
        return {
            "measure": self._spanned(given, "within", here, spans.duration, 0),
            "report_on": None if report is None else self._parsed(_date, report, (*here, "report_on")),
        }

    def _stop_if(self, table: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, float]:
        given = table.get("stop_if", {})
        here = (*at, "stop_if")
        if not isinstance(given, dict):
            self._fail(self._lines.of(*here), "stop_if must be a table", "for example { unsubscribed = 0.02 }")
        self._keys(given, ("unsubscribed", "complained"), here, "stop_if")
        if given and "measure" not in table:
            self._fail(
                self._lines.of(*here), "stop_if needs [measure]", "keep messages at least as long as they are measured"
            )
        return {key: self._share(given, key, here, 0.0) for key in given}

    def _coupon(self, table: Mapping[str, Any], at: tuple[str, ...]) -> CouponRule | None:
        given, here = table.get("coupon"), (*at, "coupon")
        if given is None:
            return None
        if not isinstance(given, dict) or ("pool" in given) == ("made" in given):
            example = 'for example { pool = "back10", valid = "14 days" } or { made = "BACK-{code}" }'
            self._fail(self._lines.of(*here), "coupon needs either a pool or a code format", example)
        self._keys(given, COUPON_KEYS, here, "coupon")
        return CouponRule(
            self._spanned(given, "pool", here, pool_name, ""),
            self._spanned(given, "made", here, made_pattern, ""),
            self._spanned(given, "valid", here, spans.duration, 0),
        )

    def _trigger(self, table: Any, at: tuple[str, ...]) -> Trigger:
        line = self._lines.of(*at, "when")
        if not isinstance(table, dict):
            self._fail(line, "when must be a table", 'for example { segmentation = "lifecycle", to = ["at_risk"] }')
        self._keys(table, _WHEN_KEYS, (*at, "when"), "when")
        name = table.get("segmentation")
        if not isinstance(name, str) or name not in self._segments:
            self._fail(
                line, f"there is no segmentation {name!r}", suggestion(str(name), self._segments, "segmentations")
            )
        to = self._some(table, "to", at, self._segments[name], f"segments of {name}")
        source = self._some(table, "from", at, self._segments[name], f"segments of {name}")
        if to is None and source is None:
            self._fail(line, "when needs to or from", ("set to or from to the segments that customers enter or leave"))
        return Trigger(name, to, source, self._some(table, "cause", at, CAUSES, "causes"))

    def _some(
        self, table: Mapping[str, Any], key: str, at: tuple[str, ...], possible: frozenset[str] | None, what: str
    ) -> frozenset[str] | None:
        given = table.get(key)
        if given is None:
            return None
        line = self._lines.of(*at, "when")
        listed = given if isinstance(given, list) else [given]
        for one in listed:
            if not isinstance(one, str) or (possible is not None and one not in possible):
                self._fail(line, f"{key} names {one!r}", suggestion(str(one), possible or (), what))
        return frozenset(listed)

    def _condition(self, table: Mapping[str, Any], key: str, at: tuple[str, ...]) -> Question | None:
        given = table.get(key)
        if given is None:
            return None
        line = self._lines.of(*at, key)
        if not isinstance(given, str) or not given:
            self._fail(line, f"{key} must be a condition", 'for example "orders >= 3 and satisfaction >= 0.5"')
        try:
            return Question(given, parse(given, self._known))
        except ExpressionError as error:
            self._fail(line, f"{key}, character {error.position + 1}: {error.message}", error.hint)

    # -- single values ----------------------------------------------------------------------------------------

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self._tables.get(name, {})
        if not isinstance(table, dict):
            self._fail(self._lines.of(name), f"{name} must be a table", f"add it as a table: [{name}]")
        return table

    def _named(self, name: str) -> dict[str, Mapping[str, Any]]:
        found = self._table(name)
        for one, table in found.items():
            if not isinstance(table, dict):
                self._fail(self._lines.of(name, one), f"{one} must be a table", f"add it as a table: [{name}.{one}]")
            if not one.replace("_", "").isalnum() or not one.isascii() or len(one) > 64:
                self._fail(self._lines.of(name, one), f"{one!r} cannot be a name", "use letters, digits and _")
        return dict(found)

    def _keys(self, table: Mapping[str, Any], known: tuple[str, ...], at: tuple[str, ...], what: str) -> None:
        for key in table:
            if key not in known:
                self._fail(self._lines.of(*at, key), f"{what} has no {key!r}", suggestion(key, known, "keys"))

    def _value(
        self, table: Mapping[str, Any], key: str, at: tuple[str, ...], type: type[T], usual: Any, what: str
    ) -> Any:
        value = table.get(key, usual)
        wrong = not isinstance(value, type) or (type is int and isinstance(value, bool))
        if key in table and wrong:
            self._fail(self._lines.of(*at, key), f"{key} cannot be {value!r}", f"it must be {what}")
        return value

    def _choice(
        self, table: Mapping[str, Any], key: str, at: tuple[str, ...], possible: Any, what: str, usual: str
    ) -> str:
        value = table.get(key, usual)
        if value not in tuple(possible):
            self._fail(self._lines.of(*at, key), f"{key} cannot be {value!r}", suggestion(str(value), possible, what))
        return str(value)

    def _share(self, table: Mapping[str, Any], key: str, at: tuple[str, ...], usual: float) -> float:
        value = table.get(key, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0.9:
            self._fail(self._lines.of(*at, key), f"{key} cannot be {value!r}", "use a share from 0 to 0.9")
        return float(value)

    def _spanned(
        self, table: Mapping[str, Any], key: str, at: tuple[str, ...], parser: Callable[[str], T], usual: T
    ) -> T:
        return self._parsed(parser, table[key], (*at, key)) if key in table else usual

    def _parsed(self, parser: Callable[[str], T], value: Any, at: tuple[str, ...]) -> T:
        try:
            if not isinstance(value, str):
                raise ValueError("text in quotes")
            return parser(value)
        except ValueError as error:
            self._fail(self._lines.of(*at), f"{at[-1]} cannot be {value!r}", f"it must be {error}")

    def _fail(self, line: int, problem: str, hint: str) -> NoReturn:
        raise UserError(f"{self._source}, line {line}: {problem}", hint)
