"""The chat: people, rooms, conversations, and what is told in them. No socket, and no gevent."""
