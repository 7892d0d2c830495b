"""Plain settings, packed into the objects that the estimators take.

Tables of tests name one setting each: ``{"averaging": "ema"}``.  `packed` makes parameters of
them: ``{"solver": Adam(averaging="ema")}``.
"""

from skbackprop import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit
from skbackprop.optim import OPTIMIZERS

OF_OPTIMIZERS = (
    "max_grad_norm",
    "l1",
    "gradient_accumulation_steps",
    "averaging",
    "lr_multipliers",
    "solve_output",
)
OBJECTS = {  # parameter: (class, {plain setting: field})
    "dropout": (Scheduled, {"dropout": "value", "dropout_schedule": "schedule"}),
    "weight_decay": (Scheduled, {"weight_decay": "value", "weight_decay_schedule": "schedule"}),
    "loss": (LogLoss, {"label_smoothing": "label_smoothing"}),
    "numeric_embedding": (
        NumericEmbedding,
        {
            "numeric_embedding": "kind",
            "n_bins": "n_bins",
            "n_frequencies": "n_frequencies",
            "frequency_scale": "frequency_scale",
        },
    ),
    "feature_encoding": (
        TableEncoding,
        {
            "embedding_dim": "embedding_dim",
            "learned_scale": "learned_scale",
            "value_effects": "value_effects",
            "whitened": "whitened",
        },
    ),
    "weight_init": (WeightInit, {"weight_init": "weights", "bias_init": "biases"}),
}

DEFAULTS = {"dropout": {"value": "auto"}, "weight_decay": {"value": "auto"}}


def packed(**flat):
    """Parameters of an estimator that mean these plain settings."""
    params = dict(flat)
    own = {name: params.pop(name) for name in OF_OPTIMIZERS if name in params}
    if own:
        params["solver"] = OPTIMIZERS[params.get("solver", "adam")](**own)
    for parameter, (Settings, fields) in OBJECTS.items():
        given = {fields[name]: params.pop(name) for name in fields if name in params}
        if set(given) == {fields.get(parameter)}:  # a plain value will do
            params[parameter] = next(iter(given.values()))
        elif given:
            params[parameter] = Settings(**DEFAULTS.get(parameter, {}) | given)
    return params
