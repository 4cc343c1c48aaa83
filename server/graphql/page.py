"""What a browser shows that opens the address of the API."""

from typing import Final

from aiohttp import web

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tocsin</title>
<h1>Tocsin</h1>
<p>This is the address of a GraphQL API, for programs.</p>
<p>Send a document by <code>POST</code> as JSON, with your API token:</p>
<pre>curl -H 'Authorization: Bearer &lt;API token&gt;' \\
     -H 'Content-Type: application/json' \\
     -d '{"query": "{ viewer { project { name } } }"}' \\
     &lt;this address&gt;</pre>
<p>Subscriptions run here over WebSocket, with the subprotocol
<code>graphql-transport-ws</code>.
A token is made with <code>tocsin token create --project NAME</code>.</p>
</html>
"""


def page() -> web.Response:
    """Return the page."""
    return web.Response(text=_PAGE, content_type="text/html", charset="utf-8")
