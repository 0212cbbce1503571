"""The live agent: the only folder with devices, threads, clocks and the network."""

import logging

# Our own faults leave their traceback in the loggers "antiphon.…", for whoever attaches a handler. Without one nothing
# of it is printed: what a musician reads are the sentences of the reports.
logging.getLogger("antiphon").addHandler(logging.NullHandler())
