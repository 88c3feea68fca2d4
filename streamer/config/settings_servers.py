"""What clients of Kafka and Redis are told about logging in and encryption."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from schemas.errors import UserError

if TYPE_CHECKING:
    from streamer.config.settings import Settings


def kafka_security(settings: Settings) -> dict[str, Any]:
    """Client options that aiokafka and kafka-python share; empty in plain text.

    Raises UserError if a certificate cannot be used.
    """
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {}
    if protocol != "PLAINTEXT":
        options["security_protocol"] = protocol
    if protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _open(settings.kafka_sasl_password)
    if protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    return options


def faust_broker(settings: Settings) -> dict[str, Any]:
    """The same for Faust: its settings for credentials; empty in plain text."""
    from faust.auth import SASLCredentials, SSLCredentials

    options = kafka_security(settings)
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


def redis_options(settings: Settings) -> dict[str, Any]:
    """Options of redis-py that do not stand in the URL."""
    options: dict[str, Any] = {}
    if settings.redis_username is not None:
        options["username"] = settings.redis_username
    if settings.redis_password is not None:
        options["password"] = _open(settings.redis_password)
    if settings.redis_ca is not None:
        options["ssl_ca_certs"] = str(settings.redis_ca)
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_ca)
        if settings.kafka_ssl_cert is not None:
            # An empty password keeps OpenSSL from asking at the terminal.
            password = _open(settings.kafka_ssl_key_password) or ""
            context.load_cert_chain(settings.kafka_ssl_cert, settings.kafka_ssl_key, password)
    except (ssl.SSLError, OSError) as error:
        raise UserError(
            f"the certificates for Kafka cannot be used: {error}",
            "STREAMER_KAFKA_SSL_CA, _SSL_CERT, _SSL_KEY must be PEM files that belong together; see _SSL_KEY_PASSWORD",
        ) from error
    return context


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
