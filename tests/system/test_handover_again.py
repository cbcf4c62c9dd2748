"""A server that is replaced again and again: each is as small as the first."""

import os

import psutil
from kit.handovers import Handovers
from kit.processes import serve_process
from kit.programs import Program, says

RELOADS, FULL_RELOADS = 12, 200

# After so many, all is there that there will ever be.
FIRST = 3

# How much more memory the last may have than the first of them: what is by chance.
MORE = 1.1


class Size:
    """That of a process."""

    def __init__(self, number):
        self.memory = psutil.Process(number).memory_info().rss
        self.descriptors = sorted(
            os.readlink(f"/proc/{number}/fd/{one}").split("[")[0] for one in os.listdir(f"/proc/{number}/fd")
        )
        self.threads = psutil.Process(number).num_threads()


def test_nothing_grows(tmp_path, full):
    over = Handovers(tmp_path)
    # Somebody says nothing all along.
    patient = (
        "--set",
        "limits.flood_rate=0",
        "--set",
        "limits.first_frame_seconds=0",
    )
    with serve_process(over.data_dir, *over.arguments, *patient) as serving:
        with serving.join("ada") as ada, Program(serving, "bob") as bob, serving.connect():
            ada.read()
            bob.ask("/join garden", "lobby")
            sizes = []
            for number in range(FULL_RELOADS if full else RELOADS):
                with serving.join(f"guest{number}"), Program(serving, f"other{number}"):  # who come, and are lost
                    word = over.hand_over(serving)
                assert f"INFO|{word}" in says(ada, "/sayer")
                assert bob.ask(f"flower {number}", "garden")[-1]["type"] == "ack"
                sizes.append(Size(serving.process.pid))
            first, last = sizes[FIRST], sizes[-1]
            assert last.descriptors == first.descriptors
            assert last.threads == first.threads
            assert last.memory < MORE * first.memory, [size.memory for size in sizes]
        _, log = serving.stop()
    assert "Traceback" not in log
    assert "ERROR" not in log
