"""The labels of a memory in order of their distance from a unit, by segments and not by centroids alone."""

from __future__ import annotations

import faiss
import numpy as np

CLOSEST = 1024  # segments looked at per unit


def nearest_labels(segments: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(K + 1, K + 1) int32: row a lists all labels, first a itself, then by their closest segment to unit a.

    segments (n, d) float32: the features of the memory, placed among the centroids (K, d); labels (n,) in [0, K].
    Of two labels that both mean "near", the one a segment of which really sounds alike comes first. Labels that none
    of the `CLOSEST` segments bears follow by the distance of their centroids; silence is last, it is near to nothing.
    """
    units = len(centroids)
    audible = labels < units
    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(np.ascontiguousarray(segments[audible], np.float32))
    segment_labels = labels[audible]
    between = faiss.IndexFlatL2(centroids.shape[1])
    between.add(np.ascontiguousarray(centroids, np.float32))
    _, by_centroid = between.search(np.ascontiguousarray(centroids, np.float32), units)
    rows = np.empty((units + 1, units + 1), np.int32)
    by_segment = by_centroid[:, :0]
    if index.ntotal:
        _, closest = index.search(np.ascontiguousarray(centroids, np.float32), min(CLOSEST, index.ntotal))
        by_segment = segment_labels[closest]
    for unit in range(units):
        order = dict.fromkeys([unit, *by_segment[unit].tolist(), *by_centroid[unit].tolist(), units])
        rows[unit] = list(order)
    rows[units] = [units, *range(units)]
    return rows
