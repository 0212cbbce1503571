"""The agent on stage: the only folder that knows devices, threads, clocks and the network."""
