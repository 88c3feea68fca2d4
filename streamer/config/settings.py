"""Settings: loaded, checked, and converted to the small values that each part receives.

``Settings.load`` is called once, at the entry point. Other code receives a value object, never this class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from models.features.time import DAY_MS, DayGrid
from models.learning.clusterer_choice import ClustererChoice
from schemas.errors import UserError
from schemas.ids import nobody_of
from schemas.money import Rates
from schemas.signing import ControlKeys
from streamer.config.settings_checks import allowed, keys_of, masked, shown
from streamer.config.settings_fields import SettingsFields
from streamer.config.settings_servers import KafkaLogin, RedisLogin, faust_broker, kafka_security, redis_options
from streamer.config.settings_sources import DEFAULT, HOME, Found, gather, read_secret, variable
from streamer.config.settings_together import check_together
from streamer.embedded.home import default_home
from streamer.embedded.key_file import CONTROL_KEY, own_control_key

if TYPE_CHECKING:
    # These modules import NumPy and the Kafka client, which takes a while and is not needed for `--help`.
    from models.behaviour.model import Preset
    from models.learning.learner import LearnerConfig
    from streamer.adapters.kafka import KafkaConnection
    from streamer.core.policy import Policy
    from streamer.lanes.context import LaneSettings


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting in force: its variable, its value with secrets masked, its source and its meaning."""

    name: str
    value: str
    origin: str
    meaning: str


