"""Patches for Max, Pure Data, SuperCollider and Node, and the code that writes them. The agent does not need them."""
