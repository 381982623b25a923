"""From single times to costs: distributions by kind, and a fork's time by what it copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TERMS = ("vmas", "ptes", "pmds")


def distribution(times_ns: Sequence[int]) -> dict[str, int]:
    """Count, mean and the 10th, 50th and 90th percentile (nearest rank) in whole nanoseconds.

    Args:
        times_ns: At least one time.
    """
    ordered = sorted(times_ns)
    ranks = {f"p{share}_ns": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (10, 50, 90)}
    return {"n": len(ordered), "mean_ns": round(sum(ordered) / len(ordered)), **ranks}


def fit_forks(forks: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """``ns = base + vmas * per_vma + ptes * per_pte + pmds * per_pmd`` by least squares over the median of each size.

    The median, since a fork that was interrupted says nothing of its pages; weighed by 1 / time, so that small forks count as much as large
    ones. A term that comes out below 0 is too small to be seen, and is 0.

    Args:
        forks: ``vmas``, ``ptes``, ``pmds`` and ``ns`` of single forks, of at least four different sizes.
    """
    import numpy as np

    sizes: dict[tuple[int, ...], list[int]] = {}
    for fork in forks:
        sizes.setdefault(tuple(fork[term] for term in TERMS), []).append(fork["ns"])
    times = np.array([float(np.median(times)) for times in sizes.values()])
    columns = np.array([[1, *size] for size in sizes], dtype=float)
    used = list(range(columns.shape[1]))
    while True:
        found, *_ = np.linalg.lstsq(columns[:, used] / times[:, None], np.ones(len(times)), rcond=None)
        if (found >= 0).all() or len(used) == 1:
            break
        del used[int(np.argmin(found))]
    result = dict.fromkeys(("ns_base", "ns_per_vma", "ns_per_pte", "ns_per_pmd"), 0.0)
    for column, value in zip(used, found, strict=True):
        result[list(result)[column]] = round(float(value), 1)
    errors = np.abs(columns[:, used] @ found / times - 1)
    return {**result, "n": len(forks), "largest_error": round(float(errors.max()), 3)}
