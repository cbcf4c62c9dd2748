"""Certificates for the tests of TLS."""

import socket
import ssl

import trustme

from greenchat.testing import DEADLINE


class Authority:
    """Certificates for 127.0.0.1, in files."""

    def __init__(self, directory):
        self._ca = trustme.CA()
        self._directory = directory
        self.file = str(directory / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)
        self.issue()

    def issue(self, name="127.0.0.1"):
        """A new certificate, in the same two files."""
        issued = self._ca.issue_cert(name)
        self.cert, self.key = str(self._directory / "cert.pem"), str(self._directory / "key.pem")
        issued.cert_chain_pems[0].write_to_path(self.cert)
        issued.private_key_pem.write_to_path(self.key)
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    @property
    def settings(self):
        return {"tls.cert": self.cert, "tls.key": self.key}

    def wrap(self, sock):
        return ssl.create_default_context(cafile=self.file).wrap_socket(sock, server_hostname="127.0.0.1")

    def connect(self, port):
        return self.wrap(socket.create_connection(("127.0.0.1", port), DEADLINE))


def join(sock, name):
    """Join over a socket; its lines."""
    sock.sendall(f"JOIN|{name}\n".encode())
    lines = sock.makefile("r", newline="\n")
    assert lines.readline().startswith("INFO|Welcome")
    return lines
