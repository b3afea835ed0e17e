"""Writes all generated pages: ``python -m docs.generator``."""

from docs.generator.pages import pages


def main() -> None:
    """Write each page whose text has changed, and name it."""
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
