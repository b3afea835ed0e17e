"""All generated pages by their paths."""

from pathlib import Path

from docs.generator.command_line import command_line_page
from docs.generator.figures import benchmarks_page, headlines
from docs.generator.http_api import http_api_page
from docs.generator.machines import machines_table
from docs.generator.markdown import with_part
from docs.generator.settings import settings_page

ROOT = Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"


def pages() -> dict[Path, str]:
    """Return what each generated page has to say now."""
    return {
        REFERENCE / "command-line.md": command_line_page(),
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "http-api.md": http_api_page(),
        ROOT / "docs" / "benchmarks.md": benchmarks_page(),
        ROOT / "README.md": _readme(),
    }


def _readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return with_part(with_part(text, "figures", headlines()), "machines", machines_table())
