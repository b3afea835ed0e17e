"""MCP servers: other programs, or services elsewhere, whose tools a model may call.

:class:`~localqwq.agent.mcp.servers.McpServers` is what the app, ``ask`` and the Python API use.
"""
