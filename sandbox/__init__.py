"""Honest loopback doubles of third parties, driven by the tests."""
