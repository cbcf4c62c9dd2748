"""Where an address, a link or a profile leads."""

import pytest
from click.shell_completion import ShellComplete
from kit.processes import run_greenchat
from kit.programs import Program
from kit.terminals import CTRL_D

from greenchat.cli import main
from greenchat.connect.client_file import ClientFile
from greenchat.connect.destination import destination
from greenchat.connect.options import visit
from greenchat.connect.profiles import Profile, find, save
from greenchat.errors import ConfigError
from greenchat.net.encryption import Encryption
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def file(tmp_path):
    return ClientFile(tmp_path / "greenchat" / "connect.toml")


@pytest.mark.parametrize(
    ("text", "host", "port", "tls", "name", "rooms"),
    [
        ("greenchat://chat.example.org:9998/garden", "chat.example.org", 9998, False, "", ("garden",)),
        ("greenchats://ada@chat.example.org/b%C3%A4r/", "chat.example.org", None, True, "ada", ("bär",)),
        ("GREENCHAT://[::1]:9999", "::1", 9999, False, "", ()),
    ],
)
def test_links(text, host, port, tls, name, rooms):
    found = destination(text, None)
    assert (found.host, found.port, found.encryption is not None, found.name, found.rooms) == (
        host, port, tls, name, rooms,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("greenchat://ada:sesame@example.org", "password"),
        ("greenchat://example.org/lobby?login=x", "ends with the room"),
        ("greenchat:example.org", "no link"),
        ("greenchat:///lobby", "lacks the host"),
        ("greenchat://example.org:99999", "no port"),
        ("greenchat://example.org/a%1b]0;x", "characters"),
        ("greenchat://exa\nmple.org", "no link"),
        ("greenchat://[::1", "no link"),
        ("https://example.org", "address of a page"),
        ("irc://example.org", "is no address of a chat"),
    ],
)
def test_links_that_lead_nowhere(text, why):
    with pytest.raises(ConfigError, match=why) as refused:
        destination(text, None)
    assert "sesame" not in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_profile_has_it_all_and_the_command_line_comes_before_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tls = Encryption("/etc/ca.pem")
    save(ClientFile(), "work", Profile("chat.example.org", 9998, True, "/etc/ca.pem", False, "ada", ["dev", "ops"]))
    asked = (False, None, None, None, False, False)
    found = visit(None, "work", None, None, None, *asked)
    assert (found.host, found.port, found.name, found.room, found.rooms, found.encryption) == (
        *("chat.example.org", 9998, "ada", "dev", ("ops",)),
        tls,
    )
    found = visit(Encryption(insecure=True), "work", None, "eve", "lobby", *asked)
    assert (found.name, found.room, found.rooms, found.encryption) == ("eve", "lobby", (), Encryption(insecure=True))
    assert visit(Encryption(), "work", None, None, None, *asked).encryption == tls, "whom to trust is not forgotten"
    found = visit(None, "work", "9999", None, None, *asked)
    assert (found.host, found.port, found.encryption, found.name) == ("work", 9999, None, None), "that is a host"
    assert visit(None, "work:9999", None, None, None, *asked).host == "work"
    [tab] = ShellComplete(main, {}, "greenchat", "").get_completions(["connect"], "wo")
    assert tab.value == "work"


