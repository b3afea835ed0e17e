"""The time, which a model cannot know."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from localqwq.agent.functions import function_tool
from localqwq.agent.tool import AgentTool, ToolFailed


def time(
    zone: Annotated[
        str, Field(description="A time zone such as Europe/Paris; empty for the user's own.")
    ] = "",
) -> str:
    """Return the current date and time."""
    try:
        now = datetime.now(ZoneInfo(zone)) if zone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolFailed(f"There is no time zone {zone!r}.") from None
    return now.strftime("%A, %Y-%m-%d %H:%M:%S %Z (UTC%z)")


TOOL: AgentTool = function_tool(time)
