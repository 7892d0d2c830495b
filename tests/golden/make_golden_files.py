"""Write the files ``*.skbp`` and ``saved_models.json``: models of this version, and what they say.

They are made once for each format version, by ``python tests/golden/make_golden_files.py``, and
are kept: every later version has to load them.  Each is a few kilobytes.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor, mlp

HERE = Path(__file__).parent


def tables() -> dict[str, list[list[Any]]]:
    """Rows to learn from and to predict."""
    rng = np.random.RandomState(0)
    numbers = rng.normal(size=(60, 3)).round(3)
    colors = [["red", "blue", "green"][i] for i in rng.randint(3, size=60)]
    mixed = [[*row, color] for row, color in zip(numbers.tolist(), colors, strict=True)]
    mixed[5][0], mixed[7][3] = None, None
    return {"numbers": numbers.tolist(), "mixed": mixed}


def models() -> dict[str, tuple[Any, str, bool]]:
    """Fitted models, the table that each was fitted to, and whether it can be trained on."""
    data = tables()
    x = np.array(data["numbers"])
    y, labels = x[:, 0] * x[:, 1], np.where(x[:, 0] > 0, "yes", "no")
    both = np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1)
    small = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": (3,)}
    return {
        "classifier": (
            BackpropClassifier(**small, n_members=2).fit(data["mixed"], labels),
            "mixed",
            False,
        ),
        "regressor": (
            BackpropRegressor(**small, n_members=2).fit(data["mixed"], y),
            "mixed",
            False,
        ),
        "multilabel": (
            BackpropClassifier(**small, n_members=1).fit(x, both),
            "numbers",
            False,
        ),
        "mlp_classifier": (
            mlp.MLPClassifier(**small).fit(x, np.digitize(x[:, 0], [-1, 1])),
            "numbers",
            False,
        ),
        "mlp_regressor_training": (
            mlp.MLPRegressor(**small, warm_start=True).fit(x, y),
            "numbers",
            True,
        ),
    }


def answers(model: Any, X: Any) -> list[Any]:
    """Probabilities or predictions, as lists of numbers."""
    return np.asarray(getattr(model, "predict_proba", model.predict)(X)).tolist()


def main() -> None:
    """Write all files."""
    warnings.simplefilter("ignore")
    data, expected = tables(), {}
    for name, (model, table, training_state) in models().items():
        model.save(HERE / f"{name}.skbp", training_state=training_state)
        expected[name] = {"table": table, "answers": answers(model, data[table])}
    (HERE / "saved_models.json").write_text(json.dumps({"tables": data, "models": expected}) + "\n")


if __name__ == "__main__":
    main()
