"""irssi and WeeChat, as people have them, in one chat with the page, netcat and the terminal client."""

import re
from contextlib import ExitStack

import pytest
from kit.accounts import CHEAP, SECRET
from kit.authority import Authority
from kit.browsers import expect, needs_browser
from kit.handovers import Handovers
from kit.irc import IrcClient
from kit.irc_windows import Irssi, WeeChat, needs_irc_clients
from kit.pages import log_in
from kit.processes import kept_port, serve_process
from kit.programs import Program
from kit.terminals import ENTER

pytestmark = needs_irc_clients
pytest_plugins = ["kit.browser_fixtures", "kit.terminal_fixtures"]


class House:
    """A server with two accounts, whose program may end, and be started again at its port."""

    def __init__(self, stack, tmp_path):
        self._stack, self._serving = stack, ExitStack()
        self.over = Handovers(tmp_path)
        self.authority = Authority(tmp_path)
        self.port = stack.enter_context(kept_port())
        stack.callback(self._serving.close)
        self.start()
        for name in "ada", "wendy":
            with IrcClient(self.serving, name) as client:
                client.send(f"REGISTER * * {SECRET}")
                client.until("REGISTER")

    def start(self):
        settings = CHEAP | self.authority.settings | {"plugins.history.replay": 20}
        given = [*self.over.arguments, *(f"--set={name}={value}" for name, value in settings.items())]
        process = serve_process(self.over.data_dir, *given, f"--listen=127.0.0.1:{self.port}", tcp=False)
        self.serving = self._serving.enter_context(process)
        self.serving.port = self.port

    def kill(self):
        self.serving.process.kill()
        self.serving.process.wait()

    def windows(self):
        """irssi in clear text, WeeChat by TLS; both see each other."""
        irssi = self._stack.enter_context(Irssi(self.port, "ada"))
        wee = self._stack.enter_context(WeeChat(self.port, "wendy", self.authority.file))
        irssi.sees("wendy [wendy@greenchat] has joined #lobby")
        return irssi, wee


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def house(stack, tmp_path):
    found = House(stack, tmp_path)
    yield found
    print(found.over.log)


def without_times(lines):
    """Of irssi's lines, or WeeChat's: what is told, without when."""
    return [re.sub(r"^\W*(\d\d:\d\d(:\d\d)?)?\s*", "", line.partition("│")[2] or line) for line in lines]


@needs_browser
def test_everybody_talks_with_everybody(house, stack, visit, open_terminal):
    irssi, wee = house.windows()
    page = visit(house.serving).join("pat")
    netcat = stack.enter_context(house.serving.join("nat"))
    terminal = open_terminal("127.0.0.1", house.port, "--name", "terry")
    irssi.sees(*(f"{name} [{name}@greenchat] has joined #lobby" for name in ("pat", "nat", "terry")))
    for name in "ada", "nat", "pat", "terry", "wendy":
        wee.wait(lambda lines, name=name: any(line.endswith(f"│ {name}") for line in lines))

    irssi.enter("typed into irssi")
    wee.enter("typed into WeeChat")
    wee.enter("/me waves")
    page.say("typed into the page")
    netcat.send("MSG|typed into netcat", "MSG|/me nods")
    terminal.type(f"typed into the terminal{ENTER}")
    places = {"ada": "irssi", "wendy": "WeeChat", "pat": "the page", "nat": "netcat", "terry": "the terminal"}
    for name, place in places.items():
        irssi.sees(f"< {name}> typed into {place}")
        wee.sees(f"{name} | typed into {place}")
        page.sees(f"typed into {place}")
        if name != "terry":
            terminal.wait(lambda lines, said=f"[{name}]: typed into {place}": said in "\n".join(lines))
    irssi.sees("* wendy waves", "* nat nods")
    wee.sees("* | wendy waves", "* | nat nods")

    # What becomes of a message is told in words to those whose clients could not show it.
    with Program(house.serving, "xan") as xan:
        xan.exchange(type="join", room="lobby")
        said = xan.request(type="say", text="frist", room="lobby")["seq"]
        xan.exchange(type="say", text="an answer", reply_to=said, room="lobby")
        xan.exchange(type="react", seq=said, emoji="👍", room="lobby")
        xan.exchange(type="edit", seq=said, text="first", room="lobby")
        for window in irssi, wee:
            window.sees('(to xan: "frist") an answer', 'xan reacts with 👍 to xan: "frist"')
            window.sees('xan has changed "frist": first')

    # Alone with one another; and who is who.
    irssi.enter("/query wendy")
    irssi.enter("for you alone")
    wee.wait(lambda lines: "3:ada" in lines[-2])
    wee.looks_at("ada")
    wee.sees("| for you alone")
    wee.enter("and for you")
    irssi.sees("<wendy> and for you")
    irssi.looks_at("#lobby")
    irssi.enter("/away having lunch")
    irssi.sees("[ada (zZzZ)]")
    wee.enter("/whois ada")
    wee.sees("having lunch")
    wee.looks_at("server.chat")
    wee.sees("@greenchat): Reads with irssi", "[ada] #lobby", "is logged in as ada")
    irssi.enter("/away")
    irssi.looks_at("wendy")
    irssi.enter("/whois wendy")
    irssi.sees("ircname  : Reads with WeeChat", "account  : wendy")
    irssi.enter("/window goto (status)")
    irssi.enter("/list -YES")
    irssi.sees("-!- #lobby ", "End of /LIST")


