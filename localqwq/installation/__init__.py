"""Installing localqwq and its llama.cpp: build options, progress, and remedies.

Imports only the standard library, since ``make`` runs this before anything is installed.
"""
