"""Conversations with one person alone: who that is by now, and that each is there once, however its name is spelt."""

from collections.abc import Callable

from greenchat.client.places import place_at
from greenchat.connect.model.marks import Mark
from greenchat.connect.model.place import TO, Place, key_of
from greenchat.protocol.events import Renamed

NOT_HERE = "{0} is not here any more. /msg {0} begins anew with who has that name now."

PERHAPS_ANOTHER = "The connection was lost, and {0} may be somebody else by now. /msg {0} begins anew."


class Talks:
    """`places` are all conversations by their ids, rooms as well, and `current` the one that is looked at. `merged` is
    told that what was begun by a name is part of a conversation that there was already."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.current = ""
        self.direct_epoch = ""
        self.words: list[str] = []  # of one's own, which call for one as the name does
        self.levels: dict[str, str] = {}  # what calls for one, by places, where one has chosen it
        self.merged: Callable[[Place, Place], None] = lambda begun, known: None

    def touch(self, place: Place) -> None:
        """Something has come there."""
        raise NotImplementedError

    def direct(self, conversation: str, name: str) -> Place:
        """The conversation of this id. One that had only a name is it from its first message on."""
        there = place_at("", conversation)
        place, begun = self.places.get(there), self._begun(name)
        if place is None and begun is None:
            place = self._begin(Place(there, name))
            place.reach = Mark(epoch=self.direct_epoch)
        elif begun is not None:
            place = self.begun_as(begun, conversation, name)
        assert place is not None
        place.title = name or place.title
        return place

    def begun_as(self, begun: Place, conversation: str, name: str) -> Place:
        """The first words were said: the server has told in which conversation, and how its other is called."""
        known = self.places.get(place_at("", conversation))
        if known is None:
            self._move(begun, place_at("", conversation))
            begun.reach = begun.reach._replace(epoch=self.direct_epoch)
            self.touch(begun)
        elif known is not begun:
            self.merge(begun, known)
        place = known or begun
        place.title = name or place.title
        return place

    def talk_to(self, name: str) -> Place:
        """What one says with who is called so: the conversation that there is, or a new one."""
        key, same = key_of(name), None
        for place in self.places.values():
            if place.is_direct and key_of(place.title) == key:
                if not place.gone:
                    return place
                same = place if place.is_new else same
        if same is not None:
            del self.places[same.id]
        begun = self._begin(Place(TO + name, name))
        begun.timeline.older = False
        if same is not None:
            begun.draft = same.draft
        return begun

    def _begun(self, name: str) -> Place | None:
        """What one has begun with who is called so, and in which nothing was said yet."""
        of_name = (place for place in self.places.values() if place.is_new and key_of(place.title) == key_of(name))
        return next((place for place in of_name if not place.gone), None)

    def _begin(self, place: Place) -> Place:
        self.places[place.id] = place
        place.level = self.levels.get(place.id, place.level)
        self.touch(place)
        return place

    def _move(self, place: Place, there: str) -> None:
        """It has another id from now on."""
        if self.current == place.id:
            self.current = there
        if self.places.get(place.id) is place:
            del self.places[place.id]
        place.id = there
        self.places[there] = place
        place.level = self.levels.get(there, place.level)

    def merge(self, begun: Place, known: Place) -> None:
        """What was begun by a name, and is with the person of a conversation that there is."""
        if self.places.get(begun.id) is begun:
            del self.places[begun.id]
        if self.current == begun.id:
            self.current = known.id
        for item in [*begun.timeline.items, *begun.timeline.waiting]:
            known.timeline.adopt(item)
        if not known.draft.text:
            known.draft = begun.draft
        begun.became = known
        self.merged(begun, known)
        self.touch(known)

    # --- who it is by now ---

    def is_here(self, name: str) -> bool:
        """Whether somebody is called so in a room that one is in, as far as one is told."""
        rooms = (place.members for place in self.places.values() if not place.is_direct and not place.gone)
        return any(members.more or name in members for members in rooms)

    def follow(self, event: Renamed) -> None:
        """Conversations are called by the names that people have now."""
        for place in [*self.places.values()]:
            if place.is_direct and not place.gone and key_of(place.title) == key_of(event.name):
                place.title = event.new_name
                if place.is_new:
                    self._move(place, TO + event.new_name)

    def doubt(self, name: str) -> None:
        """Somebody has gone: who is called so from now on may be another one. What was said already has its person."""
        begun = self._begun(name)
        if begun is not None and not self.is_here(name):
            begun.gone = NOT_HERE.format(name)

    def doubt_all(self) -> None:
        """One was away: nobody tells who has come and gone meanwhile."""
        for place in self.places.values():
            if place.is_new and not place.gone:
                place.gone = PERHAPS_ANOTHER.format(place.title)
