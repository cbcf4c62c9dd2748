"""People who talk in rooms and with each other alone, each on several devices, while connections are cut and the server
is killed: and what they were promised, against what its files have."""

from collections import Counter
from contextlib import ExitStack, closing
from itertools import count

from annals import Annals, direct_kept, rooms_kept
from chronicles import TO_ONE, Chronicler, LibraryChronicler, WebChronicler, frame_of
from devices import Device, Loop, Plain
from households import FAULTS
from kit.accounts import SECRET
from kit.processes import kept_port, serve_process

AT_ONCE = 6  # requests of one device that are on their way
ROOMS = ("lobby", "garden")
EMOJI = "🌷👍🌹"
# Those of a guest: another one in each stay, since who has gone is somebody else, and so is whoever was here before a
# restart.
EMOJI_OF_GUESTS = [chr(0x1F400 + number) for number in range(200)]
SETTINGS = (
    "limits.flood_rate=0",
    "limits.connections_per_address=0",
    "limits.unanswered_messages=0",
    "plugins.accounts.memory_mib=1",
    "plugins.accounts.passes=1",
    "plugins.history.page_messages=50",
)
KINDS = {
    "ada": (Chronicler, WebChronicler, LibraryChronicler),
    "bob": (WebChronicler, Chronicler, Plain),
    "cyd": (Chronicler, LibraryChronicler),
    "gus": (Chronicler,),
}
ACCOUNTS = ("ada", "bob", "cyd")

# What may be refused: what somebody else has deleted meanwhile; and to a guest, or by one, who has gone.
REFUSALS = {"unknown_message", "conversation_gone", "unknown_user", "not_allowed"}


