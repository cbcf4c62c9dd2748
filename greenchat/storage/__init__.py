"""What is kept: SQLite files, the directory they are in, and backups."""
