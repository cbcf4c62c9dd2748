"""A chat server of a programming class: a thread a client, and no more than JOIN, MSG and LEAVE."""

import socket
import threading
from contextlib import suppress

from greenchat.testing import DEADLINE, Peer


class SixFrames:
    """`unknown` is what it does with what it does not know: "error", "nothing" or "close". `welcomes`: it greets who
    joins; `hangs_up`: and closes after a LEAVE."""

    def __init__(self, unknown="error", welcomes=True, hangs_up=True):
        self.unknown, self.welcomes, self.hangs_up = unknown, welcomes, hangs_up
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self.greeting = "Welcome, {}!"
        self.clients = {}
        self.heard = []  # all lines that came
        self.lock = threading.RLock()
        self.sockets = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        for thread in self.threads:
            thread.join(DEADLINE)

    def join(self, name):
        """A client that has joined, and read its welcome."""
        peer = Peer(self.host, self.port)
        peer.send(f"JOIN|{name}")
        if self.welcomes:
            peer.expect(f"INFO|{self.greeting.format(name)}")
        return peer

    def hang_up(self):
        """Lose everybody."""
        with self.lock:
            for sock in self.sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=[sock])
            with self.lock:
                self.sockets.append(sock)
            self.threads.append(thread)
            thread.start()

    def send(self, text, *, to=None, but=None):
        with self.lock:
            for name, sock in self.clients.items():
                if name != but and to in (None, name):
                    with suppress(OSError):
                        sock.sendall(f"{text}\n".encode())

    def serve(self, sock):
        name = ""
        with sock, sock.makefile("rb") as lines:
            try:
                for line in lines:
                    kind, _, rest = line.decode().rstrip("\r\n").partition("|")
                    self.heard.append(line.decode().rstrip("\n"))
                    if kind == "JOIN" and rest in self.clients:
                        sock.sendall(b"ERROR|Username already taken\n")
                    elif kind == "JOIN":
                        name = rest
                        with self.lock:  # in one step, so that who is welcomed has been told of
                            self.clients[name] = sock
                            if self.welcomes:
                                self.send(f"INFO|{self.greeting.format(name)}", to=name)
                            self.send(f"INFO|{name} has joined the chat.", but=name)
                    elif kind == "MSG" and name:
                        self.send(f"MSG|{name}|{rest}", but=name)
                    elif kind == "LEAVE":
                        self.left(name)
                        name = ""
                        if self.hangs_up:
                            return
                    elif self.unknown == "error":
                        sock.sendall(b"ERROR|Unknown command\n")
                    elif self.unknown == "close":
                        return
            except OSError:
                pass
            finally:
                self.left(name)
                with self.lock:
                    self.sockets.remove(sock)

    def left(self, name):
        with self.lock:
            known = self.clients.pop(name, None)
        if known is not None:
            self.send(f"INFO|{name} has left the chat.")
