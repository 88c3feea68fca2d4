"""All settings of the service: what they mean, what is allowed, and the small values handed on to each part.

``Settings.load`` is called once, at the entry point. Everything below gets a value object, never this class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from models.features.time import DAY_MS, DayGrid
from schemas.errors import UserError
from schemas.ids import nobody_of
from schemas.money import EXPONENTS, Rates
from schemas.topics import MAX_MESSAGE_BYTES
from streamer.config.settings_checks import RatesMapping, RedisUrl, Servers, TimeZone, allowed, masked, shown
from streamer.config.settings_servers import KafkaLogin, RedisLogin, faust_broker, kafka_security, redis_options
from streamer.config.settings_sources import DEFAULT, Found, gather, variable
from streamer.embedded.home import default_home

if TYPE_CHECKING:
    # What these need (NumPy, the Kafka client) takes a while to import, and `--help` needs none of it.
    from models.behaviour.model import Preset
    from models.learning.learner import LearnerConfig
    from streamer.adapters.kafka import KafkaConnection
    from streamer.core.policy import Policy
    from streamer.lanes.context import LaneSettings

_NAME: Final = r"^[A-Za-z0-9._-]*$"
_NAME_WORDS: Final[JsonDict] = {"allowed": "letters, digits, '.', '_' and '-'"}
_NEEDS: Final = {
    "kafka_sasl_username": "SASL",
    "kafka_sasl_password": "SASL",
    "kafka_ssl_ca": "SSL",
    "kafka_ssl_cert": "SSL",
    "kafka_ssl_key": "SSL",
}
_PATH_WORDS: Final[JsonDict] = {"allowed": "the path of a file that exists"}


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as it is: its variable, its value with secrets masked, where that came from, what it means."""

    name: str
    value: str
    origin: str
    meaning: str


