"""Choose free ports on the loopback interface."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Below the systems' ephemeral ports (Linux from 32768, macOS from 49152), so that no client takes a server's port while
# it restarts, and a client that connects before the server listens is never connected to itself.
_RANGE = range(20_000, 32_000)
_TRIES = 1_000


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # As for the servers, a port whose last connections still linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(count: int, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Choose ``count`` distinct free ports, the preferred ones if they are free.

    The ports are not reserved: another program may take one before the server does, so the caller must be ready to choose
    again.

    Raises
    ------
    OSError
        No free port was found; in practice, the machine has none left.
    """
    chosen: list[int] = []
    dice = random.SystemRandom()
    for index in range(count):
        wishes = (preferred[index],) if index < len(preferred) else ()
        for port in (*wishes, *dice.sample(_RANGE, _TRIES)):
            if port not in chosen and is_free(port):
                chosen.append(port)
                break
        else:
            raise OSError("no free port on the loopback interface")
    return tuple(chosen)
