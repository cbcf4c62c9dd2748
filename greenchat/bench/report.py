"""What `greenchat bench` prints: a table for people, or these structs as one JSON object. Units stand in the names."""

from msgspec import Struct

# From here on more load could not have been made, or not much: a Python process is one core's worth.
BUSY_PERCENT = 90.0


class Throughput(Struct, frozen=True, kw_only=True):
    """All senders send as fast as they can. A delivery is one message at one client.

    A percentage is of one core. What the server used is None where it is not known, or the part was too short to tell.
    """

    due: int
    delivered: int
    lost: int
    seconds: float
    deliveries_per_second: int
    messages_per_second: int
    server_cpu_percent: float | None
    server_cpu_ns_per_delivery: float | None
    generator_cpu_percent: float
    generator_was_the_limit: bool


class Latency(Struct, frozen=True, kw_only=True):
    """From sending to arriving, over all deliveries, at a steady rate of messages. Percentages as above."""

    rate_per_second: int
    due: int
    delivered: int
    lost: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    server_cpu_percent: float | None
    generator_cpu_percent: float
    generator_was_the_limit: bool


class Server(Struct, frozen=True, kw_only=True):
    """What was measured. `memory_bytes` is its RSS with all clients in, before they send; what is None is not known."""

    address: str
    version: str
    own: bool
    pid: int | None
    process: str | None
    memory_bytes: int | None
    memory_bytes_per_connection: int | None


class Report(Struct, frozen=True, kw_only=True):
    """One run. `language` is what the clients spoke: "plain" frames, "json" lines, "web", JSON over WebSockets, or
    "irc". `throughput` and `latency` are None where they were not measured."""

    server: Server
    language: str
    clients: int
    senders: int
    messages_per_sender: int
    message_bytes: int
    join_seconds: float
    throughput: Throughput | None
    latency: Latency | None

    @property
    def missing(self) -> str:
        """One sentence where something due did not arrive; else empty."""
        for part, measured in (("throughput", self.throughput), ("latency", self.latency)):
            if measured is not None and measured.lost:
                return (
                    f"{measured.lost:,} of {measured.due:,} deliveries of the {part} part did not arrive in time. "
                    "Give it more --seconds, or fewer --messages."
                )
        return ""

    def table(self) -> str:
        """The report for people, one figure a line."""
        rows = [*self._room(), *self._throughput(), *self._latency(), *self._server()]
        width = max(len(name) for name, _ in rows) + 2
        return "\n".join(f"{name:{width}}{value}" for name, value in rows)

    def _room(self) -> list[tuple[str, str]]:
        whose = "started for this run" if self.server.own else "running already"
        how = {"plain": "", "json": " of JSON Lines", "web": " WebSockets", "irc": " of IRC"}[self.language]
        return [
            ("Server", f"{self.server.version} at {self.server.address}, {whose}"),
            ("Clients", f"{self.clients:,}{how} in one room, joined in {self.join_seconds:.2f} s"),
        ]

    def _throughput(self) -> list[tuple[str, str]]:
        part = self.throughput
        if part is None:
            return []
        rows = [
            ("Throughput", f"{part.deliveries_per_second:,} deliveries/s ({part.messages_per_second:,} messages/s)"),
            (
                "  load",
                f"{self.senders:,} senders x {self.messages_per_sender:,} messages of {self.message_bytes:,} bytes",
            ),
            ("  delivered", f"{part.delivered:,} of {part.due:,} in {part.seconds:.2f} s, {part.lost:,} lost"),
        ]
        if part.server_cpu_ns_per_delivery is not None:
            use = f"{part.server_cpu_ns_per_delivery:,.0f} ns a delivery, {part.server_cpu_percent:.0f} % of a core"
            rows.append(("  server CPU", use))
        return [*rows, ("  generator CPU", _generator(part))]

    def _latency(self) -> list[tuple[str, str]]:
        part = self.latency
        if part is None:
            return []
        rows = [
            (
                "Latency",
                f"at {part.rate_per_second:,} messages/s, over {part.delivered:,} deliveries, {part.lost:,} lost",
            ),
            ("  p50", f"{part.p50_ms:.2f} ms"),
            ("  p90", f"{part.p90_ms:.2f} ms"),
            ("  p99", f"{part.p99_ms:.2f} ms"),
            ("  p99.9", f"{part.p999_ms:.2f} ms"),
            ("  max", f"{part.max_ms:.2f} ms"),
        ]
        if part.server_cpu_percent is not None:
            rows.append(("  server CPU", f"{part.server_cpu_percent:.0f} % of a core"))
        return [*rows, ("  generator CPU", _generator(part))]

    def _server(self) -> list[tuple[str, str]]:
        server = self.server
        if server.memory_bytes is None or server.memory_bytes_per_connection is None:
            return [("Memory", "not known: the server's process is not to be seen from here")]
        rows = [
            ("Memory", f"{server.memory_bytes_per_connection / 1024:.1f} KB a connection"),
            ("  in all", f"{server.memory_bytes / 1024 / 1024:.1f} MB"),
        ]
        return rows if server.own else [*rows, ("  process", f"{server.pid} ({server.process})")]


def _generator(part: Throughput | Latency) -> str:
    share = f"{part.generator_cpu_percent:.0f} % of a core"
    return f"{share}: the load generator was the limit" if part.generator_was_the_limit else share
