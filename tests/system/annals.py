"""What clients were promised of their logs, and what the files of the server have."""

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing


class Annals:
    """All that was asked for: `said` what was acknowledged, as (request, ack) by its place and number; `changed` each
    edit, deletion and reaction, with its rev, by what it is about. What has no answer is `doubted`: it may have
    happened. `read` is up to where each person has read each place, by what was acknowledged, and `asked` by what was
    asked for."""

    def __init__(self):
        self.life = 0
        self.said, self.texts = {}, {}
        self.changed, self.doubted = defaultdict(list), defaultdict(list)
        self.refused, self.unsure = {}, {}
        self.read, self.asked = defaultdict(Counter), defaultdict(Counter)
        self.counts = Counter()

    # --- what has come of a request ---

    def answered(self, request, answer):
        kind, by = request["type"], request["by"]
        self.counts[f"{kind} {answer.get('code', 'acked')}"] += 1
        self.unsure.pop(request.get("text"), None)
        if answer["type"] == "error":
            if kind == "say":
                self.refused[request["text"]] = request, answer
            return
        place = f"@{answer['conversation']}" if answer.get("conversation") else request["place"]
        match kind:
            case "say":
                told = by, answer["seq"], answer["id"], place, request.get("reply_to", 0)
                assert self.texts.setdefault(request["text"], told) == told, "a key has two answers"
                self.said[place, answer["seq"]] = request["text"]
                self.has_read(by, place, answer["seq"])
            case "read":
                self.has_read(by, place, request["seq"])
            case _:
                self.changed[about(request)].append((answer["rev"], value(request), self.life))

    def has_read(self, by, place, seq):
        for reads in (self.read, self.asked):
            reads[by][place] = max(reads[by][place], seq)

    def lost(self, request):
        """Nobody knows whether it has happened, until it is asked for again and answered."""
        kind = request["type"]
        self.counts[f"{kind} lost"] += 1
        match kind:
            case "say":
                self.unsure[request["text"]] = request
            case "read":
                place, by = request["place"], request["by"]
                self.asked[by][place] = max(self.asked[by][place], request["seq"])
            case _:
                self.doubted[about(request)].append((value(request), self.life))

    # --- what must be ---

    def latest(self, by, place):
        """The last message of somebody that was acknowledged there, and is there."""
        seqs = (seq for (there, seq), text in self.said.items() if there == place and self.texts[text][0] == by)
        return max((seq for seq in seqs if self.possible(("delete", place, seq), False) == {False}), default=0)

    def possible(self, what, before):
        """What may have come of one thing that is changed: what was acknowledged last; or what was asked for in that
        life of the server, or later, and is in doubt."""
        _, last, life = max(self.changed.get(what, ()), key=lambda one: (one[0], one[2]), default=(0, before, 0))
        return {last} | {one for one, when in self.doubted.get(what, ()) if when >= life}

    def check(self, kept, is_fleeting):
        """`kept` has by places what the files have; what `is_fleeting` is not to be in them."""
        found = {}
        for place, rows in kept.items():
            for seq, row in rows.items():
                self._check(place, seq, row, found)
        assert len(self.said) == len(self.texts), "two messages have one number"
        for (place, seq), text in self.said.items():
            assert is_fleeting(text) != (seq in kept.get(place, {})), f"{place} {seq}: {text}"
        again = [text for text, count in Counter(found.values()).items() if count > 1]
        assert not again, f"said twice: {again}"

    def _check(self, place, seq, row, found):
        text = self.said.get((place, seq))
        assert row.text not in self.refused, (place, seq, row, self.refused[row.text])
        where = f"{place} {seq}: {row}"
        gone = self.possible(("delete", place, seq), False)
        assert row.is_gone in gone, where
        if row.is_gone:
            return
        if text is not None:
            by, _, number, _, reply_to = self.texts[text]
            assert (row.sender, row.id, row.reply_to) == (by, number, reply_to), where
        texts = self.possible(("edit", place, seq), text)
        if None in texts:  # nobody was told that it was said
            texts = texts - {None} | {one for one, asked in self.unsure.items() if asked["by"] == row.sender}
        assert row.text in texts, (where, texts)
        found[place, seq] = text or row.text
        reacted = ("react", place, seq)
        told = {what[3:] for what in (*self.changed, *self.doubted) if what[:3] == reacted}
        assert row.reactions <= told, (where, told)
        for emoji, name in told:
            on = self.possible((*reacted, emoji, name), False)
            assert ((emoji, name) in row.reactions) in on, (where, emoji, name, on)


def about(request):
    """What a change is about."""
    kind, place, seq = request["type"], request["place"], request["seq"]
    return (kind, place, seq, request["emoji"], request["by"]) if kind == "react" else (kind, place, seq)


def value(request):
    """What it is to be then."""
    match request["type"]:
        case "edit":
            return request["text"]
        case "react":
            return request["on"]
    return True


class Row:
    """A message in a file."""

    def __init__(self, number, sender, text, reply_to, reactions, is_gone):
        self.id, self.sender, self.text, self.reply_to, self.is_gone = number, sender, text, reply_to, is_gone
        self.reactions = {(emoji, name) for emoji, name, _ in reactions}

    def __repr__(self):
        return f"{self.sender}: {self.text!r} {self.reactions or ''}{' (gone)' if self.is_gone else ''}"

    @property
    def state(self):
        return None if self.is_gone else (self.sender, self.text, self.reply_to, frozenset(self.reactions))


def rooms_kept(data_dir):
    """What history.sqlite3 has, by rooms."""
    kept = defaultdict(dict)
    with closing(sqlite3.connect(data_dir / "history.sqlite3")) as connection:
        rows = connection.execute(
            "SELECT name, seq, messages.id, sender, text, more FROM messages JOIN rooms ON rooms.id = messages.room"
        )
        for room, seq, number, sender, text, more in rows:
            more = json.loads(more or "{}")
            reactions, gone = more.get("reactions", ()), "deleted" in more
            kept[room][seq] = Row(number, sender, text, more.get("reply_to", 0), reactions, gone)
    return kept


def direct_kept(data_dir):
    """What direct.sqlite3 has, by conversations; and between which accounts these are."""
    kept, ends = defaultdict(dict), {}
    with closing(sqlite3.connect(data_dir / "direct.sqlite3")) as connection:
        for conversation, account in connection.execute("SELECT conversation, name FROM ends"):
            ends.setdefault(f"@{conversation}", set()).add(account)
        rows = connection.execute(
            "SELECT conversation, seq, id, sender, text, reply_to, reactions, deleted FROM messages"
        )
        for conversation, seq, number, sender, text, reply_to, reactions, deleted in rows:
            row = Row(number, sender, text, reply_to, json.loads(reactions or "[]"), deleted is not None)
            kept[f"@{conversation}"][seq] = row
    return kept, ends
