"""The client's side of TLS: whom to trust, and what to say when that fails."""

import ssl

from msgspec import Struct

from greenchat.protocol.text import printable

# What a socket raises that is not ready, with and without TLS.
NOT_READY = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Encryption(Struct, frozen=True):
    """How to make TLS: trusting this system's authorities, or those in `cafile` (PEM); `insecure` trusts anybody."""

    cafile: str | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Raises `OSError` (`ssl.SSLError` is one) where `cafile` cannot be used."""
        context = ssl.create_default_context(cafile=self.cafile)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


# What else to do where a server does not take TLS; links ask for it by another letter.
NO_TLS = "Check the port, or leave --tls out, and of a link greenchats:// the s."


def explain(error: OSError, host: str, where: str) -> str:
    """Why there is no TLS with the server at `where`, in one sentence or two."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where} does not prove to be {printable(host)}: {error.verify_message}. "
            "If its certificate is your own, name it with --cafile."
        )
    if isinstance(error, TimeoutError):
        return f"{where} does not answer in TLS. {NO_TLS}"
    if isinstance(error, ssl.SSLError):
        return f"{where} does not speak TLS as we do: {error.reason or error}. {NO_TLS}"
    return f"{where} has ended the connection. {NO_TLS}"
