"""The settings themselves: names, types, limits, defaults and meanings. `Settings` reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.learning.clusterer_choice import OURS
from schemas.topics import MAX_MESSAGE_BYTES
from streamer.config.settings_checks import Clusterer, RatesMapping, RedisUrl, Servers, TimeZone, long_keys
from streamer.embedded.home import default_home

_NAME: Final = r"^[A-Za-z0-9._-]*$"
_NAME_WORDS: Final[JsonDict] = {"allowed": "letters, digits, '.', '_' and '-'"}
_PATH_WORDS: Final[JsonDict] = {"allowed": "the path of a file that exists"}


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class SettingsFields(BaseSettings):
    """All settings, in the order in which people see them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    kafka: Servers | None = Field(
        None, description=("Kafka addresses as host:port, separated by commas; none: the embedded Kafka")
    )
    redis: RedisUrl | None = Field(None, description="URL of Redis or Valkey; none: the embedded Valkey")
    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())] = Field(
        default_factory=lambda: default_home({k: v for k, v in os.environ.items() if k != "STREAMER_HOME"}),
        description="data folder of the embedded servers",
    )
    topic_prefix: str = Field(
        "", pattern=_NAME, max_length=100, description="prefix of all topic names", json_schema_extra=_NAME_WORDS
    )
    lanes: int = Field(4, ge=1, le=1_000, description="number of partitions with which the input topic is created")
    group: str = Field(
        "streamer",
        pattern=_NAME,
        min_length=1,
        max_length=100,
        json_schema_extra=_NAME_WORDS,
        description="consumer group and prefix of transactional ids",
    )

    currency: Annotated[str, BeforeValidator(_upper)] = Field("EUR", description="the shop's currency")
    rates: RatesMapping = Field(
        {},
        description="exchange rates: the value of one unit of another currency in the shop's currency",
        json_schema_extra={"allowed": "pairs such as USD=0.92,GBP=1.17"},
    )
    timezone: TimeZone = Field("UTC", description="the shop's time zone; its days begin at midnight there")
    clock: Annotated[Literal["wall", "event"], BeforeValidator(_lower)] = Field(
        "wall",
        description=("wall: time moves customers even if no events arrive; event: time advances only with events"),
    )
    half_life_days: float = Field(25.0, ge=5, le=365, description="half-life of decayed spend and orders")
    preset: Annotated[Literal["responsive", "conservative"], BeforeValidator(_lower)] = Field(
        "conservative", description="how readily customers move between behaviour clusters"
    )
    clusterer: Clusterer = Field(
        OURS,
        description="clusterer of the model owner, with parameters: PanelKMeans, or River's KMeans or STREAMKMeans",
    )
    adopt_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of customers that proposed clusters may move to be adopted without approval; none: never",
    )
    consent_default: Annotated[Literal["granted", "denied"], BeforeValidator(_lower)] = Field(
        "granted", description="consent assumed for customers who never sent one"
    )
    merge_known: bool = Field(False, description="allow links to merge two known customers")
    merge_limit: int = Field(100, ge=1, le=10_000, description="maximum number of ids merged into one customer")
    nobody: str = Field(
        "...",
        max_length=10_000,
        description=(
            "ids that are placeholders, separated by commas; ... stands for the built-in list (null, "
            "undefined, guest, 0 etc.)"
        ),
    )
    strict: bool = Field(False, description="reject events that break the contract instead of correcting them")
    retention_days: int = Field(3 * 365, ge=1, le=36_500, description="maximum age of events; older ones are rejected")
    max_event_bytes: int = Field(
        262_144, ge=1_024, le=MAX_MESSAGE_BYTES, description=("maximum size of an event; larger ones are rejected")
    )
    max_batch_bytes: int = Field(
        64 * 2**20,
        ge=2**20,
        le=2**30,
        description=("maximum size of a decompressed batch, which limits memory; larger ones are rejected"),
    )
    language: Annotated[Literal["en", "zh"], BeforeValidator(_lower)] = Field(
        "en", description="language of names and messages: en or zh"
    )

    segments: FilePath | None = Field(
        None,
        description="path of the segments file for `segments preview` and `segments activate`",
        json_schema_extra=_PATH_WORDS,
    )

    tick_seconds: float = Field(1.0, ge=0.05, le=60, description="interval at which an idle lane checks the clock")
    session_seconds: float = Field(
        6.0, ge=1, le=300, description="time without a heartbeat after which a worker loses its lanes"
    )
    deadletter_run: int = Field(
        1_000, ge=0, description="number of rejected records in a row after which a lane stops; 0: never"
    )
    deadletter_ratio: float = Field(
        0.5, ge=0, le=1, description="share of rejected records among the latest at which a lane stops; 1: never"
    )
    deadletter_window: int = Field(
        2_000, ge=10, description=("number of latest records over which that share is computed")
    )
    max_residents: int = Field(100_000, ge=1_000, description="number of customers per lane kept in memory")
    control_key: Annotated[SecretStr, AfterValidator(long_keys)] | None = Field(
        None,
        description=(
            "keys that sign and verify control records, separated by commas; the first one signs; none: "
            "STREAMER_HOME/control.key"
        ),
        json_schema_extra={"allowed": "16 characters or more, several by commas"},
    )

    link_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="key that signs links in messages and hashes addresses; none: created once in STREAMER_HOME",
        json_schema_extra={"allowed": "32 characters or more"},
    )
    smtp_password: SecretStr | None = Field(None, description="password for the mail server of plays")
    webhook_secrets: SecretStr | None = Field(
        None,
        description=(
            "secrets of webhook channels as NAME=whsec_..., separated by commas; two secrets of one name both sign"
        ),
    )
    http_secrets: SecretStr | None = Field(
        None, description=("secrets of http channels as NAME=SECRET, separated by commas")
    )

    metrics_host: str = Field("127.0.0.1", min_length=1, description="address to serve /metrics on")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="port of a worker's /metrics; 0 selects a free port")
    owner_metrics_port: int = Field(9465, ge=0, le=65_535, description="port of the model owner's /metrics")
    act_metrics_port: int = Field(9466, ge=0, le=65_535, description="port of /metrics of `streamer act`")
    web_metrics_port: int = Field(9467, ge=0, le=65_535, description="port of /metrics of `streamer web`")
    web_host: str = Field("127.0.0.1", min_length=1, description="address to serve `streamer web` on")
    web_port: int = Field(8480, ge=1, le=65_535, description="port of `streamer web`")
    web_hosts: str = Field(
        "",
        max_length=1_000,
        description="host names of `streamer web` besides localhost, separated by commas",
    )
    web_url: str = Field(
        "",
        max_length=1_000,
        description="address of a `streamer web` that `streamer segments members` asks instead of Redis, such as "
        "https://segments.shop.example",
    )
    web_token: SecretStr | None = Field(None, description="token for STREAMER_WEB_URL, with the permission `export`")
    web_rate: float = Field(500.0, gt=0, le=100_000, description="maximum number of requests per second and token")
    shop_secrets: SecretStr | None = Field(
        None,
        description=(
            "signing secrets of shop webhooks as SHOP=SECRET, separated by commas; two secrets of one "
            "shop are both accepted"
        ),
    )
    tokens_file: Path | None = Field(None, description="path of the API token file; none: tokens.json in STREAMER_HOME")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="minimum log level"
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = Field(
        "auto", description="log format; auto: readable lines on a terminal, otherwise JSON Lines"
    )
    log_customer_ids: bool = Field(False, description="log customer ids in plain text instead of hashed")

    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)
    ] = Field("PLAINTEXT", description="security protocol for Kafka")
    kafka_sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], BeforeValidator(_upper)] = (
        Field("SCRAM-SHA-512", description="SASL mechanism for Kafka if the protocol is SASL_*")
    )
    kafka_sasl_username: str | None = Field(None, description="user name for Kafka")
    kafka_sasl_password: SecretStr | None = Field(None, description="password for Kafka")
    kafka_ssl_ca: FilePath | None = Field(
        None, description="CA certificates for Kafka, PEM; none: the system's", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_cert: FilePath | None = Field(
        None, description="client certificate for Kafka, PEM", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_key: FilePath | None = Field(
        None, description="key of the client certificate, PEM", json_schema_extra=_PATH_WORDS
    )
    kafka_ssl_key_password: SecretStr | None = Field(None, description="password of the client certificate's key")
    redis_username: str | None = Field(None, description="user name for Redis")
    redis_password: SecretStr | None = Field(None, description="password for Redis")
    redis_ca: FilePath | None = Field(
        None, description="CA certificates for rediss://, PEM; none: the system's", json_schema_extra=_PATH_WORDS
    )
