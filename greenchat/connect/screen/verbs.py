"""What one does with a conversation, a message or somebody, by keys and lists."""

from collections.abc import Callable

from greenchat.connect.client_file import ClientFile
from greenchat.connect.commands import Run
from greenchat.connect.common import clean_lines
from greenchat.connect.draft import as_text, is_command
from greenchat.connect.emoji import with_sign
from greenchat.connect.model.finding import Way
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import Place
from greenchat.connect.model.timeline import Item
from greenchat.connect.screen.acting import Acting
from greenchat.connect.screen.clipboard import copy_by_tmux, is_in_tmux
from greenchat.connect.screen.jumping import jumper
from greenchat.connect.screen.menus import Act, keeps_order, may_delete, menu, people, reactions
from greenchat.connect.screen.searching import Concerns, Found, Search
from greenchat.connect.screen.theme import Look
from greenchat.connect.settings import Settings
from greenchat.connect.stale import means_the_last
from greenchat.protocol.events import Message
from greenchat.protocol.text import is_blank

# What can be done while a question or a list stands above all else.
ALWAYS = ("cancel", "interrupt", "leave", "redraw")

# In fewer columns a pane does not stand beside a conversation, but before it.
PANE_FROM = {"conversations": 50, "members": 70}

# So few columns a pane may have: some letters of a name, and what is unread.
LEAST_PANE = 8

NOT_THERE = "This message is not there any more."
NOT_IN_PLAIN = "This server does not tell that here."
NOBODY_HERE = "There is no list of people here."
WRITE_FIRST = "Send first what stands in the box, or take it away."
SAY_WHY = "Write why, and Enter sends it. Nobody else reads it."
COPIED = "Copied, if your terminal lets programs do that."


