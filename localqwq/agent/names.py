"""The names of the built-in tools, for those who need no more of them."""

READING = ("read_file", "list_files", "search_files")
CHANGING = ("write_file", "edit_file")
BUILTIN = ("calculator", "time", "python", *READING, *CHANGING, "run_code", "shell")


def unknown_tool(name: str) -> str:
    """Return a sentence about a name that is none of these."""
    return f"There is no tool {name!r}; there are: {', '.join(BUILTIN)}."
