"""Long results: the model gets the first page, and a tool that returns the others."""

from typing import Annotated

from pydantic import Field

from localqwq.agent.functions import function_tool
from localqwq.agent.results import MOST, PAGE, as_data
from localqwq.agent.tool import AgentTool, ToolFailed


class ResultPages:
    """The results of one turn."""

    def __init__(self) -> None:
        self._results: list[str] = []
        self.tool: AgentTool = function_tool(self.read_result)
        """The tool that returns pages."""

    def first(self, text: str) -> str:
        """Keep a result; return its first page as the model reads it."""
        self._results.append(text[:MOST])
        return self._page(len(self._results), 1)

    def read_result(
        self,
        result: Annotated[int, Field(description="The number of the result.")],
        page: Annotated[int, Field(description="The number of the page, from 1.")],
    ) -> str:
        """Return a page of a long result."""
        if not 1 <= result <= len(self._results):
            raise ToolFailed(f"There is no result {result}.")
        if not 1 <= page <= self._pages(result):
            raise ToolFailed(f"Result {result} has {self._pages(result)} pages, no page {page}.")
        return self._page(result, page)

    def _pages(self, result: int) -> int:
        return max(1, -(-len(self._results[result - 1]) // PAGE))

    def _page(self, result: int, page: int) -> str:
        text = self._results[result - 1][(page - 1) * PAGE : page * PAGE]
        pages = self._pages(result)
        if pages == 1:
            return as_data(text)
        return (
            f"{as_data(text)}\nThis is page {page} of {pages} of result {result}; "
            f"{self.tool.name} returns the others."
        )