class Settings(BaseSettings):
    """What the service is told. ``Settings()`` is all defaults and reads nothing; `load` reads the surroundings."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    kafka: Servers | None = Field(None, description="Kafka, host:port, several by commas; none: the embedded one")
    redis: RedisUrl | None = Field(None, description="URL of Redis or Valkey; none: the embedded one")
    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())] = Field(
        default_factory=lambda: default_home({k: v for k, v in os.environ.items() if k != "STREAMER_HOME"}),
        description="folder of the embedded servers' data",
    )
    topic_prefix: str = Field(
        "", pattern=_NAME, max_length=100, description="put before all topic names", json_schema_extra=_NAME_WORDS
    )
    lanes: int = Field(4, ge=1, le=1_000, description="partitions of the input topic when it is created")
    group: str = Field(
        "streamer",
        pattern=_NAME,
        min_length=1,
        max_length=100,
        json_schema_extra=_NAME_WORDS,
        description="consumer group, and front part of transactional ids",
    )

    currency: Annotated[str, BeforeValidator(_upper)] = Field("EUR", description="the shop's currency")
    rates: RatesMapping = Field(
        {},
        description="units of the shop's currency for one of another's",
        json_schema_extra={"allowed": "pairs such as USD=0.92,GBP=1.17"},
    )
    timezone: TimeZone = Field("UTC", description="the shop's time zone: its days begin there")
    clock: Annotated[Literal["wall", "event"], BeforeValidator(_lower)] = Field(
        "wall", description="whether customers move by the wall clock while nothing arrives, or only by events"
    )
    half_life_days: float = Field(25.0, ge=5, le=365, description="half-life of decayed money and orders")
    preset: Annotated[Literal["responsive", "conservative"], BeforeValidator(_lower)] = Field(
        "conservative", description="how readily customers move between behaviour clusters"
    )
    adopt_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="proposed clusters that would move at most this share of customers are adopted unasked; none: never",
    )
    consent_default: Annotated[Literal["granted", "denied"], BeforeValidator(_lower)] = Field(
        "granted", description="what holds for customers without a consent record"
    )
    merge_known: bool = Field(False, description="whether two known customers may be joined by a link")
    merge_limit: int = Field(100, ge=1, le=10_000, description="most ids that may be joined to one customer")
    nobody: str = Field(
        "...",
        max_length=10_000,
        description="ids that stand for nobody, by commas; ... are null, undefined, guest, 0 etc.",
    )
    strict: bool = Field(False, description="whether events that break the contract are refused, not read kindly")
    retention_days: int = Field(3 * 365, ge=1, le=36_500, description="events older than this are refused")
    max_event_bytes: int = Field(262_144, ge=1_024, le=MAX_MESSAGE_BYTES, description="events above are refused")
    max_batch_bytes: int = Field(
        64 * 2**20, ge=2**20, le=2**30, description="batches that unpack to more are refused; bounds memory"
    )
    language: Annotated[Literal["en", "zh"], BeforeValidator(_lower)] = Field(
        "en", description="language of names and of what is shown: en or zh"
    )

    segments: FilePath | None = Field(
        None,
        description="file of segmentations, for `segments preview` and `activate`",
        json_schema_extra=_PATH_WORDS,
    )

    tick_seconds: float = Field(1.0, ge=0.05, le=60, description="how often an idle lane looks at the clock")
    session_seconds: float = Field(
        6.0, ge=1, le=300, description="after so long without a sign of life a worker's lanes go to others"
    )
    deadletter_run: int = Field(
        1_000, ge=0, description="records refused one after the other at which a lane stops; 0: never"
    )
    deadletter_ratio: float = Field(
        0.5, ge=0, le=1, description="share of the latest records refused at which a lane stops; 1: never"
    )
    deadletter_window: int = Field(2_000, ge=10, description="how many the latest records are for that")
    max_residents: int = Field(100_000, ge=1_000, description="customers of a lane kept in memory")
    control_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="signs and checks control records",
        json_schema_extra={"allowed": "16 characters or more"},
    )

    link_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="signs links in messages and hashes addresses; none: made once, in STREAMER_HOME",
        json_schema_extra={"allowed": "32 characters or more"},
    )
    smtp_password: SecretStr | None = Field(None, description="password at the mail server of plays")
    webhook_secrets: SecretStr | None = Field(
        None, description="secrets of webhook channels, NAME=whsec_..., several by commas; two of one name sign both"
    )

    metrics_host: str = Field("127.0.0.1", min_length=1, description="address that /metrics is served on")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="port of a worker's /metrics; 0 takes a free one")
    owner_metrics_port: int = Field(9465, ge=0, le=65_535, description="port of the model owner's /metrics")
    act_metrics_port: int = Field(9466, ge=0, le=65_535, description="port of /metrics of `streamer act`")
    web_host: str = Field("127.0.0.1", min_length=1, description="address that `streamer web` is served on")
    web_port: int = Field(8480, ge=1, le=65_535, description="port of `streamer web`")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="least level that is logged"
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = Field(
        "auto", description="auto: console on a terminal, else JSON lines"
    )
    log_customer_ids: bool = Field(False, description="log customer ids as they are, not hashed")

    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)
    ] = Field("PLAINTEXT", description="how to talk to Kafka")
    kafka_sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], BeforeValidator(_upper)] = (
        Field("SCRAM-SHA-512", description="how to log in to Kafka, where the protocol is SASL_*")
    )
    kafka_sasl_username: str | None = Field(None, description="user at Kafka")
    kafka_sasl_password: SecretStr | None = Field(None, description="password at Kafka")
    kafka_ssl_ca: FilePath | None = Field(
        None, description="CA certificates for Kafka, PEM; none: the system's", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_cert: FilePath | None = Field(
        None, description="our certificate for Kafka, PEM", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_key: FilePath | None = Field(
        None, description="key of our certificate, PEM", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_key_password: SecretStr | None = Field(None, description="password of that key")
    redis_username: str | None = Field(None, description="user at Redis")
    redis_password: SecretStr | None = Field(None, description="password at Redis")
    redis_ca: FilePath | None = Field(
        None, description="CA certificates for rediss://, PEM; none: the system's", json_schema_extra=_PATH_WORDS
    )

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
        """Only what is passed in: `load` reads the places itself, to remember where each value came from."""
        return (init_settings,)

    @classmethod
    def load(
        cls, given: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, folder: Path = Path()
    ) -> Self:
        """The settings in force here.

        Parameters
        ----------
        given
            Flags of the command line, by field name; they come before everything else.

        Raises
        ------
        UserError
            A name that is no setting, or a value that is not allowed; it names all of the latter.
        """
        environ = os.environ if environ is None else environ
        found = gather(cls, SECRETS, environ, folder, given or {})
        try:
            settings = cls(**{field: one.value for field, one in found.items()})
        except ValidationError as error:
            raise _told(error, found) from None
        settings._found.update(found)
        return settings

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.currency not in EXPONENTS:
            raise ValueError(
                f"STREAMER_CURRENCY: unknown currency {self.currency!r}; use an ISO 4217 code, such as EUR"
            )
        try:
            Rates(self.currency, self.rates)
        except UserError as error:
            raise ValueError(f"STREAMER_RATES: {error.message}; {error.hint}") from None
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                if getattr(self, name) is None:
                    raise ValueError(f"{variable(name)} is needed with {self.kafka_security_protocol}; set it")
        # Credentials that go nowhere mean that somebody believes in a protection that is not there.
        if self.kafka is None and self.kafka_security_protocol != "PLAINTEXT":
            raise ValueError("STREAMER_KAFKA_SECURITY_PROTOCOL has no effect on the embedded Kafka; set STREAMER_KAFKA")
        if self.redis is None and (self.redis_username is not None or self.redis_password is not None):
            raise ValueError(
                "STREAMER_REDIS_USERNAME and _PASSWORD have no effect on the embedded one; set STREAMER_REDIS"
            )
        for name, part in _NEEDS.items():
            if part not in self.kafka_security_protocol and getattr(self, name) is not None:
                raise ValueError(
                    f"{variable(name)} has no effect with {self.kafka_security_protocol}; "
                    "set STREAMER_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"
                )
        if (self.kafka_ssl_cert is None) != (self.kafka_ssl_key is None):
            raise ValueError("STREAMER_KAFKA_SSL_CERT and STREAMER_KAFKA_SSL_KEY belong together; set both or none")
        if self.redis_ca is not None and not (self.redis or "").startswith("rediss://"):
            raise ValueError("STREAMER_REDIS_CA needs TLS; let STREAMER_REDIS begin with rediss://")
        return self

    # -- values for the parts ---------------------------------------------------------------------------------

    def policy(self, lanes: int | None = None) -> Policy:
        """What decisions depend on; ``lanes`` as the topic has them, else as set."""
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
        """How lanes run."""
        from streamer.lanes.context import LaneSettings

        return LaneSettings(
            max_residents=self.max_residents,
            tick_seconds=self.tick_seconds,
            control_key=self.control_key_bytes,
            deadletter_run=self.deadletter_run,
            deadletter_ratio=self.deadletter_ratio,
            deadletter_window=self.deadletter_window,
        )

    @property
    def control_key_bytes(self) -> bytes | None:
        """The key of control records, where one is set."""
        return self.control_key.get_secret_value().encode() if self.control_key is not None else None

    def learner_config(self) -> LearnerConfig:
        """How the model owner learns."""
        from models.learning.learner import LearnerConfig

        return LearnerConfig(preset=self.behaviour_preset(), adopt_share=self.adopt_share)

    def behaviour_preset(self) -> Preset:
        """How readily the clusters of new model versions let customers move."""
        from models.behaviour.model import CONSERVATIVE, RESPONSIVE

        return RESPONSIVE if self.preset == "responsive" else CONSERVATIVE

    def kafka_connection(self, embedded: str | None = None) -> KafkaConnection:
        """Where Kafka is; ``embedded`` is the address of ours, for when no other is set.

        Raises UserError where there is neither, or a certificate cannot be used.
        """
        from streamer.adapters.kafka import KafkaConnection

        bootstrap = self.kafka or embedded
        if bootstrap is None:
            raise UserError(
                "no Kafka is set, and the embedded one does not run", "run `streamer up`, or set STREAMER_KAFKA"
            )
        # The embedded server listens on loopback only, in plain text.
        security = self.kafka_security() if self.kafka else {}
        return KafkaConnection(bootstrap, self.topic_prefix, self.group, security)

    def kafka_security(self) -> dict[str, Any]:
        """Client options that aiokafka and kafka-python share; empty in plain text."""
        return kafka_security(self._kafka_login())

    def faust_broker(self) -> dict[str, Any]:
        """The same as Faust's settings for credentials; empty in plain text and for the embedded Kafka."""
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
        """URL and options for ``adapters.redis.connect``; ``embedded`` is the URL of ours, for when no other is set.

        Raises UserError where there is neither.
        """
        if self.redis is None:
            if embedded is None:
                raise UserError(
                    "no Redis is set, and the embedded one does not run", "run `streamer up`, or set STREAMER_REDIS"
                )
            return embedded, {}
        return self.redis, redis_options(RedisLogin(self.redis_username, self.redis_password, self.redis_ca))

    # -- for people -------------------------------------------------------------------------------------------

    def in_force(self) -> list[InForce]:
        """All settings with their values and origins, secrets masked."""
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


def _told(error: ValidationError, found: Mapping[str, Found]) -> UserError:
    """What pydantic found, in plain words: setting, origin, value unless secret, and what is allowed."""
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
