"""Free ports on the loopback interface."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Below the ports that systems give to outgoing connections (Linux from 32768, macOS from 49152):
# no client takes a server's port while it restarts, and a client that knocks before the server
# listens is never connected to itself.
_RANGE = range(20_000, 32_000)
_TRIES = 1_000


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` right now."""
    with socket.socket() as probe:
        # As the servers do: a port whose last connections still linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(count: int, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
    """``count`` different free ports: the preferred ones where they are free, others where not.

    Nothing reserves them. Another program may take one before the server does, so the caller
    must be ready to choose again.

    Raises
    ------
    OSError
        No free port was found; the machine has none left in practice.
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
