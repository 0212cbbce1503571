"""Patches for Max, Pure Data, SuperCollider and Node, and what writes them. No part of the program itself."""
