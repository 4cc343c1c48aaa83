"""What a browser shows that opens the address of the API."""

from typing import Final

from aiohttp import web

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}<title>Tocsin</title>
<h1>Tocsin</h1>
{notice}<p>This is the address of a GraphQL API, for programs.</p>
<p>Send a document by <code>POST</code> as JSON, with your API token:</p>
<pre>curl -H 'Authorization: Bearer &lt;API token&gt;' \\
     -H 'Content-Type: application/json' \\
     -d '{{"query": "{{ viewer {{ project {{ name }} }} }}"}}' \\
     &lt;this address&gt;</pre>
<p>Subscriptions run here over WebSocket, with the subprotocol
<code>graphql-transport-ws</code>.
A token is made with <code>tocsin token create --project NAME</code>.</p>
</html>
"""


_AGAIN: Final = '<meta http-equiv="refresh" content="3">\n'


def page(notice: str = "", *, again: bool = False) -> web.Response:
    """Return the page, with a notice in HTML; `again` has it loaded anew in a while."""
    text = _PAGE.format(notice=notice, refresh=_AGAIN if again else "")
    return web.Response(text=text, content_type="text/html", charset="utf-8")
