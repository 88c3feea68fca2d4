"""Types of settings, and how their values are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.features.time import DayGrid
from models.learning.clusterer_choice import EXAMPLES, ClustererChoice
from schemas.errors import UserError

MASK: Final = "******"
_SERVER: Final = re.compile(r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$")


def _servers(value: str) -> str:
    servers = [part.strip() for part in value.split(",")]
    for server in servers:
        match = _SERVER.match(server)
        if match is None or not 0 < int(match[2]) < 65_536:
            raise ValueError("host:port, several separated by commas, such as localhost:9092")
    return ",".join(servers)


def _redis_url(value: str) -> str:
    wanted = "a URL such as redis://localhost:6379/0, rediss://... for TLS, or unix:///path"
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError(wanted) from None
    there = url.path if url.scheme == "unix" else url.hostname
    if url.scheme not in ("redis", "rediss", "unix") or not there or port == 0:
        raise ValueError(wanted)
    return value


def _time_zone(value: str) -> str:
    try:
        DayGrid(value)
    except UserError as error:
        raise ValueError("an IANA name, such as Europe/Berlin") from error
    return value


def _rates(value: object) -> object:
    """Parse rates from a variable: ``USD=0.92,GBP=1.17``, or a JSON object."""
    if not isinstance(value, str):
        return value
    wanted = "pairs such as USD=0.92,GBP=1.17"
    try:
        if value.lstrip().startswith("{"):
            return json.loads(value)
        pairs = [part.split("=") for part in value.split(",") if part.strip()]
        return {code.strip().upper(): float(rate) for code, rate in pairs}
    except ValueError:
        raise ValueError(wanted) from None


def _clusterer(value: str) -> str:
    try:
        return str(ClustererChoice.parse(value))
    except UserError as error:
        more = "" if EXAMPLES in str(error.hint) else f"; {error.message}, {error.hint}"
        raise ValueError(EXAMPLES + more) from error


Servers = Annotated[str, AfterValidator(_servers)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Clusterer = Annotated[str, AfterValidator(_clusterer)]
RatesMapping = Annotated[dict[str, float], BeforeValidator(_rates), WithJsonSchema({"type": "object"})]


def allowed(field: FieldInfo, finding: ErrorDetails) -> str:
    """Return the allowed values of a setting, in words."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "allowed" in extra:
        return str(extra["allowed"])
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        limits: dict[str, Any] = {}
        for part in field.metadata:
            limits |= {name: getattr(part, name) for name in ("ge", "le") if hasattr(part, name)}
        number = "a whole number" if kind is int else "a number"
        upper = f" to {limits['le']}" if "le" in limits else " up"
        return f"{number} from {limits['ge']}{upper}" if "ge" in limits else number
    return finding["msg"].removeprefix("Value error, ")


def masked(value: object) -> object:
    """Return the value with secrets masked.

    >>> masked("redis://me:secret@cache:6379/0")
    'redis://me:******@cache:6379/0'
    """
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, str) and "://" in value and (password := urlsplit(value).password):
        return value.replace(f":{password}@", f":{MASK}@")
    if isinstance(value, str) and "password=" in value:
        return re.sub(r"password=[^&]*", f"password={MASK}", value)
    return value


def shown(value: object) -> str:
    """Format a value for people.

    >>> shown(None), shown(True), shown({"USD": 0.92}), shown("")
    ('-', 'true', 'USD=0.92', "''")
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={one}" for name, one in value.items()) or "-"
    return str(value) or "''"


_LEAST_KEY: Final = 16


def keys_of(text: str) -> list[str]:
    """Split a setting's control keys at commas or lines.

    >>> keys_of("new, old")
    ['new', 'old']
    """
    return [key for part in re.split(r"[,\n]", text) if (key := part.strip())]


def long_keys(secret: SecretStr) -> SecretStr:
    """Raise ValueError unless each of the keys is long enough."""
    keys = keys_of(secret.get_secret_value())
    if not keys or any(len(key) < _LEAST_KEY for key in keys):
        raise ValueError(f"a key has fewer than {_LEAST_KEY} characters")
    return secret