def test_a_name_that_is_a_host_as_well_is_told(file):
    save(file, "localhost", Profile("chat.example.org"))
    found = destination("localhost", None, file)
    assert found.host == "chat.example.org"
    assert "localhost is a profile here: chat.example.org." in found.told
    save(file, "beside", Profile("h", tls=True, cafile="ca.pem"))
    assert destination("beside", None, file).encryption == Encryption(str(file.path.with_name("ca.pem")))
    save(file, "here", Profile("unix:/run/chat.sock", name="ada"))
    found = destination("here", None, file)
    assert (found.host, found.port, found.told) == ("unix:/run/chat.sock", None, "")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('theme = "dark"\n[profiles.work]\nhost = "a b"\n', 2, "no address"),
        ('[profiles.work]\nhost = "h"\npassword = "sesame"\n', 1, "secrets do not belong"),
        ('[profiles.work]\nhost = "h"\nnmae = "ada"\n', 1, "Did you mean name"),
        ('[profiles.work]\nname = "ada"\n', 1, "host"),
        ('[profiles.work]\nhost = "h"\ncafile = "x"\n', 1, "Add tls = true"),
        ('[profiles.work]\nhost = "h:1"\nport = 2\n', 1, "Take one of them out"),
        ('a = 1\n[profiles.work\nhost = "h"\n', 2, "not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_profile_is_told_with_its_line(file, text, line, why):
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(ConfigError, match=why) as refused:
        destination("work", None, file)
    assert f"{file.path}, line {line}: " in str(refused.value)
    assert "sesame" not in str(refused.value)
    assert destination("work:9999", None, file).host == "work", "nobody is kept from going to a host"


def test_keeping_a_profile_leaves_the_rest_of_the_file(file):
    file.path.parent.mkdir()
    before = '# mine\ntheme = "dark"  # at night\n\n[profiles.home]\nhost = "home"  # the old one\n'
    file.path.write_text(before)
    file.path.chmod(0o640)
    save(file, "work", Profile("chat.example.org", tls=True))
    assert file.path.read_text().startswith(before)
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert find(file, "work") == Profile("chat.example.org", tls=True)
    assert find(file, "home").host == "home"
    save(file, "work", Profile("elsewhere"))
    assert find(file, "work") == Profile("elsewhere")
    with pytest.raises(ConfigError, match="cannot be the name"):
        save(file, "a.b", Profile("elsewhere"))


def test_profiles_are_listed_and_lead_there(tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert "There are no profiles yet." in run_greenchat("profiles", env=env).stdout
    with serving() as server:
        (tmp_path / "greenchat").mkdir()
        (tmp_path / "greenchat" / "connect.toml").write_text(
            f'[profiles.home]\nhost = "127.0.0.1"\nport = {server.port}\nname = "ada"\nrooms = ["dev"]\n'
            '[profiles.far]\nhost = "chat.example.org"\ntls = true\n[profiles.odd]\nhots = "x"\n'
        )
        listed = run_greenchat("profiles", env=env)
        assert f"home  127.0.0.1:{server.port}   as ada, in dev\n" in listed.stdout.replace("    ", "   ")
        assert "far " in listed.stdout
        assert "TLS" in listed.stdout
        assert "profile odd: hots: profiles have no such thing. Did you mean host?" in listed.stderr
        with Program(server) as bob:
            bob.join(name="bob", room="dev")
            said = run_greenchat("connect", "home", input="Hello from a profile\n", env=env)
            assert said.returncode == 0, said.stderr
            heard = bob.read_until("message")
            assert (heard["sender"], heard["room"]) == ("ada", "dev"), heard
            link = f"greenchat://eve@127.0.0.1:{server.port}/dev"
            said = run_greenchat("say", "", "Hello from a link", link, env=env)
            assert said.returncode == 0, said.stderr
            heard = bob.read_until("message")
            assert (heard["sender"], heard["room"]) == ("eve", "dev"), heard
            said = run_greenchat("say", "ops", "To whom?", link, env=env)
            assert (said.returncode, "The link is to dev, and you want ops." in said.stderr) == (2, True)


def test_what_leads_in_is_kept_as_a_profile(open_terminal, server, tmp_path):
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    room = ("--room", "dev", "--save", "work")
    first = open_terminal(server.host, server.port, "--name", "alice", *room, **home)
    first.wait(lambda lines: any("work is a profile now" in line for line in lines) and lines[-1] == ">")
    first.type(CTRL_D)
    assert first.end() == 0
    again = open_terminal("work", **home)
    again.wait(lambda lines: "Welcome to dev, alice." in lines[0] and lines[-1] == ">")
    assert (tmp_path / "greenchat" / "connect.toml").read_text() == (
        f'[profiles.work]\nhost = "127.0.0.1"\nport = {server.port}\nname = "alice"\nrooms = ["dev"]\nview = "lines"\n'
    )
