"""Where a server is, as people write it."""

import re

import pytest

from greenchat.errors import GreenchatError
from greenchat.protocol.address import parse_server


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("localhost", "localhost", None),
        (" chat.example.org:9999 ", "chat.example.org", 9999),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("::1", "::1", None),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("unix:/run/chat.sock", "unix:/run/chat.sock", None),
        ("unix:chat.sock:1", "unix:chat.sock:1", None),
    ],
)
def test_what_is_understood(address, host, port):
    assert parse_server(address) == (host, port)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("1.2.3.4:99999", "'99999' is no port. Ports are numbers from 1 to 65535."),
        ("1.2.3.4:0", "'0' is no port"),
        ("localhost:http", "'http' is no port"),
        ("localhost:", "'' is no port"),
        ("localhost:９９", "is no port"),
        ("[::1]:-1", "'-1' is no port"),
        (":9999", "lacks the host"),
        ("", "lacks the host"),
        ("[]:9999", "lacks the host"),
        ("unix:", "lacks the path"),
        ("http://localhost:9999/", "is the address of a page"),
        ("a:b:c", "a:b:c is no address. Write HOST:PORT, [IPv6]:PORT or unix:/path."),
        ("[localhost]:9999", "localhost is no IPv6 address"),
        ("local host", "is no address"),
        ("\x1b[2Jx y", "?[2Jx y is no address"),
    ],
)
def test_what_is_not(address, problem):
    with pytest.raises(GreenchatError, match=re.escape(problem)):
        parse_server(address)
