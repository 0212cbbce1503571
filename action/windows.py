"""A long answer out of windows that overlap: for what renders some seconds of sound at once, not a hop after another.

A renderer gets a window of the context and returns a sound of the same length, with any number of channels. Where two
windows overlap, one is crossfaded into the next at the power of uncorrelated sounds (`action.crossfade`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from action.crossfade import crossfade

Renderer = Callable[[np.ndarray], np.ndarray]  # (n,) float32 -> (channels, n) float32
Span = tuple[int, int]  # samples at which a window begins and ends


def spans(frames: int, longest: int, overlap: int) -> list[Span]:
    """The fewest windows that cover `frames` samples, all of one length, `longest` at most.

    overlap: samples, a third of `longest` at most. It is that of neighbours, or more; of rounded beginnings one less.

    >>> spans(100, 40, 10)
    [(0, 40), (30, 70), (60, 100)]
    >>> spans(50, 40, 10)
    [(0, 30), (20, 50)]
    >>> spans(40, 40, 10)
    [(0, 40)]
    """
    if not 0 <= 3 * overlap <= longest or frames < 1:
        raise ValueError(f"{frames} samples in windows of {longest} that overlap by {overlap}")
    count = max(1, -(-(frames - overlap) // (longest - overlap)))
    if count == 1:
        return [(0, frames)]
    length = -(-(frames + (count - 1) * overlap) // count)
    begins = [round(number * (frames - length) / (count - 1)) for number in range(count)]
    return [(begin, begin + length) for begin in begins]


def render(blocks: Iterable[np.ndarray], windows: list[Span], renderer: Renderer) -> Iterator[np.ndarray]:
    """Yield the rendered sound in pieces, (channels, m) each, as many samples as the windows cover.

    blocks: the context, (n,) float32 at a time. At most one window of it is held, and the newest one rendered.
    """
    tail = None
    for number, (context, (begin, _)) in enumerate(zip(_cut(blocks, windows), windows, strict=True)):
        sound = np.ascontiguousarray(renderer(context), np.float32)
        if sound.shape[1:] != context.shape:
            raise ValueError(f"{sound.shape[1:]} samples were rendered for {context.shape}")
        if tail is not None:
            for old, new in zip(tail, sound[:, : tail.shape[1]], strict=True):
                crossfade(np.ascontiguousarray(old), new)
        following = windows[number + 1][0] - begin if number + 1 < len(windows) else len(context)
        yield sound[:, :following]
        tail = sound[:, following:]


def _cut(blocks: Iterable[np.ndarray], windows: list[Span]) -> Iterator[np.ndarray]:
    """The windows of a stream; ValueError if it ends before they do."""
    source, held, start = iter(blocks), np.zeros(0, np.float32), 0
    for begin, end in windows:
        while start + len(held) < end:
            block = next(source, None)
            if block is None:
                raise ValueError(f"the context ends at sample {start + len(held)}, before {end}")
            held = np.concatenate([held, block])
        held, start = held[begin - start :], begin
        yield held[: end - begin]
