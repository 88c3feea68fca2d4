"""The embedded Kafka and Valkey: real servers as child processes, no Docker, no Java to install."""

from streamer.local.home import default_home
from streamer.local.services import Addresses, Services, Status, down, running, status, up

__all__ = ["Addresses", "Services", "Status", "default_home", "down", "running", "status", "up"]
