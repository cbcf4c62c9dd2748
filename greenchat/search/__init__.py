"""What people type to search, and the words of a message that it is found by. Whose index it is, is not known here."""
