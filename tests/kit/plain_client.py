"""A chat client of a few lines, written from the plain half of PROTOCOL.md alone. Nothing but the standard library.

    python plain_client.py HOST PORT NAME

What you type is said; the end of what you type leaves.
"""

import socket
import sys
import threading


def show(lines):
    for line in lines:
        kind, _, rest = line.rstrip("\r\n").partition("|")
        if kind == "MSG":
            sender, _, text = rest.partition("|")
            print(f"[{sender}]: {text}", flush=True)
        elif kind in ("INFO", "ERROR"):
            print(f"[{kind}] {rest}", flush=True)


def main(host, port, name):
    with socket.create_connection((host, int(port))) as chat:
        replies = chat.makefile(encoding="utf-8", newline="\n")
        reader = threading.Thread(target=show, args=[replies])  # one must read while one writes
        reader.start()
        chat.sendall(f"JOIN|{name}\n".encode())
        for line in sys.stdin:
            text = line.rstrip("\n")
            chat.sendall(f"MSG|{text}\n".encode())
        chat.sendall(b"LEAVE\n")
        reader.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
