"""OSC: codec, server, outgoing reports and the reference page."""
