"""Running programs that a model wrote or chose, without access to anything that was not granted.

A supervisor process starts the program confined by one of the back ends, watches its limits, and
ends everything that it started once it ends, is stopped, or this program is gone.
"""
