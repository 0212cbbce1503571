"""A sequencer as a program of its own, since no process outlives the JACK server of its MIDI ports well.

`play BARS` on its input sends START, a clock, and a chord on each half bar; `stop` sends STOP. It prints `began`,
`played`, and `heard` with each message that it hears, all with the monotonic time in s; its end closes nothing.
"""

import os
import sys
import threading
import time

CLOCK, START, STOP = [0xF8], [0xFA], [0xFC]
TEMPO_BPM = 200
CLOCK_S = 60 / TEMPO_BPM / 24
LOOP = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # a chord for each bar


def say(*words: object) -> None:
    print(*words, flush=True)


def listen(port) -> None:
    while True:
        while (event := port.get_message()) is not None:
            say("heard", time.monotonic(), bytes(event[0]).hex())
        time.sleep(0.0005)


def play(out, bars: int) -> None:
    began = time.monotonic() + 0.05
    say("began", began)
    out.send_message(START)
    for clock in range(96 * bars):
        time.sleep(max(0.0, began + clock * CLOCK_S - time.monotonic()))
        out.send_message(CLOCK)
        if clock % 48 in (0, 40):
            for pitch in LOOP[clock // 96 % len(LOOP)]:
                out.send_message([0x90, pitch, 90] if clock % 48 == 0 else [0x80, pitch, 0])
    say("played", time.monotonic())


def main() -> None:
    import rtmidi

    out, heard = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "seq"), rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "seq-in")
    out.open_virtual_port("out")
    heard.open_virtual_port("in")
    threading.Thread(target=listen, args=(heard,), daemon=True).start()
    for line in sys.stdin:
        word, *number = line.split()
        if word == "play":
            play(out, int(number[0]))
        else:
            out.send_message(STOP)
    os._exit(0)


if __name__ == "__main__":
    main()
