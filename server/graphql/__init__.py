"""GraphQL over HTTP and WebSocket: views of our own over `schema.runner`."""
