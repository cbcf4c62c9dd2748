"""Which plugin some code belongs to: for the log, and for counting failures."""

import sys
from collections.abc import Iterable, Mapping
from functools import partial
from types import FrameType
from typing import Any


class Owners:
    """`modules` maps modules of plugins to the plugins' names; what lies within a package is the package's. Each answer
    is a plugin's name, or empty."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def of_module(self, name: object) -> str:
        """Whose a module is."""
        while isinstance(name, str) and name:
            if name in self._modules:
                return self._modules[name]
            name = name.rpartition(".")[0]
        return ""

    def of_function(self, function: Any) -> str:
        """Whose a function is, or a method, a partial, an object that can be called, a class."""
        while isinstance(function, partial):
            function = function.func
        function = getattr(function, "__func__", function)
        module = getattr(function, "__module__", None)
        return self.of_module(module) or self.of_module(type(function).__module__)

    def of_frame(self, innermost: FrameType | None) -> tuple[str, FrameType | None]:
        """Whose code runs, from the inside out: the first plugin, and its frame."""
        frame = innermost
        while frame is not None:
            owner = self.of_module(frame.f_globals.get("__name__"))
            if owner:
                return owner, frame
            frame = frame.f_back
        return "", None

    def of_error(self, error: BaseException) -> str:
        """In whose code an error was raised, or whose code has called what raised it: the innermost."""
        found, step = "", error.__traceback__
        while step is not None:
            found = self.of_module(step.tb_frame.f_globals.get("__name__")) or found
            step = step.tb_next
        return found

    def of_greenlet(self, context: Any, error: BaseException) -> str:
        """Who has started what failed in the event loop: a greenlet, or a callback of a watcher."""
        function = getattr(context, "_run", None) or getattr(context, "callback", None)
        # gevent keeps where a greenlet was spawned: also one that runs somebody else's function is the plugin's.
        spawned = getattr(context, "spawning_stack", None)
        return self.of_function(function) or self._of_files(_files(spawned)) or self.of_error(error)

    def _of_files(self, files: Iterable[str]) -> str:
        names = {getattr(module, "__file__", None): name for name, module in list(sys.modules.items())}
        return next(filter(None, (self.of_module(names.get(file)) for file in files)), "")


def _files(frame: Any) -> Iterable[str]:
    """Where the frames of a stack are, from the inside out."""
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def place(frame: FrameType) -> str:
    """A line of code, as one finds it."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
