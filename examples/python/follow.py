"""Lists all integrations, then follows deliveries live, with the library gql.

It goes on after the last cursor that it has seen when the connection is lost: every
event comes once.

    TOCSIN_TOKEN=toc_… python follow.py [http://127.0.0.1:8080/graphql [how many events]]
"""

import asyncio
import math
import os
import sys

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportError

INTEGRATIONS = gql("""
query Integrations($after: String) {
  integrations(first: 50, after: $after) {
    eventCursor
    nodes { id type name active error }
    pageInfo { hasNextPage endCursor }
  }
}""")

EVENTS = gql("""
subscription DeliveryEvents($after: String) {
  deliveryEvents(after: $after) {
    cursor
    delivery { status integration { name } }
    attempt { number outcome error }
  }
}""")


async def list_all(url: str, credential: dict[str, str]) -> str:
    """Print all integrations; return the cursor of before the first page."""
    start, after = None, None
    transport = AIOHTTPTransport(url=url, headers=credential)
    async with Client(transport=transport) as session:
        while True:
            query = INTEGRATIONS
            query.variable_values = {"after": after}
            page = (await session.execute(query))["integrations"]
            start = start or page["eventCursor"]
            for it in page["nodes"]:
                print(f"{it['name']} ({it['type']}, {'on' if it['active'] else 'off'})")
            if not page["pageInfo"]["hasNextPage"]:
                return str(start)
            after = page["pageInfo"]["endCursor"]


async def follow(url: str, credential: dict[str, str], after: str, most: float) -> None:
    """Print what happens to deliveries from a cursor on."""
    seen = 0
    while seen < most:
        transport = AIOHTTPWebsocketsTransport(
            url=url.replace("http", "ws", 1), init_payload=credential
        )
        try:
            async with Client(transport=transport) as session:
                subscription = EVENTS
                subscription.variable_values = {"after": after}
                async for result in session.subscribe(subscription):
                    event = result["deliveryEvents"]
                    after = event["cursor"]
                    name = event["delivery"]["integration"]["name"]
                    print(f"{name}: {event['delivery']['status']}")
                    seen += 1
                    if seen >= most:
                        return
        except (TransportError, OSError) as error:
            print(f"connecting again: {error}", file=sys.stderr)
            await asyncio.sleep(1)


async def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/graphql"
    most = float(sys.argv[2]) if len(sys.argv) > 2 else math.inf  # noqa: PLR2004
    credential = {"Authorization": f"Bearer {os.environ['TOCSIN_TOKEN']}"}
    await follow(url, credential, await list_all(url, credential), most)


asyncio.run(main())
