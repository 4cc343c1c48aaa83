"""One file per inbound source: parse, declaration and example, all pure."""
