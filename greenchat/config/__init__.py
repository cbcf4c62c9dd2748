"""The settings: each with its default and its reason, how they are read, and what a change of them means."""
