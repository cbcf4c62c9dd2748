"""What is said: events, requests and replies, and the texts and names in them. No I/O, and no state."""
