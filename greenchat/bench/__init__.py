"""`greenchat bench`: how fast a room is, what one delivery costs the server, what one connection takes.

crowd.py is the load, in the words of languages.py; server.py is what is measured, measure.py is the order of things,
report.py is what comes out.
"""

from greenchat.bench.measure import Load, run

__all__ = ["Load", "run"]
