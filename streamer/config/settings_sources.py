"""Sources of settings: command line, environment, ``.env``, ``streamer.toml``. The first with a value wins.

This module reads values as text; ``settings`` validates them.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings, DotEnvSettingsSource

from schemas.errors import UserError

PREFIX: Final = "STREAMER_"
COMMAND_LINE: Final = "command line"
ENVIRONMENT: Final = "environment"
DOTENV: Final = ".env"
TOML: Final = "streamer.toml"
HOME: Final = "home folder"
DEFAULT: Final = "default"
_FILE: Final = "_file"


@dataclass(frozen=True, slots=True)
class Found:
    """A value, the name under which it was given, and its source."""

    value: Any
    name: str
    origin: str


def variable(field: str) -> str:
    """Return the environment variable of a setting.

    >>> variable("topic_prefix")
    'STREAMER_TOPIC_PREFIX'
    """
    return PREFIX + field.upper()


def gather(
    model: type[BaseSettings],
    secrets: Collection[str],
    environ: Mapping[str, str],
    folder: Path,
    given: Mapping[str, Any],
) -> dict[str, Found]:
    """Return the values given for the fields of ``model``, each from the first source that has it.

    An empty string counts as unset, because compose files pass variables that are not set.

    Parameters
    ----------
    secrets
        Fields that may also come from a file: ``STREAMER_X_FILE`` holds its path.
    folder
        Folder of ``.env`` and ``streamer.toml``.
    given
        Command-line flags by field; None counts as unset.

    Raises
    ------
    UserError
        A name is not a setting, a file cannot be read, or one source sets a value twice.
    """
    fields = list(model.model_fields)
    found: dict[str, Found] = {}
    dotenv = DotEnvSettingsSource(model, env_file=folder / DOTENV, case_sensitive=True).env_vars
    layers = (
        {name: Found(value, variable(name), COMMAND_LINE) for name, value in given.items() if value is not None},
        dict(_variables(environ, ENVIRONMENT, fields, secrets)),
        dict(_variables(dotenv, DOTENV, fields, secrets)),
        dict(_toml(folder / TOML, fields, secrets)),
    )
    for layer in layers:
        for name, one in layer.items():
            if name in fields:
                found.setdefault(name, one)
                continue
            field = name.removesuffix(_FILE)
            if field in layer:
                raise UserError(f"{layer[field].name} and {one.name} are both set ({one.origin})", "remove one of them")
            found.setdefault(field, read_secret(one))
    return found


def _variables(
    environ: Mapping[str, str | None], origin: str, fields: Collection[str], secrets: Collection[str]
) -> Iterator[tuple[str, Found]]:
    for name, value in environ.items():
        if not name.upper().startswith(PREFIX):
            continue
        field = name[len(PREFIX) :].lower()
        _check(field, name, origin, fields, secrets, variable)
        if value:
            yield field, Found(value, name, origin)


def _toml(path: Path, fields: Collection[str], secrets: Collection[str]) -> Iterator[tuple[str, Found]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "use a readable UTF-8 file") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} is not TOML: {error}", 'write one setting per line, for example: currency = "EUR"'
        ) from error
    for name, value in content.items():
        _check(name, name, TOML, fields, secrets, str)
        if value != "":
            yield name, Found(value, name, TOML)


def _check(field: str, name: str, origin: str, fields: Collection[str], secrets: Collection[str], spell: Any) -> None:
    """Reject an unknown setting, and suggest the most similar known one."""
    if field in fields or (field.endswith(_FILE) and field.removesuffix(_FILE) in secrets):
        return
    if field.endswith(_FILE) and field.removesuffix(_FILE) in fields:
        hint = f"set {spell(field.removesuffix(_FILE))}; only secrets are read from files"
    else:
        near = difflib.get_close_matches(field, [*fields, *(secret + _FILE for secret in secrets)], n=1, cutoff=0.6)
        hint = f"did you mean {spell(near[0])}?" if near else "`streamer doctor` lists all settings; unset this one"
    raise UserError(f"{name} ({origin}) is not a streamer setting", hint)


def read_secret(one: Found) -> Found:
    """Return the content of the file that a value names. Raises UserError."""
    path = Path(str(one.value)).expanduser()
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(
            f"{one.name} ({one.origin}) refers to {path}, which cannot be read: {reason}", "use a readable file"
        ) from error
    if not secret:
        raise UserError(f"{one.name} ({one.origin}) refers to {path}, which is empty", "write the secret to that file")
    return Found(secret, one.name, f"{one.origin}, file {path}")
