"""Logging that holds no source text.

pygls logs message bodies at INFO and the parameters of failed handlers at ERROR; both hold what
the user types. Its records keep their templates and the places of their tracebacks, and lose
their arguments.
"""

from __future__ import annotations

import logging
import sys
import traceback


class WithoutArguments(logging.Filter):
    """Takes the arguments and exception messages out of a library's records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; keep every one."""
        if record.levelno >= logging.INFO:
            error = record.exc_info[0] if record.exc_info else None
            places = record.exc_info[2] if record.exc_info else None
            record.args = ()  # a record without arguments is not formatted: `%s` stays as it is
            record.exc_info = None
            if error is not None:
                frames = "".join(traceback.format_tb(places)) if places else ""
                record.msg = f"{record.msg}\n{frames}{error.__name__}"
        return True


def configure_logging(level: str, file: str | None) -> None:
    """Send the log to a file or to stderr, never to stdout, which belongs to the protocol.

    Raises:
        OSError: the file cannot be written.
    """
    handler: logging.Handler = (
        logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level.upper() != "DEBUG":
        logging.getLogger("pygls").setLevel(logging.WARNING)
    handler.addFilter(_ForPygls())
    handler.addFilter(_without_late_children)


class _ForPygls(WithoutArguments):
    def filter(self, record: logging.LogRecord) -> bool:
        return super().filter(record) if record.name.startswith("pygls") else True


def _without_late_children(record: logging.LogRecord) -> bool:
    """Leave out what asyncio says of a child that ends a moment after the server itself has."""
    return not (record.name == "asyncio" and "that handles pid" in str(record.msg))
