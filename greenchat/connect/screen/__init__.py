"""The full screen of `greenchat connect`, made with Textual: conversations, the one that is looked at, its members, and
a box to type in. open.py opens it. What it shows is a `Model`'s; what others have written becomes segments of text
(drawing.py), never markup.
"""