class Verbs(Acting):
    def __init__(self, model: Model, look: Look, settings: Settings, file: ClientFile | None = None) -> None:
        super().__init__(model, look, settings, file)
        self.found = Found()  # of the last search

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return len(self.screen_stack) <= 1 or action in ALWAYS

    def refused(self, why: str) -> None:
        if why:
            self.told(why, error=True)

    # --- to another conversation ---

    def action_jump(self) -> None:
        self.push_screen(jumper(self.look, self.model, self.go))

    def go(self, way: Way) -> None:
        if way.kind == "place":
            self.look_at(way.name)
        elif way.kind == "person":
            self.talk_to(way.name)
        else:
            self.composer.guarded(lambda: self.model.sender.join(way.name, "", self.refused))

    def talk_to(self, name: str) -> None:
        if name != self.model.chats.me:
            self.look_at(self.model.chats.talk_to(name).id)

    # --- search ---

    def action_search(self, words: str = "") -> None:
        if words and words != self.found.words:
            self.found = Found(words)
        self.push_screen(Search(self.look, self.model, self.found, self.link.flush, self.to_message))

    def action_mentions(self) -> None:
        if self.link.client.plain:
            self.told(NOT_IN_PLAIN)
        else:
            self.push_screen(Concerns(self.look, self.model, self.link.flush, self.to_message))

    def to_message(self, message: Message) -> None:
        """Look at it, where it was said. One comes into a room that one is not in."""
        chats, sender = self.model.chats, self.model.sender
        place = chats.known(message)  # and called as it is by now: what was found may be old
        if place is None and message.conversation:
            place = chats.direct(message.conversation, message.with_)

        def look(there: Place) -> None:
            chats.show(there.id)
            self.composer.guarded(lambda: sender.around(there, message.seq))

        def entered(why: str) -> None:
            self.refused(why)
            if not why and message.room in chats.places:
                look(chats.places[message.room])

        if place is None or (place.gone and not place.is_direct):
            self.composer.guarded(lambda: sender.join(message.room, "", entered))
        else:
            look(place)

    # --- panes ---

    @property
    def lists_conversations(self) -> bool:
        return any(pane.display for pane in self.main.query("#conversations"))

    def action_fold(self, name: str) -> None:
        """Where there is no room for a pane, its list stands before the conversation."""
        if self.size.width >= PANE_FROM[name]:
            super().action_fold(name)
        elif name == "conversations":
            self.push_screen(jumper(self.look, self.model, self.go, full=True))
        else:
            self.action_people(full=True)

    def widen(self, name: str, columns: int) -> None:
        """A pane is as wide as somebody drags it, but that all the others are still to be seen."""
        self.main.query_one(f"#{name}").styles.width = max(LEAST_PANE, min(columns, self.size.width // 3))

    # --- people ---

    def action_people(self, *, full: bool = False) -> None:
        place = self.model.chats.place
        if place is not None and place.is_direct:
            self.about_person(place.title)
        elif place is None or not len(place.members):
            self.told(NOBODY_HERE)
        else:
            self.push_screen(people(self.look, place, self.about_person, full=full))

    def about_person(self, name: str) -> None:
        """What can be done with who is called so."""
        place, commands = self.model.chats.place, self.model.commands
        if place is None:
            return
        acts: list[Act] = []
        if name != self.model.chats.me:
            if not self.link.client.plain and not place.is_direct:
                acts.append(("", "Talk to them alone", lambda: self.talk_to(name)))
            acts.append(("", "Name them in what you write", lambda: self._write(f"@{name} ")))
        for command, what in (
            ("whois", "Who is that?"),
            ("ignore", "Read nothing more of them"),
            ("unignore", "Read them again"),
        ):
            if commands.has(command) and (command == "whois" or name != self.model.chats.me):
                acts.append((f"/{command}", what, self._by_command(place, command, "user", name)))
        self.push_screen(menu(self.look, name, acts))

    def _by_command(self, place: Place, command: str, argument: str, value: str) -> Callable[[], None]:
        run = Run(command, {argument: value}, f"/{command} {value}")
        return lambda: self.composer.guarded(lambda: self.model.sender.say(place, run.line, run=run))

    def _write(self, text: str) -> None:
        self.editor.insert(text)
        self.box.renew()

    # --- a message ---

    def meant(self, line: str) -> str:
        """A command as it is to be run: what is for the last message is for the one that is selected, and an emoji may
        be called by its name."""
        if not is_command(line):
            return line
        line, message = with_sign(line), self.log_pane.selected_message
        if message is None or not means_the_last(line):
            return line
        command, *rest = line.split(maxsplit=1)
        return " ".join([command, str(message.seq), *rest])

    def action_menu(self) -> None:
        """What can be done with the message that is selected."""
        place, item = self.model.chats.place, self.log_pane.selected_item
        if place is None or item is None or not isinstance(item.what, Message):
            self.told(self.composer.select("a message"))
            return
        acts = self._failed(place, item) if item.state == "failed" else self._acts(place, item.what)
        self.push_screen(menu(self.look, f"{item.what.sender}: {item.what.text}", acts))

    def _acts(self, place: Place, message: Message) -> list[Act]:
        chats, key, acts = self.model.chats, self.choosing.key, list[Act]()
        has_number, is_mine = message.seq > 0 and not place.gone, chats.is_mine(message)
        if has_number:
            acts += [
                (key("reply"), "Answer it", self.action_reply),
                (key("react"), "React to it", self.action_react),
            ]
        if message.reply_to:
            acts.append((key("original"), "Go to what it answers", self.action_original))
        acts += [(key("quote"), "Quote it", self.action_quote), (key("copy"), "Copy it", self.action_copy)]
        if has_number and is_mine and not message.action:
            acts.append((key("edit"), "Change it", self.action_edit))
        if has_number and may_delete(chats, place, message):
            acts.append((key("delete"), "Delete it", lambda: self._ask_to_delete(place, message)))
        if has_number and self.model.commands.has("pin") and keeps_order(chats, place):
            command, what = ("unpin", "Unpin it") if message.seq in place.pins else ("pin", "Pin it")
            acts.append((f"/{command}", what, self._by_command(place, command, "number", str(message.seq))))
        if has_number and not is_mine and self.model.commands.has("report"):
            acts.append(("/report", "Report it to who keeps order", lambda: self._begin_report(message)))
        if not is_mine and (place.is_direct or message.sender in place.members):
            name = place.title if place.is_direct else message.sender
            acts.append(("", f"More about {name}", lambda: self.about_person(name)))
        return acts

    def _begin_report(self, message: Message) -> None:
        """Why is for whoever reports it to write."""
        if not is_blank(self.editor.text):
            self.told(WRITE_FIRST)
            return
        self.editor.take_back()
        self._write(f"/report {message.seq} ")
        self.told(SAY_WHY)

    def action_original(self) -> None:
        """What the message that is selected answers."""
        place, message = self.model.chats.place, self.log_pane.selected_message
        if place is None or message is None or not message.reply_to:
            self.told(self.composer.select("an answer"))
            return
        self.composer.guarded(lambda: self.model.sender.around(place, message.reply_to))

    def _failed(self, place: Place, item: Item) -> list[Act]:
        """What can be done with what could not be said."""
        sender = self.model.sender

        def take() -> None:
            place.timeline.withdraw(item)
            self.changed()

        def write() -> None:
            take()
            if isinstance(item.what, Message):
                is_first = is_blank(self.editor.text[: self.editor.cursor])
                self._write(as_text(item.what.text) if is_first else item.what.text)

        return [
            ("", "Say it again", lambda: self.composer.guarded(lambda: sender.say_again(place, item))),
            ("", "Put it into the box", write),
            ("", "Take it away", take),
        ]

    def _ask_to_delete(self, place: Place, message: Message) -> None:
        def delete() -> None:
            now = place.timeline.message(message.seq)
            if now is None or now.id != message.id:
                self.told(NOT_THERE)
                return
            self.composer.guarded(lambda: self.model.sender.delete(place, message.seq, self.refused))

        acts: list[Act] = [("", "Keep it", self.changed), ("", "Delete it", delete)]
        self.push_screen(menu(self.look, "Delete it for everybody?", acts))

    def action_react(self) -> None:
        message = self.log_pane.selected_message
        if message is None:
            self.told(self.composer.why_none())
        else:
            self.push_screen(reactions(self.look, message, self.model.chats.me, self.composer.react))

    def action_copy(self) -> None:
        """The text of a message, into the clipboard of whoever sits at the terminal."""
        item = self.log_pane.selected_item
        if item is None or not isinstance(item.what, Message):
            self.told(self.composer.select("a message"))
            return
        text = clean_lines(item.what.text)
        self.copy_to_clipboard(text)
        if is_in_tmux():
            self.begin(copy_by_tmux(text))
        self.told(COPIED)

    def action_quote(self) -> None:
        """Its lines, with a mark before each, stand in the box where the cursor is."""
        item = self.log_pane.selected_item
        if item is None or not isinstance(item.what, Message):
            self.told(self.composer.select("a message"))
            return
        quoted = "".join(f"> {line}\n" for line in clean_lines(item.what.text).split("\n"))
        before = self.editor.text[: self.editor.cursor]
        self._write(quoted if not before or before.endswith("\n") else f"\n{quoted}")
        self.changed()