class Settings(SettingsFields):
    """The configuration of the service.

    ``Settings()`` holds the defaults and reads nothing; `load` reads the environment.
    """

    _found: dict[str, Found] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values passed in: `load` reads the sources itself, to remember where each value came from."""
        return (init_settings,)

    @classmethod
    def load(
        cls, given: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, folder: Path = Path()
    ) -> Self:
        """Load the settings from all sources.

        Parameters
        ----------
        given
            Command-line flags by field name; they take precedence over all other sources.

        Raises
        ------
        UserError
            A name is not a setting, or values are not allowed; the message lists all of them.
        """
        environ = os.environ if environ is None else environ
        found = gather(cls, SECRETS, environ, folder, given or {})
        if "control_key" not in found and (key := _own_control_key(found, environ)) is not None:
            found["control_key"] = key
        try:
            settings = cls(**{field: one.value for field, one in found.items()})
        except ValidationError as error:
            raise _plain(error, found) from None
        settings._found.update(found)
        return settings

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_together(self)
        return self

    # -- values for the parts ---------------------------------------------------------------------------------

    def policy(self, lanes: int | None = None) -> Policy:
        """Return the policy for decisions; ``lanes`` from the topic, else from the setting."""
        from streamer.core.policy import Policy

        return Policy(
            lanes=self.lanes if lanes is None else lanes,
            grid=DayGrid(self.timezone),
            rates=Rates(self.currency, self.rates),
            half_life_days=self.half_life_days,
            max_event_bytes=self.max_event_bytes,
            horizon_ms=self.retention_days * DAY_MS,
            wall=self.clock == "wall",
            language=self.language,
            consent_default=self.consent_default == "granted",
            merge_known=self.merge_known,
            merge_limit=self.merge_limit,
            nobody=nobody_of(self.nobody),
            strict=self.strict,
        )

    def lane_settings(self) -> LaneSettings:
        """Return the settings of lanes."""
        from streamer.lanes.context import LaneSettings

        return LaneSettings(
            max_residents=self.max_residents,
            tick_seconds=self.tick_seconds,
            control_keys=self.control_keys,
            deadletter_run=self.deadletter_run,
            deadletter_ratio=self.deadletter_ratio,
            deadletter_window=self.deadletter_window,
        )

    @property
    def control_keys(self) -> ControlKeys | None:
        """The signer of control records, if there is a key."""
        if self.control_key is None:
            return None
        return ControlKeys(self.topic_prefix, tuple(map(str.encode, keys_of(self.control_key.get_secret_value()))))

    def with_own_key(self) -> Self:
        """Return these settings with the home folder's control key if none is configured, creating it if missing.

        Raises UserError if the key cannot be read or created.
        """
        if self.control_key is not None:
            return self
        key = own_control_key(self.home)
        made = self.model_copy(update={"control_key": SecretStr(key.decode())})
        made._found = self._found | {"control_key": Found(key, variable("control_key"), HOME)}
        return made

    @property
    def log_key(self) -> bytes | None:
        """The key that hashes customer ids in the log: the newest control key, if there is one."""
        keys = self.control_keys
        return None if keys is None else keys.keys[0]

    def learner_config(self) -> LearnerConfig:
        """Return the settings of the model owner."""
        from models.learning.learner import LearnerConfig

        return LearnerConfig(
            preset=self.behaviour_preset(),
            adopt_share=self.adopt_share,
            clusterer=ClustererChoice.parse(self.clusterer),
        )

    def behaviour_preset(self) -> Preset:
        """Return the preset for the thresholds of new model versions."""
        from models.behaviour.model import CONSERVATIVE, RESPONSIVE

        return RESPONSIVE if self.preset == "responsive" else CONSERVATIVE

    def kafka_connection(self, embedded: str | None = None) -> KafkaConnection:
        """Return the connection to Kafka; the address ``embedded`` is used if no other is configured.

        Raises UserError if there is neither, or a certificate cannot be used.
        """
        from streamer.adapters.kafka import KafkaConnection

        bootstrap = self.kafka or embedded
        if bootstrap is None:
            raise UserError(
                "STREAMER_KAFKA is not set, and the embedded Kafka is not running",
                "run `streamer up`, or set STREAMER_KAFKA",
            )
        # The embedded server listens on loopback only, in plain text.
        security = self.kafka_security() if self.kafka else {}
        return KafkaConnection(bootstrap, self.topic_prefix, self.group, security)

    def kafka_security(self) -> dict[str, Any]:
        """Return the client options that aiokafka and kafka-python share; empty in plain text."""
        return kafka_security(self._kafka_login())

    def faust_broker(self) -> dict[str, Any]:
        """Return the same options as Faust's settings for credentials; empty in plain text and for the embedded Kafka."""
        return faust_broker(self._kafka_login()) if self.kafka else {}

    def _kafka_login(self) -> KafkaLogin:
        return KafkaLogin(
            self.kafka_security_protocol,
            self.kafka_sasl_mechanism,
            self.kafka_sasl_username,
            self.kafka_sasl_password,
            self.kafka_ssl_ca,
            self.kafka_ssl_cert,
            self.kafka_ssl_key,
            self.kafka_ssl_key_password,
        )

    def redis_connection(self, embedded: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return the URL and options for ``adapters.redis.connect``; the URL ``embedded`` is used if no other is
        configured.

        Raises UserError if there is neither.
        """
        if self.redis is None:
            if embedded is None:
                raise UserError(
                    "STREAMER_REDIS is not set, and the embedded Redis is not running",
                    "run `streamer up`, or set STREAMER_REDIS",
                )
            return embedded, {}
        return self.redis, redis_options(RedisLogin(self.redis_username, self.redis_password, self.redis_ca))

    # -- for people -------------------------------------------------------------------------------------------

    def in_force(self) -> list[InForce]:
        """Return all settings with their values and origins, secrets masked."""
        return [
            InForce(
                variable(name),
                shown(masked(getattr(self, name))),
                self._found[name].origin if name in self._found else DEFAULT,
                field.description or "",
            )
            for name, field in type(self).model_fields.items()
        ]


SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation) or name == "redis"
)
"""Settings that may come from a file and are never shown. A Redis URL may hold a password."""


def _own_control_key(found: Mapping[str, Found], environ: Mapping[str, str]) -> Found | None:
    """Return the control key in the home folder, if there is one."""
    home = Path(str(found["home"].value)).expanduser() if "home" in found else default_home(environ)
    path = home / CONTROL_KEY
    # A folder that we may not enter counts as having no key.
    if not os.path.isfile(path):
        return None
    return read_secret(Found(path, variable("control_key"), HOME))


def _plain(error: ValidationError, found: Mapping[str, Found]) -> UserError:
    """Convert pydantic's findings to plain words: setting, origin, value unless secret, and allowed values."""
    messages, hints = [], []
    for finding in error.errors(include_url=False):
        location = finding["loc"]
        if not location:
            message, _, hint = finding["msg"].removeprefix("Value error, ").partition("; ")
            messages.append(message)
            hints.append(hint)
            continue
        field = str(location[0])
        one = found[field]
        value = "this value" if field in SECRETS else shown(one.value)
        messages.append(f"{one.name} ({one.origin}) cannot be {value}")
        hints.append(f"{one.name} may be {allowed(Settings.model_fields[field], finding)}")
    return UserError("\n".join(messages), "\n".join(hint for hint in hints if hint))
