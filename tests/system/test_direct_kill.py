"""What two people say alone, over a kill -9: what was acknowledged is there, and the epoch says what that may mean."""

from kit.accounts import SECRET
from kit.processes import serve_process
from kit.programs import Program

from greenchat.testing import Peer

QUIET = {"plugins.accounts.registrations_per_hour": 0, "plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}


class Reached:
    """A server in another process."""

    def __init__(self, port):
        self.port = port

    def connect(self):
        return Peer("127.0.0.1", self.port)


def say(program, text, **where):
    return program.request(type="say", text=text, **where)


def test_what_was_acknowledged_outlasts_kill_9(tmp_path):
    settings = [part for name, value in QUIET.items() for part in ("--set", f"{name}={value}")]
    epochs = []
    for start in range(2):
        with serve_process(tmp_path, *settings) as process:
            server = Reached(process.port)
            if not start:
                for name in ("ada", "bob"):
                    one = Program(server, name)
                    one.ask(f"/register {SECRET}")
                    one.leave()
                    one.peer.close()
            ada = Program(server, "ada", login=SECRET)
            ack = say(ada, f"round {start}", to="bob")
            assert ack["seq"] == start + 1
            found = ada.request(type="history", conversation=ack["conversation"])
            assert [event["text"] for event in found["events"]] == [f"round {number}" for number in range(start + 1)]
            epochs.append(found["epoch"])
            process.process.kill()
            process.process.wait()
            ada.peer.close()
    assert epochs[0] != epochs[1], "numbers that were not acknowledged may be given again"
