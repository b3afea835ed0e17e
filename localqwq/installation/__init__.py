"""How localqwq and its llama.cpp get onto a machine: build options, progress, and remedies.

Only the standard library is imported here, since `make` runs this before anything is installed.
"""
