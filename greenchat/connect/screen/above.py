"""Screens that stand above another for a moment."""

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.events import Event, Key
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Above(ModalScreen[Answer], Generic[Answer]):
    """It ends once. Keys that were on their way to it by then are for what is there now."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Textual would end what stands below, too."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key) and not self.is_active:
            self.app.post_message(Key(event.key, event.character))
        else:
            await super().on_event(event)
