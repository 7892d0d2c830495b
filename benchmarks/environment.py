"""On what it was measured."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

OURS = "skbackprop"
PACKAGES = (
    "numpy", "scipy", "scikit-learn", "torch", "skorch", "threadpoolctl",
    "onnx", "onnxruntime", "skl2onnx", "lightgbm", "onnxmltools",
)  # fmt: skip
PEERS = {  # peer: what must be installed for it
    "MLP": ("sklearn",),
    "torch": ("torch",),
    "skorch": ("torch", "skorch"),
    "ONNX": ("onnx", "onnxruntime"),
    "MLP in ONNX": ("onnx", "onnxruntime", "skl2onnx"),
    "LightGBM in ONNX": ("onnx", "onnxruntime", "lightgbm", "onnxmltools"),
}


def missing_peers() -> dict[str, str]:
    """Why a peer is skipped, for each peer that is."""
    missing = {
        peer: [name for name in needs if find_spec(name) is None] for peer, needs in PEERS.items()
    }
    return {
        peer: f"{' and '.join(names)} not installed" for peer, names in missing.items() if names
    }


def look() -> dict[str, Any]:
    """Versions, cores and BLAS, as a measuring process sees them."""
    from threadpoolctl import threadpool_info

    for name in ("numpy", "scipy.linalg", "sklearn.neural_network"):  # each brings its threads
        import_module(name)
    return {
        "python": platform.python_version(),
        OURS: import_module(OURS).__version__,
        **{name: found for name in PACKAGES if (found := installed(name))},
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": n_cores(),
        "threads": [
            {
                "library": pool["internal_api"],
                "version": pool["version"],
                "kernel": pool.get("architecture"),
                "threads": pool["num_threads"],
            }
            for pool in threadpool_info()
        ],
    }


def installed(name: str) -> str | None:
    """Version of a package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def n_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
