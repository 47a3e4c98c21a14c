"""`tabwright serve`: the language server."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from tabwright.errors import CommandError

if TYPE_CHECKING:
    from tabwright.lsp.server import TabwrightServer

logger = logging.getLogger(__name__)

_LOG_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard input and output (the default).")
@click.option(
    "--tcp",
    metavar="HOST:PORT",
    help="Wait for one client on a loopback address instead, for example 127.0.0.1:7000.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LOG_LEVELS),
    default="warning",
    show_default=True,
    help="How much to log. Source text is logged at debug only.",
)
@click.option("--log-file", metavar="FILE", help="Log there instead of to standard error.")
@click.option(
    "--clientProcessId",
    "client_process_id",
    hidden=True,
    type=int,
    help="Taken and not needed: some clients add it.",
)
def serve(
    stdio: bool,
    tcp: str | None,
    log_level: str,
    log_file: str | None,
    client_process_id: int | None,
) -> None:
    """Run the language server; editors start it.

    It speaks the Language Server Protocol over standard input and output, opens no network
    connection, and ends when its client does.
    """
    del client_process_id
    if stdio and tcp:
        raise CommandError("Give either --stdio or --tcp, not both.")
    address = _loopback_address(tcp) if tcp else None
    # Whatever a library prints must not reach the client's stream.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # pygls and lsprotocol take a second to import: other commands must not pay for that.
    from tabwright.lsp.quiet_logging import configure_logging  # noqa: PLC0415

    try:
        configure_logging(log_level, log_file)
    except OSError as error:
        raise CommandError(f"Cannot write the log file: {error}.") from error
    server = _build()
    if address is not None:
        server.start_tcp(*address)
    else:
        from tabwright.lsp.server import ClientInput  # noqa: PLC0415

        incoming = ClientInput(sys.stdin.buffer, server.end_soon)
        server.start_io(cast(BinaryIO, incoming), outgoing)


def _build() -> TabwrightServer:
    from tabwright.commands.building import build_session  # noqa: PLC0415
    from tabwright.lsp import server as server_module  # noqa: PLC0415
    from tabwright.lsp.handlers import Handlers  # noqa: PLC0415
    from tabwright.user_directories import (  # noqa: PLC0415
        config_directory,
        specialised_models_directory,
        weights_directory,
    )

    # A folder that is not there cannot be watched.
    weights, specialised = weights_directory(), specialised_models_directory()
    try:
        weights.mkdir(parents=True, exist_ok=True)
        specialised.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        logger.warning("Cannot make the folders for models: %s.", error)
    server = server_module.TabwrightServer()
    handlers = Handlers(server, [weights, specialised, config_directory()])
    session = build_session(
        handlers.show_status_change, handlers.show_load, handlers.show_workspace
    )
    handlers.attach(session)
    for problem in (*session.languages.problems, *session.models.catalogue.problems):
        logger.warning("%s", problem)
    return server


def _loopback_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise CommandError(f"{text!r} is no HOST:PORT; an example is 127.0.0.1:7000.") from None
    if not is_loopback:
        raise CommandError(
            f"{host} is not a loopback address: source code is served on this machine only."
        )
    if not 0 < number < 65536:
        raise CommandError(f"{number} is no port; use one from 1 to 65535.")
    return host, number
