"""People with several devices each, what is done to their connections, and what others should read of it."""

import itertools
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager

from devices import Device, Loop, Plain, Program
from kit.processes import kept_port, serve_process

PASSWORD = "correct-horse-battery"
ROOMS = ("lobby", "garden")

FAULTS = ("cut", "reset", "swallow", "swallow up", "swallow down")


class Person:
    """`login` is the password of the account; a guest has none."""

    def __init__(self, name, kinds, loop, port, login=PASSWORD):
        self.name, self.login = name, login
        self.devices = [Device(loop, kind, port) for kind in kinds]

    @property
    def programs(self):
        return [device for device in self.devices if isinstance(device.client, Program)]

    @property
    def plain(self):
        return [device for device in self.devices if isinstance(device.client, Plain)]


class Household:
    """A server, people, and a witness who loses nothing. `expected` is what the witness is to be told, a person and a
    room at a time."""

    def __init__(self, data_dir, kinds, absence, seed_settings, moments):
        self._stack = ExitStack()
        self._data_dir, self._settings = data_dir, seed_settings
        self.absence, self.moments = absence, moments
        self.loop = self._stack.enter_context(closing(Loop()))
        self.port = self._stack.enter_context(kept_port())
        self.serve()
        self.witness = Program(self.loop, self.port)
        self.by_hand = Plain(self.loop, self.port)
        self.people = [Person(name, those, self.loop, self.port, login) for name, login, those in kinds]
        for person in self.people:
            for device in person.devices:
                self._stack.callback(device.close)
        self.expected = []
        self.seen = self.heard = 0  # of what the witnesses were told, as far as it was looked at
        self._numbers = itertools.count()
        self._strangers = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in (self.witness, self.by_hand, *self.connected):
            client.drop()
        self._stack.close()
        self._server.close()

    # --- the server ---

    def serve(self):
        self._server = ExitStack()
        settings = [argument for setting in self._settings for argument in ("--set", setting)]
        self.process = self._server.enter_context(serve_process(self._data_dir, "--port", str(self.port), *settings))

    def stop(self, *, kill):
        if kill:
            self.process.process.kill()
            self.process.process.wait()
        else:
            _, log = self.process.stop()
            assert "Traceback" not in log, log
        self._server.close()

    def watch(self):
        """Let the witnesses in, who are there before everybody else."""
        self.witness.join(name="eve", room=ROOMS[0])
        self.witness.answer(type="join", room=ROOMS[1])
        self.by_hand.join("frank")
        self.settle_with(self.witness)
        self.witness.came, self.seen, self.heard = [], 0, 0
        self.expected = []

    @contextmanager
    def stranger(self):
        """Somebody at an address that nobody else has."""
        client = Program(self.loop, self.port, address=f"127.0.1.{next(self._strangers)}")
        try:
            yield client
        finally:
            client.drop()

    # --- in and out ---

    def enrol(self, person):
        """Register, and go."""
        plain = Plain(self.loop, self.port)
        plain.join(person.name)
        plain.say(f"/register {person.login}")
        self.loop.wait(lambda: any("is yours now" in line for line in plain.told), f"an account for {person.name}")
        plain.leave()
        self.loop.wait(lambda: not plain.is_connected, f"{person.name} to leave")

    def come(self, person):
        """All devices come in for the first time."""
        for number, device in enumerate(person.programs):
            if person.login:
                first = {"login": person.login, "device": f"{device.client.kind} {number}", "name": person.name}
            else:
                first = {"name": person.name}
            self.welcomed(device.client.join(**first, room=ROOMS[0]))
        self.welcomed(person.programs[0].client.answer(type="join", room=ROOMS[1]))
        for device in person.plain:
            self.back(device, person)
        self.expect("joined", person)

    def welcomed(self, answer):
        assert answer is not None, "the connection was lost"
        assert answer["type"] == "welcome", answer
        return answer

    def back(self, device, person, *, by=None):
        """A device comes back as it can: by its own tokens, or, on netcat, by the password."""
        client = device.client
        if isinstance(client, Plain):
            client.drop()
            before = self.position()
            client.join(person.name, person.login)
            client.joined_at = before, self.position()
            return
        answer = client.join(token=by or client.token, room=None)
        if answer is not None and answer.get("code") == "token_invalid" and client.device_token:
            answer = client.join(token=client.device_token, room=None)
        assert self.welcomed(answer)["name"] == person.name

    def position(self):
        """How much has been said in the default room, by now."""
        self.settle_with(self.witness)
        return len(self.witness.log[ROOMS[0]])

    def break_off(self, device, fault):
        """Something happens to the connection of `device`. One that hangs is given up by the device alone."""
        proxy = device.proxy
        match fault:
            case "cut":
                proxy.cut()
            case "reset":
                proxy.reset()
            case _:
                proxy.swallow(up=fault != "swallow down", down=fault != "swallow up")
        if fault in ("cut", "reset"):
            self.loop.wait(lambda: not device.client.is_connected, f"a device that is {fault}")
        device.client.drop()

    def expect(self, kind, person, *rooms):
        self.expected += [(kind, room, person.name) for room in rooms or ROOMS]

    # --- talk, and what has come of it ---

    def talk(self, *speakers):
        """Each says something in some room. What is lost with a connection may have been said, or not."""
        for client in speakers:
            text = f"number {next(self._numbers)}"
            if isinstance(client, Plain):
                client.say(text)
            elif client.rooms:
                client.say(text, self.moments.choice(sorted(client.rooms)))

    def settle_with(self, *clients):
        for client in clients:
            self.loop.wait(client.settled(), f"all for {client.kind}")

    @property
    def connected(self):
        clients = [device.client for person in self.people for device in person.devices]
        return [client for client in clients if client.is_connected]

    def check(self):
        """Everybody who is there has read what the witness has read, and nothing was told that has not happened."""
        self.settle_with(*self.connected)
        self.settle_with(self.witness, self.by_hand, *self.connected)
        self.check_comings()
        truth = self.witness.log
        for person in self.people:
            for device in person.programs:
                client = device.client
                if client.is_connected:
                    assert not client.wrong, client.wrong
                    assert client.rooms == set(ROOMS), (person.name, client.kind, client.rooms)
                    for room in ROOMS:
                        self.compare(client, truth, room)
            for device in person.plain:
                if device.client.is_connected:
                    self.compare_plain(device.client, person.name)

    def check_that_all_are_there(self):
        for person in self.people:
            for device in person.devices:
                client = device.client
                last = client.told if isinstance(client, Plain) else client.events
                assert client.is_connected, (person.name, client.kind, last[-3:])

    def compare(self, client, truth, room):
        since = max(client.since[room], self.witness.since[room])
        due = {seq: said for seq, said in truth[room].items() if seq > since}
        got = {seq: said for seq, said in client.log[room].items() if seq > since}
        assert got == due, (client.name, client.kind, room, _difference(got, due))

    def compare_plain(self, client, name):
        before, after = client.joined_at
        said = [said for _, said in sorted(self.witness.log[ROOMS[0]].items())]
        got = [tuple(line.split("|", 2)[1:]) for line in client.told if line.startswith("MSG|")]
        got = [one for one in got if not one[0].endswith(" (private)")]
        for start in range(before, after + 1):
            if got == [(sender, text) for sender, text in said[start:] if sender != name]:
                return
        raise AssertionError((name, "plain", got, said[before:]))

    def check_comings(self):
        """What was to be told of comings and goings was told, each once, and nothing else."""
        due = Counter(self.expected)
        self.loop.wait(
            lambda: len(self.witness.came) - self.seen >= len(self.expected), f"{self.expected} after {self.seen}"
        )
        self.settle_with(self.witness, self.by_hand)
        told = self.witness.came[self.seen :]
        assert Counter(told) == due, (told, self.expected)
        for name in {name for _, _, name in told}:  # and in this order
            for room in ROOMS:
                mine = [event for event in told if event[1:] == (room, name)]
                assert mine == [event for event in self.expected if event[1:] == (room, name)], told
        lines = [line for line in self.by_hand.told[self.heard :] if line.endswith(" the chat.")]
        plainly = [f"INFO|{name} has {kind} the chat." for kind, room, name in self.expected if room == ROOMS[0]]
        assert Counter(lines) == Counter(plainly)
        self.seen, self.heard, self.expected = len(self.witness.came), len(self.by_hand.told), []

    def wait_for(self, *events):
        """Until the witness is told of these, since it was looked at last."""
        self.loop.wait(lambda: set(events) <= set(self.witness.came[self.seen :]), f"{events}")


class Outage:
    """How long somebody was away, as others might have noticed; used with `with`."""

    def __init__(self, household, person):
        self._household, self._person = household, person

    def __enter__(self):
        self._began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if kind is None and time.monotonic() - self._began >= self._household.absence:
            # The machine was so slow that they were gone in earnest, perhaps.
            household, name = self._household, self._person.name
            household.settle_with(household.witness)
            told = [event for event in household.witness.came[household.seen :] if event[2] == name]
            if told:
                household.expect("left", self._person)
                household.expect("joined", self._person)


def _difference(got, due):
    missing = {seq: said for seq, said in due.items() if got.get(seq) != said}
    return {"missing": missing, "besides": {seq: said for seq, said in got.items() if due.get(seq) != said}}
