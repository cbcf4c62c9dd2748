"""Devices on which an account stays logged in, as programs see them."""

from kit.accounts import SECRET
from kit.programs import Program


def at(server, name="laptop", account="ada", **join):
    """A program that has logged in and stays logged in; `device_token` is what it comes back by."""
    program = Program(server)
    program.welcome = program.join(name=account, login=SECRET, device=name, **join)
    assert program.welcome["type"] == "welcome", program.welcome
    program.device_token = program.welcome["device_token"]
    return program


def back(server, token, **join):
    """A program that comes back by this token of a device, and has the next one."""
    program = Program(server)
    program.welcome = program.join(token=token, **join)
    assert program.welcome["type"] == "welcome", program.welcome
    program.device_token = program.welcome["device_token"]
    return program


def refusal(server, token, **join):
    """The code with which somebody is refused who comes by this token."""
    with Program(server) as program:
        answer = program.join(token=token, **join)
        assert answer["type"] == "error", answer
        return answer["code"]


def ended(program):
    """The code and the text with which this program is put out, as it must be."""
    *_, error = [frame for frame in program.rest() if frame["type"] == "error"]
    return error["code"], error["text"]
