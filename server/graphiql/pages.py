"""What browsers get at `/graphql`: GraphiQL, or a plain page that says why not."""

import html
import json
import mimetypes
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from server.graphiql.bundle import BUNDLE, FILES, BuildError, build, is_built
from server.graphql.page import page

PREFIX: Final = "/graphiql/"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Inline styles are how the editor lays out its lines; everything else is a file."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tocsin · GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{prefix}{css}">
<script type="module" src="{prefix}{js}"></script>
<div id="graphiql" data-editor="{prefix}{editor}" data-json="{prefix}{json}"
 data-graphql="{prefix}{graphql}"><noscript>GraphiQL needs JavaScript.</noscript></div>
</html>
"""

_BUILDING: Final = (
    "<p>GraphiQL is being built, for the first time only: about half a minute.</p>"
)
_FAILED: Final = (
    "<p>GraphiQL is not here, because it could not be built:</p><pre>{}</pre>"
)

_log = structlog.get_logger("tocsin.graphiql")


class GraphiQL:
    """The pages and files of GraphiQL, from the moment its bundle is there."""

    def __init__(self, bundle: Path = BUNDLE) -> None:
        """Serve from a folder that `prepare` fills if need be."""
        self._bundle = bundle
        self._notice: str | None = _BUILDING
        self._files: dict[str, str] = {}

    async def prepare(self) -> None:
        """Have the bundle built if it is not there; never raises for a failed build."""
        try:
            if not is_built(self._bundle):
                _log.info("graphiql is being built")
                await build(self._bundle)
            self._files = json.loads((self._bundle / FILES).read_text())
            self._notice = None
        except (BuildError, OSError, ValueError) as error:
            _log.warning("graphiql cannot be built", why=str(error))
            self._notice = _FAILED.format(html.escape(str(error)))

    def page(self) -> web.Response:
        """Return the page at `/graphql`."""
        if self._notice is not None:
            return page(self._notice, again=self._notice is _BUILDING)
        names = {"css" if k == "graphiql.css" else k: v for k, v in self._files.items()}
        text = _PAGE.format(prefix=PREFIX, js=names.pop("graphiql"), **names)
        response = web.Response(text=text, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Return a file of the bundle: names carry hashes, so that they can be kept."""
        name = request.match_info["name"]
        path = self._bundle / name
        if self._notice is not None or not path.is_file():
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.FileResponse(path, headers={"Content-Type": kind, **kept})
