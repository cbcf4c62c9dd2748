"""Which version this is: told here and nowhere else."""

__version__ = "0.1.0"

# The version of what plugins may rely on, MAJOR.MINOR: see "What is promised" in plugins/README.md. The minor one rises
# with what is added, the major one with what is changed or taken away.
api_version = "1.0"
