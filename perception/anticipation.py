"""What a musician will play next, as far as it was played before.

Music repeats itself: what followed when the last seconds sounded before is the best guess at what follows now. So the
listener's own past is searched for moments whose recent past resembles the present one, and what came after them is
the answer. It needs no training, and learns a song while it hears it.
"""

from __future__ import annotations

import numpy as np

CONTEXT_HOPS = 6  # newest hops that are compared with those before each earlier moment
CONTEXT_DECAY = 0.8  # weight of a hop in the comparison, relative to the hop after it
MOMENTS = 24  # number of earlier moments, those most like the present, whose weighted mean is taken
SHARPNESS = 16.0  # likeness that is higher by 1 / SHARPNESS gives a moment e times the weight
MEMORY_S = 600.0  # length of the past that is searched
ONSET_CONTEXT_S = 6.0  # length of the newest onsets that are compared with earlier ones
LAGS, LAG_WIDTH_S = 8, 0.08  # how many are taken, and how far apart they must be
SHORTEST_LAG_S, LONGEST_LAG_S = 1.0, 16.0  # after which a rhythm may repeat itself


def anticipate(keys: np.ndarray, hop_frames: int, horizon: int, memory_frames: int) -> np.ndarray:
    """Prediction of the next hops: (horizon, d) float32 of length 1, or less where the past predicts little.

    keys: (n, d) float32 of length 1, key i of the hop that begins with frame i; the newest is last. hop_frames: frames
    from one hop to the next. memory_frames: how far to look back. Without a past, the newest key is repeated; without
    any key the result is zeros.
    """
    if not len(keys):
        return np.zeros((horizon, keys.shape[1]), np.float32)
    now = len(keys) - 1
    first = max(0, now - memory_frames)
    moments = np.arange(first, now - hop_frames + 1)  # what came one hop after each of them is known
    if not len(moments):
        return np.repeat(keys[now:], horizon, axis=0)
    likeness = np.zeros(len(moments), np.float32)
    for ago in range(CONTEXT_HOPS):
        back = ago * hop_frames
        if now < back:
            break
        known = max(0, back - first)  # moments with that much past
        likeness[known:] += CONTEXT_DECAY**ago * (keys[moments[known:] - back] @ keys[now - back])
    best = moments[np.argsort(-likeness, kind="stable")[:MOMENTS]]
    weights = np.exp(SHARPNESS / _total_weight() * (likeness[best - first] - likeness[best[0] - first]))
    return np.stack([_mean_after(keys, best, weights, (ahead + 1) * hop_frames) for ahead in range(horizon)])


def _mean_after(keys: np.ndarray, moments: np.ndarray, weights: np.ndarray, frames: int) -> np.ndarray:
    """(d,) float32: the mean of what came so many frames after some moments, or the newest key without any."""
    known = moments + frames < len(keys)
    if not known.any():
        return np.asarray(keys[-1])
    mean = weights[known] @ keys[moments[known] + frames]
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-6), np.float32)


def _total_weight() -> float:
    return float(sum(CONTEXT_DECAY**ago for ago in range(CONTEXT_HOPS)))


def anticipate_onsets(envelope: np.ndarray, first: int, frames: int, frame_rate: float) -> tuple[np.ndarray, float]:
    """The onsets to come: (frames,) float32 of an onset envelope from frame `first` on, and how sure that is, 0 to 1.

    envelope: (n,) float32, all of it heard. The last seconds are compared with themselves at each earlier time, and
    what followed where they agree best is what will follow: the lags found are those of a bar, or of whatever repeats.
    Of the `LAGS` best the mean is taken, weighted by the square of their correlation. How sure: the best correlation;
    0 with too little heard, or where nothing moves.
    """
    context, shortest, longest = (round(s * frame_rate) for s in (ONSET_CONTEXT_S, SHORTEST_LAG_S, LONGEST_LAG_S))
    known = len(envelope)
    longest = min(longest, known - context)
    if longest <= shortest:
        return np.zeros(frames, np.float32), 0.0
    past = np.asarray(envelope[known - context - longest :], np.float64)
    past = past - past.mean()
    newest = past[longest:] - past[longest:].mean()
    size = 1 << int(np.ceil(np.log2(len(past) + context)))
    product = np.fft.irfft(np.fft.rfft(past, size) * np.conj(np.fft.rfft(newest, size)), size)[: longest + 1][::-1]
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(np.stack([past, np.square(past)], axis=1), axis=0)])
    total, squares = (sums[context:] - sums[:-context])[::-1].T  # [lag], as `product`
    energy = np.maximum(squares - np.square(total) / context, 0)
    scale = np.sqrt(energy[shortest:] * np.square(newest).sum())
    agreement = product[shortest:] / np.maximum(scale, 1e-9)
    sure = float(agreement.max())
    expected, weights = np.zeros(frames), 1e-12
    for lag, weight in _best_lags(agreement, round(LAG_WIDTH_S * frame_rate)):
        at, period = np.arange(first, first + frames), shortest + lag
        at -= period * np.maximum(0, -(-(at - known + 1) // period))  # whole periods earlier, within the envelope
        expected += weight * envelope[at]
        weights += weight
    return np.asarray(expected / weights, np.float32), max(0.0, sure)


def _best_lags(agreement: np.ndarray, width: int) -> list[tuple[int, float]]:
    """(index, weight) of the `LAGS` best maxima, more than `width` apart, that agree at least half as well as the best.

    Above 0 all of them; none where nothing agrees.
    """
    left, found = agreement.copy(), list[tuple[int, float]]()
    for _ in range(LAGS):
        lag = int(left.argmax())
        if left[lag] <= max(0.0, agreement.max() / 2):
            break
        found.append((lag, float(left[lag]) ** 2))
        left[max(0, lag - width) : lag + width + 1] = -1.0
    return found
