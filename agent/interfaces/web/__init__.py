"""The stage page and its server."""
