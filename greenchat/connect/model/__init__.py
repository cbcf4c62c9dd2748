"""All that a person has in a chat, without a screen: conversations, what was said in each and what has become of it,
what is unread, and what they themselves have said. No terminal, no socket, no clock but what is handed in.

`Chats` is what is known; `Sender` is what one says and asks for. Whoever has a connection hands what comes to `hear` of
a `Model`, and looks at what has changed.
"""
