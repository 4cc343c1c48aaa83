"""A living demo: a project that looks like one in use. Nothing leaves the machine."""
