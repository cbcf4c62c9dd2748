"""A server whose system gives it little, and that is to be replaced: it goes on, as it was or as a new one."""

import os
import socket
from contextlib import ExitStack

import pytest
from kit.handovers import Handovers
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program, says

# Descriptors that such a server may have: some for itself, and some for clients.
DESCRIPTORS = 120

# Descriptors that are left to it when it is too late, from none to what is nearly enough.
TOO_FEW = [0, 3, *(pytest.param(number, marks=pytest.mark.full) for number in (1, 2, 5, 10, 20))]

# Address space that is left to it, in bytes, from too little for anything to what nearly does.
TOO_LITTLE = [0, 1 << 20, 8 << 20]

# A plugin that is left so much address space at its end: from there on, nothing leads back.
MISER = """
import resource
from greenchat import hookimpl

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

@hookimpl
def greenchat_shutdown(server):
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used() + {}, hard))
"""


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


def reloads(over):
    """How many have come to their end, in whatever way."""
    return len(over.pauses) + over.log.count("nothing was reloaded") + over.log.count("all have to come back")


def test_descriptors_at_their_limit(over):
    """From where not even a connection can be let in, to where there is enough for a hand-over."""
    few = ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh"]
    unlimited = ("--set", "limits.absence_seconds=0.01", "--set", "limits.resume_seconds=0")
    with serve_process(over.data_dir, *over.arguments, *unlimited, before=few) as serving, ExitStack() as stack:
        ada, bob = stack.enter_context(serving.join("ada")), stack.enter_context(Program(serving, "bob"))
        crowd = []
        while len(os.listdir(f"/proc/{serving.process.pid}/fd")) < DESCRIPTORS:
            crowd.append(stack.enter_context(socket.create_connection(("127.0.0.1", serving.port), 30)))
            crowd[-1].sendall(f"JOIN|p{len(crowd)}\n".encode())
            crowd[-1].settimeout(1)
            try:
                assert crowd[-1].recv(8) == b"INFO|Wel"
            except TimeoutError:
                break
        replaced = 0
        while not replaced:
            before = reloads(over)
            word = over.change()
            over.hang_up(serving)
            eventually(lambda before=before: reloads(over) > before, lambda: over.log)
            replaced = len(over.pauses)
            assert any(line.startswith("INFO|word") for line in says(ada, "/sayer")), over.log
            assert bob.ask(f"{len(crowd)} are left")[-1]["type"] == "ack"
            assert serving.process.poll() is None
            for _ in range(3):
                crowd.pop().close()
        assert f"INFO|{word}" in says(ada, "/sayer")
        assert "Traceback" not in over.log, over.log
        assert " is off" not in over.log, over.log


# A plugin that leaves the server so few descriptors at its end.
GREEDY = """
import os
from greenchat import hookimpl

@hookimpl
def greenchat_shutdown(server):
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        for number in taken[:{}]:
            os.close(number)
"""


@pytest.mark.parametrize("left", TOO_FEW)
def test_too_few_descriptors_when_it_is_too_late(over, left):
    (over.directory / "greedy.py").write_text(GREEDY.format(left))
    few = ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh"]
    with serve_process(over.data_dir, *over.arguments, before=few) as serving, Program(serving, "ada") as ada:
        over.change()
        over.hang_up(serving)
        eventually(lambda: reloads(over) == 1 or serving.process.poll() is not None, lambda: over.log)
        assert serving.process.poll() is None, over.log
        with Program(serving) as again:
            assert again.join(token=ada.welcome["token"])["name"] == "ada"


@pytest.mark.parametrize("left", TOO_LITTLE)
def test_too_little_memory_when_it_is_too_late(over, left):
    (over.directory / "miser.py").write_text(MISER.format(left))
    unlimited = ("--set", "limits.flood_rate=0")
    with serve_process(over.data_dir, *over.arguments, *unlimited) as serving, Program(serving, "ada") as ada:
        for number in range(300):
            ada.send(type="say", text=f"{number} {'x' * 3000}")
        ada.ask("done")
        over.change()
        over.hang_up(serving)
        eventually(lambda: reloads(over) == 1 or serving.process.poll() is not None, lambda: over.log)
        assert serving.process.poll() is None, over.log
        with Program(serving) as again:
            assert again.join(token=ada.welcome["token"])["name"] == "ada"


def test_too_little_memory_for_a_trial(over):
    """The process that tries it has as much as the server, and needs more."""
    little = ["sh", "-c", 'ulimit -v 1000000; exec "$@"', "sh"]
    (over.directory / "eater.py").write_text("import os\nHERE = bytearray(1 << 20)\n")
    with serve_process(over.data_dir, *over.arguments, before=little) as serving, serving.join("ada") as ada:
        (over.directory / "eater.py").write_text("import os\nHERE = bytearray(1200 << 20)\n")
        over.hang_up(serving)
        over.logged("nothing was reloaded")
        assert "MemoryError" in over.log
        assert says(ada, "/sayer") == ["INFO|word 1"]
        (over.directory / "eater.py").write_text("import os\nHERE = bytearray(2 << 20)\n")
        assert says(ada, "/sayer") == ["INFO|word 1"]
        word = over.hand_over(serving)
        assert says(ada, "/sayer") == [f"INFO|{word}"]
