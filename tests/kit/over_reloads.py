"""Fixtures for clients of a server that is reloaded, in clear text or by TLS."""

import pytest

from greenchat.client import Client
from greenchat.net.encryption import Encryption
from kit.authority import Authority
from kit.handovers import Handovers
from kit.processes import serve_process


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def over(tmp_path):
    handovers = Handovers(tmp_path)
    yield handovers
    print(handovers.log)  # which is shown where a test fails


@pytest.fixture
def by_tls(over, authority):
    """A server that is not carried over for who comes by TLS: they come back."""
    settings = [f"--set={key}={value}" for key, value in authority.settings.items()]
    with serve_process(over.data_dir, *over.arguments, *settings) as serving:
        serving.options = ("--tls", "--cafile", authority.file)
        yield serving


@pytest.fixture
def in_clear(over):
    with serve_process(over.data_dir, *over.arguments) as serving:
        serving.options = ()
        yield serving


@pytest.fixture
def connect(by_tls, authority):
    return lambda: Client.connect("127.0.0.1", by_tls.port, encryption=Encryption(authority.file))
