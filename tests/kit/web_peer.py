"""A WebSocket client that says what it is told to, right or wrong, frame by frame."""

import http.client
import json
import socket
import struct

from greenchat.testing import DEADLINE, ServerThread

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # what answers this key: RFC 6455, 1.3

MASK = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = MASK) -> bytes:
    """A client's frame; with an empty `mask`, one that is not masked."""
    size = len(payload)
    bit = 0x80 if mask else 0
    first = fin << 7 | rsv << 4 | opcode
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + mask + (bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload)


class Unclosed:
    """A file that goes on to be read when one of its readers has closed it."""

    def __init__(self, file) -> None:
        self.read, self.readline, self.readinto = file.read, file.readline, file.readinto

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class WebPeer:
    """Connects to /chat of a server, or takes a connection. `status`, `headers` and `body` are those of the answer; it
    is a WebSocket if that is 101.

    `first` is sent together with the handshake, as no client should. An empty header is not sent.
    """

    def __init__(
        self, where: ServerThread | socket.socket, path: str = "/chat", first: bytes = b"", **headers: str
    ) -> None:
        self.socket = (
            where if isinstance(where, socket.socket) else socket.create_connection((where.host, where.port), DEADLINE)
        )
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = {"Host": "localhost", **HANDSHAKE}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items() if value)]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + first)
        self._file = self.socket.makefile("rb")
        response = http.client.HTTPResponse(self)
        response.begin()
        self.status, self.headers = response.status, dict(response.getheaders())
        self.body = b"" if self.status == 101 else response.read()

    def makefile(self, mode: str) -> "Unclosed":
        """For http.client, which would close the file of what it takes for a whole answer."""
        return Unclosed(self._file)

    def __enter__(self) -> "WebPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Vanish."""
        self._file.close()
        self.socket.close()

    def send(self, opcode: int, payload: bytes | str = b"", **options) -> None:
        self.send_bytes(frame(opcode, payload.encode() if isinstance(payload, str) else payload, **options))

    def send_bytes(self, data: bytes, chop: int = 0) -> None:
        """All at once, or in pieces of `chop` bytes."""
        for start in range(0, len(data), chop or len(data)):
            self.socket.sendall(data[start : start + (chop or len(data))])

    def say(self, **fields) -> None:
        self.send(TEXT, json.dumps(fields))

    def read(self) -> tuple[int, bytes]:
        """The next frame: its opcode and payload. What tells of all that one takes part in is left out. Raises
        `EOFError` where the server has closed."""
        opcode, payload = self._read()
        return self.read() if payload.startswith(b'{"type":"conversations"') else (opcode, payload)

    def _read(self) -> tuple[int, bytes]:
        first, length = self._exactly(2)
        assert first & 0xF0 == 0x80, "a server's frame is whole, and has no extensions"
        assert length < 0x80, "a server does not mask"
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
            assert length >= 126
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
            assert length >= 1 << 16
        return first & 0x0F, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def hear(self) -> dict:
        """The next event or answer."""
        opcode, payload = self.read()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def join(self, name: str, **fields) -> dict:
        """Its welcome."""
        self.say(type="join", name=name, **fields)
        welcome = self.hear()
        assert welcome["type"] == "welcome", welcome
        return welcome

    def expect_close(self, code: int | None, reason: str | None = None) -> str:
        """The next frame must be a close with `code` (None: with none), and then the end; its reason."""
        opcode, payload = self.read()
        assert opcode == CLOSE, (opcode, payload)
        assert (struct.unpack("!H", payload[:2])[0] if payload else None) == code, payload
        said = payload[2:].decode()
        assert reason is None or said == reason
        self.expect_end()
        return said

    def expect_end(self) -> None:
        try:
            rest = self._file.read()
        except ConnectionResetError:
            return
        assert rest == b""
