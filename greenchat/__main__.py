import gc
import os

from greenchat.handed import STATE


def main() -> None:
    """`greenchat`, as a command."""
    if STATE in os.environ:
        gc.disable()  # people wait, and what there is at the start stays anyway; the server has it on again
    from greenchat.cli import main as run

    run()


if __name__ == "__main__":
    main()
