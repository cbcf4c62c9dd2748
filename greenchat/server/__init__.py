"""The server: accepting, starting and stopping, and what a machine's administrator has of it."""
