"""Options of Kafka and Redis clients for login and encryption."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from schemas.errors import UserError


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """The settings for logging in to Kafka and for verifying it."""

    security_protocol: str
    sasl_mechanism: str
    sasl_username: str | None
    sasl_password: SecretStr | None
    ssl_ca: Path | None
    ssl_cert: Path | None
    ssl_key: Path | None
    ssl_key_password: SecretStr | None


@dataclass(frozen=True, slots=True)
class RedisLogin:
    """The settings for logging in to Redis and for verifying it."""

    username: str | None
    password: SecretStr | None
    ca: Path | None


def kafka_security(login: KafkaLogin) -> dict[str, Any]:
    """Return the client options that aiokafka and kafka-python share; empty in plain text.

    Raises UserError if a certificate cannot be used.
    """
    protocol = login.security_protocol
    options: dict[str, Any] = {}
    if protocol != "PLAINTEXT":
        options["security_protocol"] = protocol
    if protocol.startswith("SASL"):
        options["sasl_mechanism"] = login.sasl_mechanism
        options["sasl_plain_username"] = login.sasl_username
        options["sasl_plain_password"] = _open(login.sasl_password)
    if protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(login)
    return options


def faust_broker(login: KafkaLogin) -> dict[str, Any]:
    """Return the same options as Faust's settings for credentials; empty in plain text."""
    from faust.auth import SASLCredentials, SSLCredentials

    options = kafka_security(login)
    if not options:
        return {}
    context = options.get("ssl_context")
    if "sasl_mechanism" not in options:
        return {"broker_credentials": SSLCredentials(context)}
    credentials = SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=context,
        mechanism=options["sasl_mechanism"],
    )
    return {"broker_credentials": credentials}


def redis_options(login: RedisLogin) -> dict[str, Any]:
    """Return the options of redis-py that are not part of the URL."""
    options: dict[str, Any] = {}
    if login.username is not None:
        options["username"] = login.username
    if login.password is not None:
        options["password"] = _open(login.password)
    if login.ca is not None:
        options["ssl_ca_certs"] = str(login.ca)
    return options


def _ssl_context(login: KafkaLogin) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=login.ssl_ca)
        if login.ssl_cert is not None:
            # An empty password keeps OpenSSL from asking at the terminal.
            password = _open(login.ssl_key_password) or ""
            context.load_cert_chain(login.ssl_cert, login.ssl_key, password)
    except (ssl.SSLError, OSError) as error:
        raise UserError(
            f"cannot use the Kafka certificates: {error}",
            (
                "STREAMER_KAFKA_SSL_CA, _SSL_CERT and _SSL_KEY must be matching PEM files; if the key is encrypted, "
                "set _SSL_KEY_PASSWORD"
            ),
        ) from error
    return context


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