class Village:
    """The server, over all its lives, the people with their devices, and what they were promised."""

    def __init__(self, data_dir, chance):
        self.data_dir, self.chance = data_dir, chance
        self.annals = Annals()
        self._stack = ExitStack()
        self.loop = self._stack.enter_context(closing(Loop()))
        self.port = self._stack.enter_context(kept_port())
        self.devices = {name: [Device(self.loop, kind, self.port) for kind in kinds] for name, kinds in KINDS.items()}
        self.again = {name: [[] for _ in kinds] for name, kinds in KINDS.items()}
        for devices in self.devices.values():
            for device in devices:
                self._stack.callback(device.close)
                device.client.settled_by, device.client.life = self.answered, -1
        self.stays, self._numbers = count(), count(1)
        self.floor = {}  # up to where each person has read each place at least, however the server ended
        self.killed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    # --- the server ---

    def serve(self, *more):
        self.annals.life += 1
        settings = [argument for setting in (*SETTINGS, *more) for argument in ("--set", setting)]
        return serve_process(self.data_dir, "--port", str(self.port), *settings)

    def register(self, *names):
        for name in names or ACCOUNTS:
            plain = Plain(self.loop, self.port)
            plain.join(name)
            plain.say(f"/register {SECRET}")
            self.loop.wait(lambda told=plain.told: any("is yours now" in line for line in told), "an account")
            plain.leave()
            self.loop.wait(lambda plain=plain: not plain.is_connected, f"{name} to leave")

    # --- in and out ---

    def back(self, name, number):
        """A device comes back: by its token, or as it can; and says again what is said once."""
        device = self.devices[name][number]
        client = device.client
        if isinstance(client, Plain):
            client.join(name, SECRET)
            return
        ways = [{"token": token, "room": None} for token in (client.token, client.device_token) if token]
        if name in ACCOUNTS:
            ways.append({"name": name, "login": SECRET, "device": f"device {number}", "room": None})
        else:
            ways.append({"name": name, "room": None})
        for way in ways:
            answer = client.join(**way)
            assert answer is not None, "the connection was lost"
            if answer["type"] == "welcome":
                break
        assert answer["type"] == "welcome", answer
        self.loop.wait(client.settled(), "all rooms that somebody had not left")
        for room in ROOMS:
            if room not in client.rooms:
                assert self.enter(client, room), f"{name} does not get into {room}"
        again, self.again[name][number] = self.again[name][number], []
        if name not in ACCOUNTS and (client.life != self.annals.life or "token" not in way):
            client.stay, client.life = next(self.stays), self.annals.life
        if name in ACCOUNTS or "token" in way:  # else it is somebody else
            for request in again:
                client.request(request)

    def enter(self, client, room):
        if isinstance(client, LibraryChronicler):
            client.deal(frame_of(client.client.enter(room)))
            return True
        return client.answer(type="join", room=room)["type"] == "welcome"

    def lose(self, name, number, fault):
        """Something happens to a connection."""
        device = self.devices[name][number]
        client = device.client
        match fault:
            case "cut":
                device.proxy.cut()
            case "reset":
                device.proxy.reset()
            case "swallow" | "swallow up" | "swallow down":
                device.proxy.swallow(up=fault != "swallow down", down=fault != "swallow up")
        if fault in ("cut", "reset", "end"):
            self.loop.wait(lambda: not client.is_connected, f"a device that is lost by {fault}")
        client.drop()
        if isinstance(client, Plain):
            return
        for request in client.lose():
            self.annals.lost(request)
            if "key" in request:
                self.again[name][number].append({**request, "again": True})

    # --- what they do ---

    def act(self):
        names = [(name, n) for name, devices in self.devices.items() for n in range(len(devices))]
        name, number = self.chance.choice(names)
        client = self.devices[name][number].client
        if isinstance(client, Plain) or not client.is_connected:
            return
        self.loop.wait(lambda: len(client.open) < AT_ONCE or not client.is_connected, "answers")
        assert client.is_connected, (name, client.kind, client.events[-3:])
        request = self.something(name, client)
        if request is not None:
            client.request({**request, "by": name})

    def something(self, name, client):
        """A request of somebody, by what this device knows."""
        chance = self.chance
        kind = chance.choices(["say", "edit", "delete", "react", "read"], [50, 14, 7, 22, 14])[0]
        if kind == "say":
            return self.words(name, client)
        place = self.some_place(client)
        log = client.logs[place]
        there = [seq for seq, entry in log.entries.items() if entry.text is not None]
        mine = [seq for seq in there if log.entries[seq].sender == name][-20:]
        if kind == "read":
            return {"type": kind, "place": place, "seq": chance.choice(there[-30:])} if there else None
        if kind == "react":
            if not there:
                return None
            seq = chance.choice(there[-20:])
            emoji = chance.choice(EMOJI) if name in ACCOUNTS else EMOJI_OF_GUESTS[client.stay]
            on = (emoji, name) not in log.entries[seq].reactions if chance.random() < 0.8 else chance.random() < 0.5
            return {"type": kind, "place": place, "seq": seq, "emoji": emoji, "on": on}
        if not mine:
            return None
        request = {"type": kind, "place": place, "seq": chance.choice(mine)}
        if kind == "edit":
            request["text"] = self.text(name, place, client)
        return request

    def some_place(self, client):
        direct = [place for place in client.logs if place.startswith("@")]
        if direct and self.chance.random() < 0.45:
            return self.chance.choice(direct)
        return self.chance.choice(ROOMS)

    def words(self, name, client, to=""):
        chance = self.chance
        others = [other for other in KINDS if other != name and (name != "gus" or other == "ada")]
        if not to and chance.random() < 0.15:
            to = chance.choice([other for other in others if other != "gus" or name == "ada"])
        request = {"type": "say", "place": "" if to else self.some_place(client)}
        place = request["place"]
        if to:
            request["to"] = to
        elif client.logs[place].entries and chance.random() < 0.3:
            there = [seq for seq, entry in client.logs[place].entries.items() if entry.text is not None]
            if there:
                request["reply_to"] = chance.choice(there[-20:])
        request["text"] = self.text(name, place, client, to)
        if chance.random() < 0.5:
            request["key"] = f"{chance.getrandbits(64):x}"
        return request

    def text(self, name, place, client, to=""):
        """Words that are said once; to one person alone, with who it is."""
        to = to or (client.withs[place] if place.startswith("@") else "")
        tag = f"<{name}-{to}> " if to else ""
        lines = "\n- roses\n\n- tulips" if self.chance.random() < 0.15 else ""
        return f"{tag}number {next(self._numbers)}{lines}"

    def answered(self, request, answer):
        if answer["type"] == "error":
            assert answer["code"] in REFUSALS, (request, answer, (self.data_dir / "stderr.log").read_text())
        self.annals.answered(request, answer)

    # --- the lives of the server ---

    def come(self, *, all_of_them, but=None):
        """In any order; in most lives somebody is away."""
        away = "" if all_of_them else self.chance.choice([*ACCOUNTS, ""])
        those = [(name, n) for name, devices in self.devices.items() if name != away for n in range(len(devices))]
        self.chance.shuffle(those)
        for name, number in those:
            if self.devices[name][number].client is not but:
                self.back(name, number)
        return away

    def first_words(self):
        """All begin to talk with each other at the same moment, on all devices."""
        for name in ACCOUNTS:
            for device in self.devices[name]:
                if not isinstance(device.client, Plain):
                    for other in ACCOUNTS:
                        if other != name:
                            request = self.words(name, device.client, other)
                            device.client.request({**request, "by": name})

    def live(self, away, acts, *, losses=True):
        """They do so many things, and lose their connections, and come back."""
        chance = self.chance
        for _ in range(acts):
            self.act()
            if losses and chance.random() < 0.03:
                name = chance.choice(list(KINDS))
                numbers = range(len(KINDS[name]))
                for number in numbers if chance.random() < 0.3 else [chance.choice(numbers)]:
                    if self.devices[name][number].client.is_connected:
                        self.lose(name, number, chance.choice(FAULTS))
            if losses and chance.random() < 0.1:
                gone = [
                    (name, number)
                    for name, devices in self.devices.items()
                    for number, device in enumerate(devices)
                    if not device.client.is_connected and (name != away or chance.random() < 0.1)
                ]
                if gone:
                    self.back(*chance.choice(gone))

    def end(self, server, *, killed):
        """Cleanly, once all is answered; or at once."""
        if killed:
            server.process.kill()
            server.process.wait()
        else:
            self.settle()
            assert "Traceback" not in server.stop()[1]
        for name, devices in self.devices.items():
            for number in range(len(devices)):
                self.lose(name, number, "end")
        self.killed = killed

    # --- what has come of it ---

    @property
    def connected(self):
        return [d.client for devices in self.devices.values() for d in devices if d.client.is_connected]

    def settle(self):
        for _ in range(2):
            for settled in [client.settled() for client in self.connected]:
                self.loop.wait(settled, "all that is told")

    def check(self, *, promised=True):
        """All devices have what the files have; and, if it was `promised`, that is what was acknowledged."""
        self.settle()
        for client in self.connected:
            assert isinstance(client, Plain) or not client.open, (client.name, client.kind, client.open, client.events)
        kept, ends = direct_kept(self.data_dir)
        assert all(len(those) == 2 for those in ends.values()), ends
        assert not [pair for pair, n in Counter(map(frozenset, ends.values())).items() if n > 1], "two for one pair"
        kept |= rooms_kept(self.data_dir)
        if promised:
            self.annals.check(kept, lambda text: any("gus" in pair for pair in TO_ONE.findall(text)))
        for name, devices in self.devices.items():
            told = self.told_to(name, kept, promised) if name in ACCOUNTS else None
            for device in devices:
                if device.client.is_connected:
                    self.check_device(name, device.client, kept, ends, told)

    def check_device(self, name, client, kept, ends, told):
        if isinstance(client, Plain):
            others = [line for line in client.told for pair in TO_ONE.findall(line) if name not in pair]
            assert not others
            return
        assert not client.wrong, client.wrong
        mine = {place for place, those in ends.items() if name in those}
        fleeting = {place for place in client.logs if place.startswith("@")} - mine
        assert all("gus" in (name, client.withs[place]) for place in fleeting)
        for place in {*ROOMS, *mine}:
            due = {seq: row.state for seq, row in kept[place].items()}
            got = client.logs[place].states
            assert got == due, (name, client.kind, place, difference(got, due))
            if told is not None:
                log = client.logs[place]
                assert (log.read, log.unread_by(name)) == told[place], (
                    name,
                    client.kind,
                    place,
                    told[place],
                    log.read,
                )
        for place in fleeting:
            (other,) = (d.client for d in self.devices["gus" if name != "gus" else "ada"][:1])
            if other.is_connected:
                got, due = client.logs[place].states, other.logs[place].states
                assert got == due, (name, client.kind, place, difference(got, due))

    def told_to(self, name, kept, promised):
        """What somebody is told who comes in on one more device: up to where they have read each place, and how much is
        behind that. It is what follows from the log, and from what was acknowledged."""
        client = Chronicler(self.loop, self.port)
        answer = client.join(name=name, login=SECRET, room=None)
        assert answer["type"] == "welcome", answer
        self.loop.wait(client.settled(), "all that is told")
        frame = client.conversations
        client.leave()
        self.loop.wait(lambda: not client.is_connected, "the end")
        told = {}
        for state in [*frame["rooms"], *frame.get("direct", ())]:
            place = f"@{state['conversation']}" if "conversation" in state else state["room"]
            if place.startswith("@") and place not in kept:
                continue  # with a guest
            read = state["read"]
            rows = kept[place].items()
            assert state["unread"] == sum(seq > read and not row.is_gone and row.sender != name for seq, row in rows)
            if promised:
                mine = (seq for seq, row in rows if row.is_gone or row.sender == name)
                self.check_read(name, place, read, max(mine, default=0))
            self.annals.has_read(name, place, read)
            if not self.killed:
                self.floor[name, place] = read
            told[place] = read, state["unread"]
        assert {*ROOMS} <= told.keys()
        return told

    def check_read(self, name, place, read, latest):
        """`latest` is the last message that may be their own, which they may not have been told of."""
        annals = self.annals
        due = annals.read[name][place]
        if self.killed:  # what somebody says is read, and kept
            due = max(annals.latest(name, place), self.floor.get((name, place), 0))
        shown = place.startswith("@") and Plain in KINDS[name]  # a plain client reads what it is told
        assert due <= read, (name, place, due, read, annals.life, self.killed)
        # What they said in the last moments may be gone, and with it the number up to which they had read.
        assert read <= max(annals.asked[name][place], latest) or shown or self.killed, (name, place, read)
        annals.read[name][place] = read


def difference(got, due):
    missing = {seq: state for seq, state in due.items() if got.get(seq) != state}
    return {"missing": missing, "besides": {seq: state for seq, state in got.items() if due.get(seq) != state}}
