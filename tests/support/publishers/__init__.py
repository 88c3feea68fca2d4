"""Publish the same lines with clients in other languages, where this machine has what they need.

Each takes lines ``(codec, key, body)``; codec ``default`` keeps the client's default.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

Line = tuple[str, str, str]
Publish = Callable[[str, str, Sequence[Line], Path], None]

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_HERE = Path(__file__).parent
_SECONDS = 180
_FRANZ = "v1.22.3"
_NODE_PACKAGES = ("kafkajs@2.2.4", "kafkajs-snappy@1.1.0", "lz4-napi@2.10.0", "@bokuweb/zstd-wasm@0.0.27")


class Absent(Exception):
    """Raised if this machine lacks what the client needs; the text names it."""


def librdkafka(bootstrap: str, topic: str, lines: Sequence[Line], folder: Path) -> None:
    """Publish with confluent-kafka, which PHP, Ruby, .NET and most other languages also use."""
    producers: dict[str, Any] = {}
    for codec, key, body in lines:
        if codec not in producers:
            options = {} if codec == "default" else {"compression.type": codec}
            producers[codec] = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, **options})
        producers[codec].produce(topic, key=key, value=body)
    for producer in producers.values():
        assert producer.flush(60) == 0


def java(bootstrap: str, topic: str, lines: Sequence[Line], folder: Path) -> None:
    """Publish with Java's console producer, on the Java and the jars of the embedded Kafka."""
    from streamer.embedded.broker import _java_program
    from streamer.embedded.jars import KAFKA_VERSION, class_path

    try:
        import jgo
        from jgo.maven import PythonResolver

        coordinates = f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
        found = jgo.build(coordinates, resolver=PythonResolver()).all_jars
    except Exception as error:  # jgo raises plain exceptions of many kinds
        raise Absent(f"Java's console producer could not be fetched: {error!r}") from error
    tools = next(path for path in map(Path, found) if path.name.startswith("kafka-tools-4"))
    jars = ":".join(map(str, (*class_path(), tools)))
    for codec in dict.fromkeys(codec for codec, _, _ in lines):
        options = [] if codec == "default" else ["--compression-codec", codec]
        text = "".join(f"{key}\t{body}\n" for one, key, body in lines if one == codec)
        command = [str(_java_program()), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars]
        command += ["org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", bootstrap, "--topic", topic]
        _run([*command, "--property", "parse.key=true", *options], text, folder)


def franz(bootstrap: str, topic: str, lines: Sequence[Line], folder: Path) -> None:
    """Publish with franz-go, which compresses with snappy by default."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise Absent("Go is not installed")
    shutil.copy(_HERE / "publish.go", folder / "main.go")
    try:
        for command in (["mod", "init", "publish"], ["get", f"github.com/twmb/franz-go/pkg/kgo@{_FRANZ}"], ["build"]):
            _run([go, *command], "", folder)
    except AssertionError as error:
        raise Absent(f"franz-go could not be built: {error}") from error
    _run([str(folder / "publish"), bootstrap, topic], _text(lines), folder)


def kafkajs(bootstrap: str, topic: str, lines: Sequence[Line], folder: Path) -> None:
    """Publish with kafkajs, with the codecs that it lacks from other packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise Absent("node or npm is not installed")
    shutil.copy(_HERE / "publish.js", folder)
    try:
        _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *_NODE_PACKAGES], "", folder)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        raise Absent(f"npm could not install kafkajs: {error}") from error
    _run(["node", "publish.js", bootstrap, topic], _text(lines), folder)


CLIENTS: Mapping[str, Publish] = {"librdkafka": librdkafka, "java": java, "franz-go": franz, "kafkajs": kafkajs}


def _text(lines: Sequence[Line]) -> str:
    return "".join("\t".join(line) + "\n" for line in lines)


def _run(command: list[str], text: str, folder: Path) -> None:
    done = subprocess.run(command, input=text, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-500:]}{done.stderr[-1500:]}"
