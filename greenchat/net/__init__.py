"""Sockets: listening, TLS, what is on its way to a connection, and whom to let in."""
