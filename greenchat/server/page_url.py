"""By which address a browser on this machine, or one beside it, finds the page."""

from collections.abc import Sequence

# Both are called localhost, which browsers trust as much as a page by TLS.
LOOPBACK = ("127.0.0.1", "::1")


def here_of(host: str) -> str:
    """The address by which this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))


def page_url(page: str, addresses: Sequence[str], *, is_secure: bool) -> str:
    """Where the page with the path `page` is, with a slash at the end; empty where there is none."""
    found = next((address for address in addresses if not address.startswith("unix:")), "")
    if not page or not found:
        return ""
    host, _, port = found.rpartition(":")
    name = "localhost" if here_of(host) in LOOPBACK else host
    return f"{'https' if is_secure else 'http'}://{name}:{port}{page.rstrip('/')}/"
