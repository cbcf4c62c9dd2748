"""What a connection says first decides how it is spoken to; what is not meant for the chat says nothing in it."""

import socket

import pytest

from greenchat.testing import serving

GREETINGS = {
    "browser": b"GET /chat HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\n\r\n",
    "form": b"POST / HTTP/1.1\r\nHost: chat\r\nContent-Type: text/plain\r\n\r\nJOIN|form\r\nMSG|spam\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "smtp": b"EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\nDATA\r\n.\r\n",
    "irc": b"CAP LS 302\r\nNICK ada\r\nUSER ada 0 * :Ada\r\nJOIN #lobby\r\nPRIVMSG #lobby :hi\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "rdp": b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    "proxy": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "smb": b"\x00\x00\x00\x85\xffSMBr\x00\x00\x00\x00\x18\x53\xc8",
}


@pytest.mark.parametrize("signpost", [True, False], ids=["signpost", "bare"])
def test_clients_of_other_protocols_say_nothing_in_the_chat(signpost):
    settings = {} if signpost else {"server.disabled_plugins": ["signpost"]}
    greetings = dict(GREETINGS)
    if not signpost:
        del greetings["form"]  # its last lines are frames: that nobody is fooled by a form is what the signpost is for
    with serving(settings=settings) as server:
        ada = server.join("ada")
        for greeting in greetings.values():
            with server.connect() as stranger:
                stranger.socket.sendall(greeting)
                stranger.socket.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda sock=stranger.socket: sock.recv(4096), b""))
            assert b"Traceback" not in answer
        server.join("bob")
        ada.expect("INFO|bob has joined the chat.")  # and nothing before
