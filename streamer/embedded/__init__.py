"""Run an embedded Kafka and Valkey: real servers as child processes, without Docker or a Java installation."""

from streamer.embedded.home import default_home
from streamer.embedded.services import Addresses, Services, Status, check_alive, down, running, status, up

__all__ = ["Addresses", "Services", "Status", "check_alive", "default_home", "down", "running", "status", "up"]
