"""What `greenchat serve` says at its start: where it listens, how to join, what is on."""

import contextlib

from greenchat.hooks.loader import Plugins
from greenchat.server.page_url import here_of
from greenchat.server.server import ChatServer


def say_hello(server: ChatServer) -> None:
    first, *others = server.addresses
    lines = [f"[*] Chat Server started on {first}", "[*] Waiting for connections..."]
    if others:
        lines.append(f"    Also on:  {', '.join(others)}")
    page, *ways = _ways_in(server)
    lines += [
        f"    Join:     {page}",
        *(f"              {way}" for way in ways),
        f"    Plugins:  {_plugin_line(server.plugins)}",
        f"    Data:     {server.data_dir}",
        "    Stop:     Ctrl-C",
    ]
    with contextlib.suppress(OSError):  # whoever started us may read no further than the first line
        print("\n".join(lines), flush=True)


def _ways_in(server: ChatServer) -> list[str]:
    """How to join from this machine, the easiest way first."""
    address = server.addresses[0]
    if address.startswith("unix:"):
        return [f"nc -U {address.removeprefix('unix:')}"]
    host, _, port = address.rpartition(":")
    here = here_of(host)
    tls = server.config.tls
    ways = []
    if server.url:
        ways.append(f"{server.url.rstrip('/')} in a browser")
    if tls.required:
        return [*ways, f"greenchat connect --tls {here} {port}"]
    return [*ways, f"greenchat connect {here} {port}, or nc {here} {port}"]


def _plugin_line(plugins: Plugins) -> str:
    on = ", ".join(plugin.name for plugin in plugins.on) or "none"
    off = ", ".join(plugin.name for plugin in plugins if plugin.off and not plugin.is_spare)
    return f"{on} (off: {off}; see greenchat plugins list)" if off else on
