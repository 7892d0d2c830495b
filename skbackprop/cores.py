"""How many processor cores this process may use."""

from __future__ import annotations

import os


def n_cores() -> int:
    """Number of usable cores.  joblib limits its workers by OMP_NUM_THREADS."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    known = hasattr(os, "sched_getaffinity")
    n = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return min(n, int(limit)) if limit.isdigit() else n
