"""What a process may do to the world, taken from it for good: by the system, where that lets us.

It is for one that is to try code without consequences. What is taken here, code in it cannot get back, in whatever
language it is written; what the system has not is left to fence.py, which binds Python alone.
"""

import ctypes
import errno
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from greenchat.server.apart import FIRST_TO_GO, NICE

# Memory of the process in bytes, address space included of which most is never used: a chat with a plugin takes a
# third of it, and a plugin that grows without end is stopped before the machine feels it.
MEMORY_BYTES = 2 * 1024**3

# The largest file that it may write, in bytes: what it prints is one, too.
FILE_BYTES = 64 * 1024**2

# Files and sockets at once.
FILES = 256

# From linux/prctl.h, linux/sched.h, and the tables of system calls, where these have the same numbers on all machines.
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION, _RULE_PATH_BENEATH = 1, 1

# What landlock can take, by its version: rights to write, in and of directories; to move between them; to cut off; TCP;
# signals and abstract sockets. See linux/landlock.h.
_WRITING = (1 << 1) | sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP, _SCOPES = 0b11, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def isolate(writable: Path, seconds: float) -> list[str]:
    """Bound this process, which has one thread, and end it with its parent; let it write in `writable` alone, and use
    the processor for so many `seconds`. What the system keeps it from by itself, in words."""
    _bound(seconds)
    _is_done(_give_way)
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    kept: list[str] = []
    for what, step in (
        ("", lambda: _end_with_parent(libc)),
        ("the network", lambda: _leave_network(libc)),
        ("writing files elsewhere", lambda: _write_only_in(libc, writable)),
    ):
        if _is_done(step) and what:
            kept.append(what)
    return kept


def _is_done(step: Callable[[], None]) -> bool:
    """Whether the system has it, and lets us."""
    try:
        step()
    except OSError:
        return False
    return True


def _bound(seconds: float) -> None:
    processor = int(seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        _is_done(lambda: resource.setrlimit(what, (least, least)))  # noqa: B023


def _give_way() -> None:
    """To a chat beside it, and first of all where memory runs out."""
    os.nice(NICE)
    if sys.platform.startswith("linux"):
        _write("/proc/self/oom_score_adj", FIRST_TO_GO)


def _end_with_parent(libc: ctypes.CDLL) -> None:
    import signal

    _checked(libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0))


def _leave_network(libc: ctypes.CDLL) -> None:
    """A network of its own, in which there is nothing: as root, or in a user name space where all may make one."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWNET) == 0:
        return
    _checked(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        _is_done(lambda: _write(f"/proc/self/{file}", text))  # noqa: B023  # it is called another number otherwise


def _write(file: str, text: str) -> None:
    Path(file).write_text(text, "ascii")


def _write_only_in(libc: ctypes.CDLL, writable: Path) -> None:
    """Landlock: files, and with it TCP and signals where the system's version knows those."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    _checked(version)
    files = _WRITING | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rules = _Ruleset(files, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    _checked(ruleset)
    for path, allowed in ((str(writable), files), (os.devnull, 1 << 1)):
        opened = os.open(path, getattr(os, "O_PATH", os.O_RDONLY))
        try:
            beneath = _Beneath(allowed, opened)
            _checked(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(beneath), 0))
        finally:
            os.close(opened)
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _checked(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno() or errno.ENOSYS
        raise OSError(code, os.strerror(code))
