"""irssi and WeeChat in windows of tmux, as those have them who type into them."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from kit.accounts import SECRET
from kit.windows import PROMPT, TMUX, Window

# Debian's packages, and the programs that these tests start.
PACKAGES = {"tmux": TMUX, "irssi": shutil.which("irssi"), "weechat-curses": shutil.which("weechat")}
MISSING = [package for package, program in PACKAGES.items() if not program]

needs_irc_clients = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("REQUIRE_TEST_TOOLS"),
    reason=f"missing here (Debian: apt install {' '.join(MISSING)})",
)

# So wide that no line of these tests is wrapped, and so high that none scrolls away.
SIZE = (150, 50)


class IrcWindow(Window):
    """In which one is logged in as `name`, over TLS where `cafile` vouches for the server, and in #lobby."""

    def __init__(self, port: int, name: str, cafile: str = "") -> None:
        super().__init__(SIZE)
        self._home = tempfile.TemporaryDirectory(prefix="irc-", ignore_cleanup_errors=True)
        self.name = name
        self.home = Path(self._home.name)
        self.start(port, cafile)

    def start(self, port: int, cafile: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        try:
            self.enter("/quit")  # it writes files up to its end
            self.wait(lambda lines: lines[-1] == PROMPT)
        finally:
            super().close()
            self._home.cleanup()

    def __enter__(self) -> "IrcWindow":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Irssi(IrcWindow):
    def start(self, port: int, cafile: str) -> None:
        tls = f"-tls -tls_verify -tls_cafile {cafile}" if cafile else "-notls"
        commands = [
            f"set nick {self.name}",
            "set real_name Reads with irssi",
            "set cmds_max_at_once 100",  # it is in no hurry else: a line in two and a half seconds
            "set cmd_queue_speed 10msec",
            "set server_reconnect_time 1sec",
            "set reuse_unused_windows on",
            f"network add -sasl_username {self.name} -sasl_password {SECRET} -sasl_mechanism PLAIN chat",
            f"server add {tls} -network chat 127.0.0.1 {port}",
            "channel add -auto #lobby chat",
            "connect chat",
        ]
        (self.home / "startup").write_text("".join(f"/{command}\n" for command in commands))
        self.enter(f"irssi --home={self.home}")
        self.sees("There is no message of the day")
        self.looks_at("#lobby")
        self.sees("Join to #lobby was synced")

    def looks_at(self, buffer: str) -> None:
        self.enter(f"/window goto {buffer}")
        self.wait(lambda lines: lines[-1].startswith(f"[{buffer}]"))


class WeeChat(IrcWindow):
    def start(self, port: int, cafile: str) -> None:
        settings = {
            "weechat.look.paste_max_lines": "-1",  # what is typed as fast as tests do is no paste
            "weechat.network.gnutls_ca_user": cafile,
            "irc.server.chat.addresses": f"127.0.0.1/{port}",
            "irc.server.chat.ssl": "on" if cafile else "off",
            "irc.server.chat.ssl_verify": "on",
            "irc.server.chat.nicks": self.name,
            "irc.server.chat.realname": "Reads with WeeChat",
            "irc.server.chat.sasl_username": self.name,
            "irc.server.chat.sasl_password": SECRET,
            "irc.server.chat.autojoin": "#lobby",
            "irc.server.chat.autoreconnect_delay": "1",
            "irc.server.chat.anti_flood_prio_high": "0",
            "irc.server.chat.anti_flood_prio_low": "0",
        }
        first = f"/server add chat 127.0.0.1/{port}"
        commands = [first, *(f"/set {name} {value}" for name, value in settings.items()), "/connect chat"]
        self.enter(f"weechat -d {self.home} {' '.join(f'-r {chr(39)}{command}{chr(39)}' for command in commands)}")
        self.sees("Channel #lobby: ")

    def looks_at(self, buffer: str) -> None:
        self.enter(f"/buffer {buffer}")
        shown = "server[chat]" if buffer == "server.chat" else buffer
        self.wait(lambda lines: f":{shown}" in lines[-2])
