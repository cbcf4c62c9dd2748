"""What becomes of what somebody types: said, run, changed, asked for; and the draft of each conversation."""

from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from greenchat.client import DisconnectedError
from greenchat.connect import uploads
from greenchat.connect.asking import with_secrets
from greenchat.connect.commands import Lacking
from greenchat.connect.common import is_quit
from greenchat.connect.draft import is_command, to_send, why_not
from greenchat.connect.model.chats import NOWHERE
from greenchat.connect.model.place import About, Draft, Place, key_of
from greenchat.connect.screen.completing import Completing
from greenchat.connect.screen.pasting import Pasting
from greenchat.connect.screen.recalling import Recalling
from greenchat.connect.screen.stage import Stage
from greenchat.connect.uploads import Uploads
from greenchat.errors import ConfigError

NO_CHANGES = "This server knows no answers to a message, reactions to it and changes of it."
GONE_CHANGED = "What you change is gone."
NOT_YOURS = "That is not yours to change."
TWICE_DELETES = "Once more deletes it."
ENTERED = "You are in {}: it is in the list."
LEFT = "You have left {}. /join {} takes you back."


class Composer:
    """Stands between the box and the model of an `app`."""

    def __init__(self, app: Stage) -> None:
        self._app = app
        self._model = app.model
        self._place: Place | None = None  # whose draft is in the box
        self.completing = Completing(app)
        self.recalling = Recalling(app)
        self._pasting = Pasting(app, self.enter)
        self._uploads = Uploads(lambda text, failed: app.told(text, error=failed))
        self._model.sender.uploads = self._uploads.begin
        self._model.commands.also(uploads.COMMAND)

    # --- drafts ---

    def follow(self) -> None:
        """The box has the draft of the conversation that is looked at."""
        self.recalling.follow()
        if not self.recalling.is_open:
            self.completing.follow()
        place = self._model.chats.place
        if place is self._place:
            return
        editor = self._app.editor
        self.recalling.close()
        self.completing.close()
        if self._place is not None and self._place.became is place and editor.text:
            pass  # what one types there goes on here
        elif self._place is not None:
            draft = self._place.draft
            draft.text, draft.cursor, draft.steps = editor.text, editor.cursor, editor.steps
            draft = place.draft if place is not None else Draft()
            editor.set(draft.text, draft.cursor, draft.steps)
        self._place = place
        self._app.box.renew()

    def entered(self, place: str) -> None:
        """One has come into a room. Who types by then stays where they have begun."""
        if self._app.editor.text and self._place is not None:
            self._app.told(ENTERED.format(place))
        else:
            self._model.chats.show(place)

    def parted(self, place: Place) -> None:
        """One has gone out of a room. Who types there by then is not taken elsewhere in the middle of a line."""
        if self._app.editor.text and place is self._place:
            place.gone = LEFT.format(place.title, place.title)
            self._app.told(place.gone)
        else:
            self._model.chats.drop(place.id)

    def drop_about(self) -> None:
        place = self._model.chats.place
        if place is not None and place.draft.about is not None:
            if place.draft.about.kind == "edit":
                self._app.editor.set(place.draft.about.before)
            place.draft.about = None
            self._app.box.renew()

    # --- enter ---

    def enter(self) -> None:
        """What stands in the box is sent, where it can be."""
        app, editor, place = self._app, self._app.editor, self._model.chats.place
        text = editor.text
        if place is not self._place:
            self.follow()
            return
        if not text.strip():
            if app.log_pane.selected_row is not None:
                app.action_menu()
            elif not app.link.is_up:
                app.link.retry_now()
            return
        if problem := why_not(text, self._model.commands.has_secret):
            app.told(problem, error=True)
            return
        about = place.draft.about if place is not None else None
        if place is not None and about is not None and about.kind == "edit":
            seq = about.seq
            if not self._model.sender.is_there(place, about):
                app.told(GONE_CHANGED, error=True)
                return
            self.guarded(lambda: self._model.sender.edit(place, seq, text, self._edited(place)))
            return
        if place is None and not is_command(text):
            app.told(NOWHERE, error=True)
            return
        client = app.link.client
        lines = to_send(text, lambda one: client.fits(one, place.id if place is not None else ""))
        editor.take()
        app.box.renew()
        app.told("")
        if place is not None:
            place.draft = Draft()
        for line in lines:
            if not self._here(place, line):
                self._say(place or self._model.chats.nowhere(), app.meant(line), about)
            about = None
        app.log_pane.to_end()
        app.link.flush()
        app.changed()

    def _say(self, place: Place, line: str, about: About | None) -> None:
        lacking = self._model.commands.lacking(line)
        if lacking is not None:
            self._app.begin(self._run(place, line, lacking))
        else:
            self._model.sender.say(place, line, about)

    async def _run(self, place: Place, line: str, lacking: Lacking) -> None:
        """A command, once its secrets were asked for."""
        run = await with_secrets(self._app, lacking)
        if run is not None:
            self.guarded(lambda: self._model.sender.say(place, line, run=run))

    def _edited(self, place: Place) -> Callable[[str], None]:
        """The new text stays in the box until the server has taken it: a refusal loses nothing."""

        def done(why: str) -> None:
            if why:
                self._app.told(why, error=True)
                return
            before = place.draft.about.before if place.draft.about is not None else ""
            place.draft = Draft(before, len(before))
            if self._place is place:
                self._app.editor.set(before)
                self._app.box.renew()
            self._app.log_pane.deselect()
            self._app.changed()

        return done

    def _here(self, place: Place | None, line: str) -> bool:
        """Whether `line` is a command that is carried out here."""
        if not is_command(line):
            return False
        if is_quit(line):
            self._app.action_leave()
            return True
        sender, chats = self._model.sender, self._model.chats
        match line.split(maxsplit=2):
            case [command, room, *key] if command.lower() == "/join" and not self._app.link.client.plain:
                self.guarded(lambda: sender.join(room, key[0].strip() if key else "", self._refused))
            case [command] if command.lower() == "/part" and place is not None:
                self.guarded(lambda: sender.part(place, self._refused))
            case [command, *_] if command.lower() == "/set":
                self._app.choosing.command(line)
            case [command, *_] if command.lower() == uploads.NAME and place is not None:
                return not self._app.link.client.plain and self._upload(place, line)
            case [command, *words] if command.lower() == "/notify" and place is not None:
                return self._app.choosing.level(place, words[0].lower() if words else "")
            case [command, name] if command.lower() in ("/msg", "/query") and key_of(name) != key_of(chats.me):
                chats.show(chats.talk_to(name).id)
            case [command, *_] if command.lower() == "/search" and not self._app.link.client.plain:
                self._app.action_search(" ".join(line.split()[1:]))
            case [command] if command.lower() == "/mentions" and not self._app.link.client.plain:
                self._app.action_mentions()
            case _:
                return False
        self._app.changed()
        return True

    def _upload(self, place: Place, line: str) -> bool:
        try:
            run = self._uploads.take(line)
        except ConfigError as error:
            self._refused(str(error))
            return True
        if run is not None:
            self.guarded(lambda: self._model.sender.say(place, line, run=run))
        return True

    def _refused(self, why: str) -> None:
        if why:
            self._app.told(why, error=True)

    def guarded(self, ask: Callable[[], object]) -> None:
        """Ask for something; a connection that is lost in this moment, the link finds out by itself."""
        with suppress(DisconnectedError):
            ask()
        self._app.link.flush()
        self._app.changed()

    # --- paste ---

    def paste(self, text: str) -> None:
        if self.recalling.is_open:
            self.recalling.paste(text)
        else:
            self.completing.close()
            self._pasting.paste(text)

    # --- what stands beside the box ---

    def first(self, action: str) -> bool:
        """Whether an action of the box was for that."""
        if action == "recall" and not self.recalling.is_open:
            self.completing.close()
        done = self.recalling.first(action)
        return done or (not self.recalling.is_open and self.completing.first(action))

    def typed(self, text: str) -> None:
        """The box has something else in it; by this character, if it was typed."""
        if self.recalling.is_open:
            self.recalling.typed()
        else:
            self.completing.typed(text)

    def close(self) -> bool:
        """Put it away; whether anything was there."""
        return self.recalling.close() or self.completing.cancel()

    # --- a message ---

    def why_none(self) -> str:
        """Why no message is selected of which the server knows which one it is."""
        return NO_CHANGES if self._app.link.client.plain else self.select("a message")

    def select(self, what: str) -> str:
        """That something is to be selected first, and by which key."""
        key = self._app.choosing.key("message-up")
        return f"Select {what} first{f': {key}' if key else ''}."

    def about(self, kind: Literal["reply", "edit"]) -> None:
        place, message = self._model.chats.place, self._app.log_pane.selected_message
        if place is None:
            return
        if message is None and kind == "edit":
            mine = (one for one in place.timeline.messages() if self._model.chats.is_mine(one) and not one.action)
            message = next(mine, None)
        if message is None:
            self._app.told(self.why_none())
            return
        if kind == "edit" and not self._model.chats.is_mine(message):
            self._app.told(NOT_YOURS, error=True)
            return
        editor = self._app.editor
        self.drop_about()
        place.draft.about = About(kind, message.seq, message.id, editor.text, place.reach.epoch)
        if kind == "edit":
            editor.set(message.text)
            self._app.box.renew()
        self._app.changed()

    def delete(self) -> None:
        place, message = self._model.chats.place, self._app.log_pane.selected_message
        if place is None or message is None:
            self._app.told(self.why_none())
        elif not self._app.is_twice(f"delete {message.id}"):
            self._app.told(TWICE_DELETES)
        else:
            self.guarded(lambda: self._model.sender.delete(place, message.seq, self._refused))

    def react(self, emoji: str) -> None:
        place, message = self._model.chats.place, self._app.log_pane.selected_message
        if place is None or message is None:
            self._app.told(self.why_none())
            return
        on = self._model.chats.me not in (message.reactions or {}).get(emoji, [])
        self.guarded(lambda: self._model.sender.react(place, message.seq, emoji, on, self._refused))
