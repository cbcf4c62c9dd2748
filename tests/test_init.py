"""The lazy face of the package: `from greenchat import ...`."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["greenchat.protocol.text", "greenchat.chat.chat", "greenchat.hooks.interfaces", "greenchat.server.server"],
)
def test_a_module_can_be_the_first_that_is_imported(module):
    code = f"import sys, {module}; print('greenchat.api' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n", "the list of public names is loaded where one of them is asked for"
