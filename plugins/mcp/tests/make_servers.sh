#!/bin/sh
# Install the servers that nobody here wrote, for the slow tests: make_servers.sh [FOLDER]. Needs npm and Python.
# The tests look in CORE_PLUS_MCP_SERVERS, else in the folder that is the default here.
set -eu
folder=${1:-${CORE_PLUS_MCP_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/core-plus/mcp-servers}}
mkdir -p "$folder"
cd "$folder"
test -f package.json || echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund \
    @modelcontextprotocol/server-everything@2026 @modelcontextprotocol/server-filesystem@2026 \
    @modelcontextprotocol/server-memory@2026 @modelcontextprotocol/inspector@0.15
test -x venv/bin/python || python3 -m venv venv
venv/bin/python -m pip install --quiet 'mcp-server-time>=2026.10' 'mcp-server-git>=2026.10'
echo "$folder"
