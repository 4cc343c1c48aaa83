"""GraphiQL, built from the sources here and served by ourselves."""
