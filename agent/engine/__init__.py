"""Sound in real time: shared buffers, the compiled audio callback, the decision loop and the engine that owns them."""
