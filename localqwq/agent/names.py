"""The built-in tools by name, for those who need no more of them."""

from collections.abc import Mapping, Sequence

READING = ("read_file", "list_files", "search_files")
CHANGING = ("write_file", "edit_file")
SANDBOXED = frozenset({"run_code", "shell"})
PURPOSES: Mapping[str, str] = {
    "calculator": "exact arithmetic",
    "time": "the date and time, in any time zone",
    "python": "short Python without files or network",
    "read_file": "read a text file in an opened folder",
    "list_files": "list the files in an opened folder",
    "search_files": "find text in files of an opened folder",
    "write_file": "write a file in a folder opened for writing",
    "edit_file": "change a file in a folder opened for writing",
    "run_code": "run a Python program in the sandbox",
    "shell": "run a command in the sandbox",
}
"""What each does, in words for people."""
BUILTIN = tuple(PURPOSES)


def unknown_tool(name: str, servers: Sequence[str] = ()) -> str:
    """Return a sentence about a name that is none of these, nor belongs to an MCP server."""
    there = f"There is no tool {name!r}; there are: {', '.join(BUILTIN)}"
    return f"{there}; and those of the servers {', '.join(servers)}." if servers else f"{there}."
