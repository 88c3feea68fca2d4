"""The console script ``streamer``, also ``python -m streamer``: reads the command line's code, which takes a moment."""

from __future__ import annotations


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, even while it is still being imported."""
    try:
        from streamer import cli

        cli.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
