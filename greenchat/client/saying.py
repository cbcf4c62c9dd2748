"""What one says, changes and has read, on one connection."""

from msgspec.structs import replace

from greenchat.client.asking import Requests
from greenchat.client.keys import may_repeat, with_key
from greenchat.protocol.replies import Ack
from greenchat.protocol.requests import Delete, Edit, MarkRead, React, RunCommand, Say

# Silence of a server that owes an answer. It answers within milliseconds, unless it is overloaded or stopped.
ANSWER_SECONDS = 30.0


class Saying(Requests):
    """What needs no answer to go on: each returns the ref under which the answer comes."""

    def say(
        self,
        text: str,
        room: str = "",
        *,
        conversation: str = "",
        to: str = "",
        reply_to: int = 0,
        key: str | None = None,
    ) -> int:
        """Say `text`, and return the ref of its answer: an `Ack`, or an `Error`, which `receive` brings. It may have
        several lines, at most 100, with "\\n" between them: `fits` tells whether this server takes that.

        Where it goes is one of these: a `room`, which need not be named by who has only ever been in one; a
        `conversation` of two, by the id that a `Message` or an `Ack` has brought; the person who is called `to`. A text
        that begins with a slash is a command, run there; `//x` says `/x`. `reply_to` is the `seq` of the message
        there that it answers. With a `key` it is said once, however often one says it; None is one of its own for what
        `repeat` may say again.

        Does not wait: what the server does not read at once is in `backlog`. Raises `RefusedError` for what cannot be
        sent, `DisconnectedError`, and `ValueError` for more than one place.
        """
        if bool(room) + bool(conversation) + bool(to) > 1:
            raise ValueError("one message goes into a room, into a conversation, or to one person")
        ref = next(self._refs)
        say = Say(text, room, ref, conversation, to, reply_to, key or "")
        if key is None and (again := with_key(self, say)) is not None:
            self._put(replace(say, key=again.key), ref, text)
            self._keyed[ref] = self.account, again
            return ref
        return self._put(say, ref, text)

    def repeat(self, before: "Saying") -> dict[int, int]:
        """Say again what `before` had said, and got no answer for, when its connection was lost: what was said by then,
        the server knows by its key, and just answers it; except where it was started again meanwhile and keeps no
        history of the room: there it may be said twice. Returns the refs, by those of `before`.

        It is said only by who was it then: after `resume`, or logged in to the same account. What stays in
        `before.pending` nobody can decide, and it is not to be repeated: commands, changes, what was said to a name,
        and answers where the numbers of messages may be others by now.
        """
        refs: dict[int, int] = {}
        is_same = self._came_by == before.token != ""
        for ref, (account, say) in list(before._keyed.items()):
            if (
                self._connection.end
                or account != self.account
                or not (account or is_same)
                or not may_repeat(say, before, self)
            ):
                continue
            refs[ref] = new = next(self._refs)
            self._put(replace(say, ref=new), new, before.pending.pop(ref))
            self._keyed[new] = before._keyed.pop(ref)
        return refs

    @property
    def unsure(self) -> list[int]:
        """The refs of what is pending and cannot be said again by `repeat`, whoever comes back: commands, changes, what
        is said to a name, and all that is said to a server that knows no keys."""
        return [ref for ref in self.pending if ref not in self._keyed]

    def edit(self, room: str, seq: int, text: str, *, conversation: str = "") -> int:
        """The message `seq` of `room`, or of a `conversation`, which one has said, is to say `text` from now on.
        Returns and raises as `say` does; `receive` brings the `Edited`, as to all who are there, before the answer."""
        ref = next(self._refs)
        return self._put(Edit(seq, text, room, ref, conversation), ref, text)

    def delete(self, room: str, seq: int, *, conversation: str = "") -> int:
        """Take the message `seq` away, one's own or, where one keeps order, of others. As `edit`."""
        ref = next(self._refs)
        return self._put(Delete(seq, room, ref, conversation), ref, "")

    def react(self, room: str, seq: int, emoji: str, on: bool = True, *, conversation: str = "") -> int:
        """Put an `emoji` to the message `seq`; or, with `on` false, take one's own away. As `edit`."""
        ref = next(self._refs)
        return self._put(React(seq, emoji, room, on, ref, conversation), ref, emoji)

    def read(self, room: str, seq: int, *, conversation: str = "") -> int:
        """One has read `room`, or a `conversation`, up to the message `seq`: all devices of one's own know that then,
        by a `Read`. Returns and raises as `say` does."""
        ref = next(self._refs)
        return self._put(MarkRead(seq, room, conversation, ref), ref, "")

    def _put(self, request: Say | RunCommand | Edit | Delete | React | MarkRead, ref: int, text: str) -> int:
        self._send(request)
        self.pending[ref] = text
        return ref

    def confirm(self, ref: int, timeout: float = ANSWER_SECONDS) -> Ack:
        """Wait until the server has dealt with what `say`, `run`, `edit`, `delete`, `react` or `part` asked for as
        `ref`.

        Raises `RefusedError`, `NoAnswerError` and `DisconnectedError`. What else comes meanwhile is kept for `receive`.
        """
        self._wait(lambda: ref not in self.pending and ref not in self._parting, timeout)
        return self._take(ref, Ack)
