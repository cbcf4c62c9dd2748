"""How a program knows that it takes the place of another one: variables in its environment. They are known here, before
anything else is imported, as people wait."""

# The descriptor of the state: see server/state_file.py.
STATE = "_GREENCHAT_STATE"

# When the program before has come to its end, by a clock that goes on, in seconds.
ENDED = "_GREENCHAT_ENDED"
