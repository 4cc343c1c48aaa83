"""How it runs: configuration, command line, HTTP application and transports."""
