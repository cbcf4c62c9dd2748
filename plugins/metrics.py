"""Serves how the server is to Prometheus: GET /metrics, on a listener of its own, once `address` is set.

It needs prometheus-client: pip install 'greenchat[metrics]'.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any

import gevent

import greenchat
from greenchat import HOOK_SECONDS, ChatServer, ConfigError, Meta, PluginError, hookimpl

if TYPE_CHECKING:
    from prometheus_client import Metric

log = logging.getLogger("greenchat.metrics")

# How many may ask at the same time, and how long one may keep a connection, in seconds. Prometheus asks once in 15
# seconds or so, from one place or two, and connects again when it has to.
CLIENTS = 10
SECONDS = 60.0

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Settings(greenchat.Settings, frozen=True):
    """Numbers for Prometheus."""

    address: Annotated[
        str,
        Meta(
            description="Where to serve GET /metrics, as HOST:PORT or [IPv6]:PORT, such as 127.0.0.1:9464; empty is "
            "nowhere. Everybody who can connect there can read it."
        ),
    ] = ""


class Metrics:
    """`address` is where it listens, with the real port, once the server has started."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._listener: Any = None

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        from gevent.pool import Pool
        from gevent.pywsgi import WSGIServer

        class Listener(WSGIServer):  # type: ignore[misc]
            def handle(self, *connection: Any) -> None:
                with gevent.Timeout(SECONDS, False):
                    super().handle(*connection)

        self._listener = Listener(self.address, application(server), spawn=Pool(CLIENTS), log=None, error_log=log)
        host, port = self.address
        shown = f"[{host}]" if ":" in host else host
        try:
            self._listener.start()
        except OSError as error:
            why = str(error.strerror).partition(": (")[0]  # gevent adds the address
            raise PluginError(
                f"cannot listen on {shown}:{port}: {why}. Choose another plugins.metrics.address"
            ) from None
        self.address = (host, self._listener.server_port)
        log.info("metrics are at http://%s:%d/metrics", shown, self._listener.server_port)

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        if self._listener is not None:
            self._listener.stop(timeout=0)


def greenchat_plugin(settings: Settings) -> Metrics | None:
    if not settings.address:
        return None
    match = re.fullmatch(r"(?:\[([^][]+)\]|([^][:\s]+)):(\d{1,5})", settings.address)
    if match is None or int(match[3]) > 65535:
        raise ConfigError(
            f"plugins.metrics.address: {settings.address} is no address. Write it like 127.0.0.1:9464 or [::1]:9464."
        )
    try:
        import prometheus_client  # noqa: F401
    except ModuleNotFoundError:
        raise PluginError("it needs prometheus-client; install it: pip install 'greenchat[metrics]'") from None
    return Metrics(match[1] or match[2], int(match[3]))


def application(server: ChatServer) -> WsgiApplication:
    """The web application: /metrics, and nothing else."""
    from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)  # processor time, memory, descriptors
    registry.register(Collector(server))
    metrics: WsgiApplication = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"Here is nothing but /metrics.\n"]

    return answer


class Collector:
    """What Prometheus calls where numbers come from: they are read when it asks."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server

    def describe(self) -> Iterable["Metric"]:
        return ()  # without it, they would be read once at registration

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        stats = self._server.stats()
        yield InfoMetricFamily("greenchat", "The server.", {"version": stats.server.partition("/")[2]})
        gauges: dict[str, tuple[float, str]] = {
            "uptime_seconds": (stats.uptime_seconds, "How long the server has been running."),
            "sessions": (stats.sessions, "Connections that are being served: of one person, there may be several."),
            "members": (stats.members, "People who are in the chat, by however many connections."),
            "rooms": (stats.rooms, "Rooms that there are."),
            "outbox_bytes": (stats.waiting_bytes, "What waits for clients that read slower than their room talks."),
            "outbox_most_bytes": (stats.waiting_bytes_most, "What waits for the slowest of them."),
            "loop_lag_seconds": (
                stats.loop_lag_seconds,
                "The longest turn of the event loop in the last minute or two.",
            ),
        }
        for name, (value, help_text) in gauges.items():
            yield GaugeMetricFamily(f"greenchat_{name}", help_text, value)
        counters = {
            "sessions_started": (stats.sessions_in_all, "Connections that have been served, since the start."),
            "messages": (stats.messages, "Messages said in rooms."),
            "deliveries": (stats.deliveries, "Messages times the connections they were delivered to."),
        }
        for name, (count, help_text) in counters.items():
            yield CounterMetricFamily(f"greenchat_{name}", help_text, count)
        refusals = CounterMetricFamily("greenchat_refusals", "Requests that were refused.", labels=["code"])
        for code, count in stats.refusals.items():
            refusals.add_metric([code], count)
        yield refusals
        yield from _of_plugins(stats)


def _of_plugins(stats: Any) -> Iterator["Metric"]:
    """What each plugin takes, hook by hook."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    labels = ["plugin", "hook"]
    took = HistogramMetricFamily("greenchat_plugin_seconds", "How long calls of a plugin took.", labels=labels)
    failures = CounterMetricFamily("greenchat_plugin_failures", "Calls of a plugin that have failed.", labels=labels)
    for use in stats.plugins:
        values = [use.plugin, use.hook]
        failures.add_metric(values, use.failures)
        if use.calls:
            bounds = [*map(str, HOOK_SECONDS), "+Inf"]
            buckets = list(zip(bounds, accumulate(use.buckets), strict=True))
            took.add_metric(values, buckets, use.seconds)
    yield took
    yield failures
    holds = CounterMetricFamily(
        "greenchat_plugin_holds", "How often a plugin was found to hold everybody up.", labels=["plugin"]
    )
    for plugin, count in stats.plugin_holds.items():
        holds.add_metric([plugin], count)
    yield holds
    off = GaugeMetricFamily("greenchat_plugin_off", "1 for each plugin that was switched off.", labels=["plugin"])
    for plugin in stats.plugins_off:
        off.add_metric([plugin], 1)
    yield off
