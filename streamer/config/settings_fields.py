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

    kafka: Servers | None = Field(None, description="Kafka, host:port, several by commas; none: the embedded one")
    redis: RedisUrl | None = Field(None, description="URL of Redis or Valkey; none: the embedded one")
    home: Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())] = Field(
        default_factory=lambda: default_home({k: v for k, v in os.environ.items() if k != "STREAMER_HOME"}),
        description="folder of the embedded servers' data",
    )
    topic_prefix: str = Field(
        "", pattern=_NAME, max_length=100, description="prefix of all topic names", json_schema_extra=_NAME_WORDS
    )
    lanes: int = Field(4, ge=1, le=1_000, description="partitions of the input topic when it is created")
    group: str = Field(
        "streamer",
        pattern=_NAME,
        min_length=1,
        max_length=100,
        json_schema_extra=_NAME_WORDS,
        description="consumer group, and prefix of transactional ids",
    )

    currency: Annotated[str, BeforeValidator(_upper)] = Field("EUR", description="the shop's currency")
    rates: RatesMapping = Field(
        {},
        description="units of the shop's currency per unit of another",
        json_schema_extra={"allowed": "pairs such as USD=0.92,GBP=1.17"},
    )
    timezone: TimeZone = Field("UTC", description="the shop's time zone, which decides when its days begin")
    clock: Annotated[Literal["wall", "event"], BeforeValidator(_lower)] = Field(
        "wall", description="wall: customers also move by time while no events arrive; event: only when events arrive"
    )
    half_life_days: float = Field(25.0, ge=5, le=365, description="half-life of decayed money and orders")
    preset: Annotated[Literal["responsive", "conservative"], BeforeValidator(_lower)] = Field(
        "conservative", description="how easily customers move between behaviour clusters"
    )
    clusterer: Clusterer = Field(
        OURS,
        description="the clusterer of the model owner: PanelKMeans, or River's KMeans or STREAMKMeans, with parameters",
    )
    adopt_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="adopt proposed clusters without approval if they move at most this share of customers; none: never",
    )
    consent_default: Annotated[Literal["granted", "denied"], BeforeValidator(_lower)] = Field(
        "granted", description="the consent assumed for customers who never sent one"
    )
    merge_known: bool = Field(False, description="allow a link to join two known customers")
    merge_limit: int = Field(100, ge=1, le=10_000, description="maximum number of ids joined to one customer")
    nobody: str = Field(
        "...",
        max_length=10_000,
        description="placeholder ids, separated by commas; ... stands for null, undefined, guest, 0 etc.",
    )
    strict: bool = Field(False, description="reject events that break the contract instead of correcting them")
    retention_days: int = Field(3 * 365, ge=1, le=36_500, description="reject events older than this")
    max_event_bytes: int = Field(262_144, ge=1_024, le=MAX_MESSAGE_BYTES, description="reject larger events")
    max_batch_bytes: int = Field(
        64 * 2**20, ge=2**20, le=2**30, description="reject batches that decompress to more; limits memory"
    )
    language: Annotated[Literal["en", "zh"], BeforeValidator(_lower)] = Field(
        "en", description="language of names and messages: en or zh"
    )

    segments: FilePath | None = Field(
        None,
        description="file of segmentations, for `segments preview` and `activate`",
        json_schema_extra=_PATH_WORDS,
    )

    tick_seconds: float = Field(1.0, ge=0.05, le=60, description="how often an idle lane checks the clock")
    session_seconds: float = Field(
        6.0, ge=1, le=300, description="a worker silent for this long loses its lanes to others"
    )
    deadletter_run: int = Field(
        1_000, ge=0, description="a lane stops after rejecting this many records in a row; 0: never"
    )
    deadletter_ratio: float = Field(
        0.5, ge=0, le=1, description="a lane stops when it has rejected this share of its latest records; 1: never"
    )
    deadletter_window: int = Field(2_000, ge=10, description="number of latest records that share is taken of")
    max_residents: int = Field(100_000, ge=1_000, description="customers of a lane kept in memory")
    control_key: Annotated[SecretStr, AfterValidator(long_keys)] | None = Field(
        None,
        description="signs and checks control records; several by commas: the first signs; none: STREAMER_HOME/control.key",
        json_schema_extra={"allowed": "16 characters or more, several by commas"},
    )

    link_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="signs links in messages and hashes addresses; none: made once, in STREAMER_HOME",
        json_schema_extra={"allowed": "32 characters or more"},
    )
    smtp_password: SecretStr | None = Field(None, description="password for the mail server of plays")
    webhook_secrets: SecretStr | None = Field(
        None, description="secrets of webhook channels, NAME=whsec_..., several by commas; two of one name sign both"
    )
    http_secrets: SecretStr | None = Field(None, description="secrets of http channels, NAME=SECRET, several by commas")

    metrics_host: str = Field("127.0.0.1", min_length=1, description="address to serve /metrics on")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="port of a worker's /metrics; 0 takes a free one")
    owner_metrics_port: int = Field(9465, ge=0, le=65_535, description="port of the model owner's /metrics")
    act_metrics_port: int = Field(9466, ge=0, le=65_535, description="port of /metrics of `streamer act`")
    web_metrics_port: int = Field(9467, ge=0, le=65_535, description="port of /metrics of `streamer web`")
    web_host: str = Field("127.0.0.1", min_length=1, description="address to serve `streamer web` on")
    web_port: int = Field(8480, ge=1, le=65_535, description="port of `streamer web`")
    web_hosts: str = Field(
        "",
        max_length=1_000,
        description="names that `streamer web` is reached by beside localhost, separated by commas",
    )
    web_url: str = Field(
        "",
        max_length=1_000,
        description="address of a `streamer web` that `streamer segments members` asks instead of Redis, such as "
        "https://segments.shop.example",
    )
    web_token: SecretStr | None = Field(None, description="token for STREAMER_WEB_URL; it needs `export`")
    web_rate: float = Field(500.0, gt=0, le=100_000, description="requests a second that a token may make")
    shop_secrets: SecretStr | None = Field(
        None,
        description="secrets that sign the webhooks of shops, SHOP=SECRET, several by commas; two of one shop are both taken",
    )
    tokens_file: Path | None = Field(None, description="file of tokens for the API; none: tokens.json in STREAMER_HOME")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="minimum log level"
    )
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = Field(
        "auto", description="auto: console on a terminal, else JSON lines"
    )
    log_customer_ids: bool = Field(False, description="log customer ids in plain text instead of hashed")

    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)
    ] = Field("PLAINTEXT", description="security protocol for Kafka")
    kafka_sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], BeforeValidator(_upper)] = (
        Field("SCRAM-SHA-512", description="SASL mechanism for Kafka, where the protocol is SASL_*")
    )
    kafka_sasl_username: str | None = Field(None, description="user name for Kafka")
    kafka_sasl_password: SecretStr | None = Field(None, description="password for Kafka")
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
    redis_username: str | None = Field(None, description="user name for Redis")
    redis_password: SecretStr | None = Field(None, description="password for Redis")
    redis_ca: FilePath | None = Field(
        None, description="CA certificates for rediss://, PEM; none: the system's", json_schema_extra=_PATH_WORDS
    )
