"""Checks that involve several settings. Each raises ValueError with the remedy."""

from __future__ import annotations

from typing import Final

from schemas.errors import UserError
from schemas.money import EXPONENTS, Rates
from streamer.config.settings_fields import SettingsFields
from streamer.config.settings_sources import variable

_NEEDS: Final = {
    "kafka_sasl_username": "SASL",
    "kafka_sasl_password": "SASL",
    "kafka_ssl_ca": "SSL",
    "kafka_ssl_cert": "SSL",
    "kafka_ssl_key": "SSL",
}
"""Required part of the security protocol for each setting that would otherwise have no effect."""


def check_together(settings: SettingsFields) -> None:
    """Raise ValueError for the first contradiction."""
    _money(settings)
    _kafka(settings)
    _redis(settings)


def _money(settings: SettingsFields) -> None:
    if settings.currency not in EXPONENTS:
        raise ValueError(
            f"STREAMER_CURRENCY: unknown currency {settings.currency!r}; use an ISO 4217 code, for example EUR"
        )
    try:
        Rates(settings.currency, settings.rates)
    except UserError as error:
        raise ValueError(f"STREAMER_RATES: {error.message}; {error.hint}") from None


def _kafka(settings: SettingsFields) -> None:
    protocol = settings.kafka_security_protocol
    if protocol.startswith("SASL"):
        for name in ("kafka_sasl_username", "kafka_sasl_password"):
            if getattr(settings, name) is None:
                raise ValueError(f"{variable(name)} is required with {protocol}; set it")
    # Reject credentials without effect: the user would rely on a protection that does not exist.
    if settings.kafka is None and protocol != "PLAINTEXT":
        raise ValueError("STREAMER_KAFKA_SECURITY_PROTOCOL has no effect on the embedded Kafka; set STREAMER_KAFKA")
    for name, part in _NEEDS.items():
        if part not in protocol and getattr(settings, name) is not None:
            raise ValueError(
                f"{variable(name)} has no effect with {protocol}; "
                "set STREAMER_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"
            )
    if (settings.kafka_ssl_cert is None) != (settings.kafka_ssl_key is None):
        raise ValueError("STREAMER_KAFKA_SSL_CERT and STREAMER_KAFKA_SSL_KEY need each other; set both or neither")


def _redis(settings: SettingsFields) -> None:
    if settings.redis is None and (settings.redis_username is not None or settings.redis_password is not None):
        raise ValueError(
            "STREAMER_REDIS_USERNAME and STREAMER_REDIS_PASSWORD have no effect on the embedded "
            "Redis; set STREAMER_REDIS"
        )
    if settings.redis_ca is not None and not (settings.redis or "").startswith("rediss://"):
        raise ValueError("STREAMER_REDIS_CA needs TLS; begin STREAMER_REDIS with rediss://")
