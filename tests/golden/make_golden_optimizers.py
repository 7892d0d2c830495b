"""Write optimizers.json: the paths of torch's optimizers along fixed gradients.

Where torch has no such optimizer, it is the published recurrence, worked in float64.

Run it by hand, with torch installed: ``python tests/golden/make_golden_optimizers.py``.
To add a row: its name, our parameters, and a function of ``(start, grads)`` that returns
the parameters after every step.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch

N_STEPS = 40
SHOWN = (1, 2, 10, 40)
LEARNING_RATE = 0.05

# torch adds epsilon to the corrected √v, scikit-learn (and we) to the uncorrected:
# an epsilon near 0 makes the two comparable.
NO_EPSILON = 1e-30


def by_torch(optimizer, start, grads, **parameters):
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer([theta], lr=LEARNING_RATE, **parameters)
    for grad in grads:
        theta.grad = torch.tensor(grad, dtype=torch.float64)
        optimizer.step()
        yield theta.detach().numpy().copy()


def muon(start, grads, *, where, rows, cols, momentum, weight_decay):
    """torch's Muon for the matrix at `where`, transposed as torch has it; AdamW beside it.

    torch casts to bfloat16 before it iterates; here that is a conversion to float64.
    """
    bfloat16, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.double
    try:
        matrices = by_torch(
            torch.optim.Muon,
            start[where].reshape(rows, cols).T,
            [grad[where].reshape(rows, cols).T for grad in grads],
            momentum=momentum,
            weight_decay=weight_decay,
        )
        rest = by_torch(torch.optim.AdamW, start, grads, eps=NO_EPSILON, weight_decay=weight_decay)
        for matrix, theta in zip(matrices, rest, strict=True):
            theta[where] = matrix.T.ravel()
            yield theta
    finally:
        torch.Tensor.bfloat16 = bfloat16


def lion(start, grads, *, beta_1, beta_2, weight_decay):
    """Algorithm 2 of Chen et al. (2023)."""
    theta, m = start, np.zeros_like(start)
    for grad in grads:
        c = beta_1 * m + (1 - beta_1) * grad
        theta = theta - LEARNING_RATE * (np.sign(c) + weight_decay * theta)
        m = beta_2 * m + (1 - beta_2) * grad
        yield theta


def schedule_free(start, grads, *, beta_1, beta_2, epsilon, weight_decay):
    """The authors' code of Defazio et al. (2024), which keeps y and z; yields x."""
    y, z, v, total = start, start, np.zeros_like(start), 0.0
    for t, grad in enumerate(grads, start=1):
        v = beta_2 * v + (1 - beta_2) * grad**2
        step = grad / (np.sqrt(v / (1 - beta_2**t)) + epsilon) + weight_decay * y
        total += LEARNING_RATE**2
        share = LEARNING_RATE**2 / total
        y = y + share * (z - y) + LEARNING_RATE * (beta_1 * (1 - share) - 1) * step
        z = z - LEARNING_RATE * step
        yield y + (1 - 1 / beta_1) * (z - y)


def row(name, parameters, path, **reference):
    return name, parameters, partial(path, **reference)


def torch_row(name, parameters, optimizer, reference):
    return name, parameters, partial(by_torch, optimizer, **reference)


def same(name, path, **parameters):
    """Their parameters are called as ours."""
    return row(name, parameters, path, **parameters)


def muon_row(start, stop, rows, cols, momentum, weight_decay):
    ours = {
        "shapes": [[start, stop, rows, cols]],
        "momentum": momentum,
        "epsilon": NO_EPSILON,
        "weight_decay": weight_decay,
    }
    where = slice(start, stop)
    theirs = {"where": where, "rows": rows, "cols": cols}
    return row("muon", ours, muon, **theirs, momentum=momentum, weight_decay=weight_decay)


OURS_A = {"beta_1": 0.7, "beta_2": 0.9, "epsilon": NO_EPSILON}
TORCHS_A = {"betas": (0.7, 0.9), "eps": NO_EPSILON}
OURS_B = {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}
TORCHS_B = {"betas": (0.7, 0.9), "eps": 1e-3}
DECAY = {"weight_decay": 0.3}

ROWS = [
    # table name, our parameters, torch's class, torch's parameters
    torch_row("sgd", {"momentum": 0.0}, torch.optim.SGD, {}),
    torch_row("sgd", {"momentum": 0.9, "nesterov": False}, torch.optim.SGD, {"momentum": 0.9}),
    torch_row("sgd", {"momentum": 0.8}, torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
    torch_row("adam", {"epsilon": NO_EPSILON}, torch.optim.Adam, {"eps": NO_EPSILON}),
    torch_row("adam", OURS_A, torch.optim.Adam, TORCHS_A),
    torch_row("adagrad", {}, torch.optim.Adagrad, {}),
    torch_row("adagrad", {"epsilon": 0.1}, torch.optim.Adagrad, {"eps": 0.1}),
    torch_row("rmsprop", {"rho": 0.99}, torch.optim.RMSprop, {}),
    torch_row("rmsprop", {"epsilon": 0.1}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 0.1}),
    torch_row("adamw", {"epsilon": NO_EPSILON}, torch.optim.AdamW, {"eps": NO_EPSILON}),
    torch_row("adamw", OURS_A | DECAY, torch.optim.AdamW, TORCHS_A | DECAY),
    torch_row("nadam", {}, torch.optim.NAdam, {}),
    torch_row(
        "nadam",
        OURS_B | DECAY | {"momentum_decay": 0.1},
        torch.optim.NAdam,
        TORCHS_B | DECAY | {"momentum_decay": 0.1, "decoupled_weight_decay": True},
    ),
    muon_row(0, 4, 2, 2, momentum=0.95, weight_decay=0.0),
    muon_row(1, 5, 1, 4, momentum=0.8, weight_decay=0.3),
    muon_row(0, 4, 4, 1, momentum=0.95, weight_decay=0.0),
    # without torch
    same("lion", lion, beta_1=0.9, beta_2=0.99, weight_decay=0.0),
    same("lion", lion, beta_1=0.5, beta_2=0.8, weight_decay=0.3),
    same("schedule_free", schedule_free, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0),
    same("schedule_free", schedule_free, beta_1=0.7, beta_2=0.9, epsilon=1e-3, weight_decay=0.3),
]


def main() -> None:
    torch.set_default_dtype(torch.float64)  # NAdam keeps a product in the default precision
    rng = np.random.default_rng(0)
    start = rng.standard_normal(5).round(2)
    grads = rng.standard_normal((N_STEPS, 5)).round(2)
    rows = []
    for name, parameters, reference in ROWS:
        path = {
            t: theta.tolist()
            for t, theta in enumerate(reference(start, grads), start=1)
            if t in SHOWN
        }
        rows.append({"name": name, "parameters": parameters, "path": path})
    golden = {
        "made_by": f"make_golden_optimizers.py, torch {torch.__version__}",
        "learning_rate": LEARNING_RATE,
        "start": start.tolist(),
        "grads": grads.tolist(),
        "rows": rows,
    }
    Path(__file__).with_name("optimizers.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
