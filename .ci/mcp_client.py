"""Uses the server as a client of the protocol does, with the official SDK: finds the tools, calls one, is refused a write.

mcp_client.py URL KEY_THAT_MAY_WRITE KEY_THAT_MAY_NOT
"""

import sys

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

TEXT = "The mill was built in 1821. The mill has four sails and two millstones. Grain is ground on Tuesdays."
DOCUMENT = {"documents": [{"id": "mcp-client", "content": "The lamp is lit.", "content_type": "text/plain"}]}


async def use(url: str, key: str, mode: str, may_write: bool) -> None:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            wanted = "2025-11-25" if mode == "legacy" else "2026-07-28"
            assert client.protocol_version == wanted, client.protocol_version
            if mode in ("auto", "legacy"):  # a client that pins its revision asks for nothing beforehand
                assert client.server_info.name == "plumbline-native", client.server_info
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert "summarize" in tools and tools["summarize"].annotations.read_only_hint, tools
            assert ("ingest_docs" in tools) == may_write, sorted(tools)

            done = await client.call_tool("summarize", {"text": TEXT, "max_sentences": 1})
            assert not done.is_error, done
            # The SDK itself holds structured content against the output schema.
            summary = done.structured_content["summary"]
            assert summary in TEXT and done.content[0].type == "text", done

            if not may_write:
                try:
                    refused = await client.call_tool("ingest_docs", DOCUMENT)
                except MCPError as error:
                    assert error.error.code == -32602, error
                    assert error.error.data["code"] == "TOOL_NOT_ALLOWED", error
                else:
                    raise AssertionError(f"a write was not refused: {refused}")
            print(f"{client.protocol_version}, {'may' if may_write else 'may not'} write: {len(tools)} tools, «{summary}»")


async def main() -> None:
    url, writer, reader = sys.argv[1:]
    for mode in ["auto", "legacy", "2026-07-28"]:
        await use(url, writer, mode, may_write=True)
        await use(url, reader, mode, may_write=False)


anyio.run(main)
