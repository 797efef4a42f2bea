"""The commands of `python -m mmdemo`, a module for each purpose; `mmdemo.__main__` reads the command line."""
