"""Agents and tools as an MCP server."""
