"""Connect to Kafka once before a client starts, to report at once and in plain words why it is unusable.

Kafka clients retry and then report a timeout, whether nothing is listening, the password is wrong or the port speaks
TLS. This module makes one connection with the same settings and reports the failure with a hint.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from typing import Any

from schemas.errors import UserError

CONNECT_SECONDS = 5.0
_DEFAULT_PORT = 9092
_PROTOCOL = "STREAMER_KAFKA_SECURITY_PROTOCOL"


def check_reachable(bootstrap: str, security: Mapping[str, Any] | None = None) -> None:
    """Check that a server accepts the connection. Blocks for at most 5 s per server.

    Raises
    ------
    UserError
        No server accepts it; the message describes the first server's failure.
    """
    options = dict(security or {})
    first: UserError | None = None
    for server in bootstrap.split(","):
        host, port = _address(server.strip())
        try:
            _run(host, port, options)
            return
        except UserError as error:
            first = first or error
    assert first is not None
    raise first


def no_kafka(bootstrap: str, detail: str = "") -> UserError:
    """Return the common error for an unreachable Kafka."""
    return UserError(
        f"no Kafka at {bootstrap}" + (f" ({detail})" if detail else ""),
        "start one with `streamer up`, or set STREAMER_KAFKA",
    )


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host:
        host, port = server, str(_DEFAULT_PORT)
    try:
        return host.strip("[]"), int(port)
    except ValueError:
        raise UserError(f"{server!r} is not a Kafka address", "use the form host:port") from None


def _run(host: str, port: int, options: Mapping[str, Any]) -> None:
    """Run in a separate thread, because the caller may have a running event loop."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_introduce(host, port, options))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="preflight", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


async def _introduce(host: str, port: int, options: Mapping[str, Any]) -> None:
    from aiokafka.conn import AIOKafkaConnection
    from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

    place = f"{host}:{port}"
    connection = AIOKafkaConnection(host, port, request_timeout_ms=int(CONNECT_SECONDS * 1000), **options)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise UserError(
            f"cannot verify the certificate of Kafka at {place}: {error.verify_message}",
            "set STREAMER_KAFKA_SSL_CA to the signing authority's certificate, and use a host name in "
            "STREAMER_KAFKA that the certificate covers",
        ) from None
    except ssl.SSLError as error:
        raise _no_answer(place, options, f"no TLS there: {error.reason or error}") from None
    except SaslAuthenticationFailed as error:
        raise UserError(
            f"Kafka at {place} rejects the user {options['sasl_plain_username']}: {error}",
            "check STREAMER_KAFKA_SASL_USERNAME and STREAMER_KAFKA_SASL_PASSWORD",
        ) from None
    except UnsupportedSaslMechanismError:
        raise UserError(
            f"Kafka at {place} does not support {options['sasl_mechanism']}",
            "set STREAMER_KAFKA_SASL_MECHANISM to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, whichever the broker supports",
        ) from None
    except (KafkaError, TimeoutError):
        raise _no_answer(place, options) from None
    except OSError as error:
        if isinstance(error, ConnectionRefusedError):
            raise no_kafka(place, "connection refused") from None
        if isinstance(error, ConnectionError):
            # The server accepted the connection and closed it at our first request.
            raise _no_answer(place, options) from None
        raise no_kafka(place, (error.strerror or str(error)).lower()) from None
    finally:
        await _part(connection)


async def _part(connection: Any) -> None:
    """Close the connection before the loop ends, because the peer may never answer the TLS close message."""
    connection.close()
    if connection._protocol is not None:
        await asyncio.wait([connection._closed_fut], timeout=1.0)


def _no_answer(place: str, options: Mapping[str, Any], detail: str = "") -> UserError:
    protocol = options.get("security_protocol", "PLAINTEXT")
    return UserError(
        f"no Kafka at {place} speaking {protocol}: the port is open but does not answer"
        + (f" ({detail})" if detail else ""),
        f"check STREAMER_KAFKA, and set {_PROTOCOL} to the protocol of that port (PLAINTEXT, SSL, SASL_PLAINTEXT, "
        "SASL_SSL)",
    )
