"""The agent on stage: the only folder that knows devices, threads, clocks and the network."""

import logging

# Faults of ours keep their traceback in the loggers "antiphon.…", for whoever attaches a handler. Without one nothing
# of it is printed: what a musician reads are the sentences of the reports.
logging.getLogger("antiphon").addHandler(logging.NullHandler())