def test_a_room_is_kept_in_order(house):
    irssi, wee = house.windows()
    wee.enter("/join #den")
    wee.sees("Channel #den: 1 nick")
    wee.enter("/topic Who is invited")
    wee.sees('wendy has changed topic for #den to "Who is invited"')
    wee.enter("/invite ada #den")
    irssi.enter("/window goto (status)")
    irssi.sees("wendy invites you to #den")
    irssi.enter("/join #den")
    irssi.sees("Topic for #den: Who is invited", "Topic set by wendy")
    irssi.sees("Join to #den was synced")
    wee.wait(lambda lines: any(line.endswith("│ ada") for line in lines))
    irssi.enter("/nick adah")
    irssi.sees("You're now known as adah")
    wee.sees("ada is now known as adah")
    irssi.enter("/kick wendy")
    irssi.sees("#den You may not use /kick")
    wee.enter("/kick adah out with you")
    irssi.sees("adah was kicked from #den by wendy")
    wee.sees("wendy has kicked adah")
    wee.wait(lambda lines: not any(line.endswith("│ adah") for line in lines))
    wee.enter("/ban adah")
    wee.enter("/ban")
    wee.sees("adah!*@* banned by wendy")
    irssi.enter("/join #den")
    irssi.sees("Cannot join to channel #den")
    wee.enter("/part")
    irssi.looks_at("#lobby")
    irssi.enter("/names #lobby")
    irssi.sees("[ adah] [ wendy]")


def test_they_come_back_to_what_they_have_missed(house):
    irssi, wee = house.windows()
    irssi.enter("before the end")
    wee.sees("| before the end")
    with Program(house.serving, "xan") as xan:
        xan.exchange(type="join", room="lobby")
        xan.exchange(type="say", text="the last word", room="lobby")  # what it is told of is kept
    house.kill()
    irssi.wait(lambda lines: "[] [2" in "\n".join(lines[-2:]))  # it has no nick: the connection is lost
    wee.sees("irc: disconnected from server")
    for window in irssi, wee:
        window.enter("/clear" if window is irssi else "/buffer clear")
    house.start()
    with Program(house.serving, "xan") as xan:
        xan.exchange(type="join", room="lobby")
        xan.exchange(type="say", text="while nobody was here", room="lobby")
        irssi.sees("< xan> while nobody was here")
        wee.sees("| while nobody was here")
        for window, line in (irssi, "< ada> before the end"), (wee, "| before the end"):
            window.sees(line)
        xan.exchange(type="say", text="from now on", room="lobby")
        for window in irssi, wee:
            window.sees("from now on")
            assert [window.text.count(text) for text in ("before the end", "while nobody", "from now on")] == [1, 1, 1]


def test_nobody_on_irssi_notices_a_hand_over(house):
    irssi, wee = house.windows()
    irssi.enter("one")
    wee.sees("| one")
    before = without_times(irssi.lines[:-2])
    house.over.hand_over(house.serving)
    # By TLS one is not carried over: WeeChat comes back by itself, and is told what it has missed meanwhile.
    irssi.enter("two")
    wee.sees("| two")
    assert wee.text.count("| one") == 1
    wee.enter("three")
    irssi.sees("< wendy> three")
    told = [line for line in without_times(irssi.lines[:-2]) if line not in before]
    assert [line for line in told if "wendy" not in line] == ["< ada> two"]


@needs_browser
def test_what_is_read_on_irc_is_read_on_the_page_and_the_other_way_round(house, visit):
    """No client of Debian's shows read markers: this one does as Goguma and Halloy do."""
    caps = ["message-tags", "server-time", "batch", "echo-message", "draft/chathistory", "draft/read-marker"]
    with (
        IrcClient(house.serving, "ada", "#lobby", "#dev", caps=caps, account=("ada", SECRET)) as phone,
        IrcClient(house.serving, "wendy", "#dev", account=("wendy", SECRET)) as wendy,
    ):
        page = log_in(visit(house.serving), "ada")
        page.room("lobby").click()
        wendy.ask("PRIVMSG #dev :one", "PRIVMSG #dev :two")
        expect(page.room("dev")).to_have_accessible_name(re.compile("2 unread"))
        *_, last = [line for line in phone.sync() if line.verb == "PRIVMSG"]
        phone.ask(f"MARKREAD #dev timestamp={last.tags['time']}")
        expect(page.room("dev")).not_to_have_accessible_name(re.compile("unread"))
        wendy.ask("PRIVMSG #dev :three")
        expect(page.room("dev")).to_have_accessible_name(re.compile("1 unread"))
        *_, last = [line for line in phone.sync() if line.verb == "PRIVMSG"]
        page.room("dev").click()
        marked = phone.until("MARKREAD")[-1]
        assert marked.params == ["#dev", f"timestamp={last.tags['time']}"]
