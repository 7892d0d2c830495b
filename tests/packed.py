"""Plain keyword settings of tests, put into the objects that the constructors take."""

from skbackprop import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit
from skbackprop.optim import OPTIMIZERS
from skbackprop.recipes.settings import OF_OPTIMIZER

FIELDS = {"momentum": "momentum", "nesterovs_momentum": "nesterov"}
FIELDS |= {name: name for name in ("beta_1", "beta_2", "epsilon")}


def packed(**flat):
    """Parameters of a constructor, of settings such as ``n_bins=4`` and ``averaging="ema"``."""
    params = dict(flat)
    own = {name: params.pop(name) for name in OF_OPTIMIZER if name in params}
    if own:
        own |= {field: params.pop(name) for name, field in FIELDS.items() if name in params}
        params["solver"] = OPTIMIZERS[params.get("solver", "adam")](**own)
    for name in ("dropout", "weight_decay", "label_smoothing"):
        schedule = params.pop(f"{name}_schedule", None)
        if schedule is not None:
            params[name] = Scheduled(params.get(name, 0.15), schedule)
    if "label_smoothing" in params:
        params["loss"] = LogLoss(params.pop("label_smoothing"))
    embedding = {
        name: params.pop(name)
        for name in ("n_bins", "n_frequencies", "frequency_scale")
        if name in params
    }
    if embedding:
        kind = params.get("numeric_embedding", "auto")
        params["numeric_embedding"] = NumericEmbedding(kind, **embedding)
    encoding = {
        name: params.pop(name) for name in ("embedding_dim", "learned_scale") if name in params
    }
    if encoding:
        params["feature_encoding"] = TableEncoding(**encoding)
    if "bias_init" in params:
        params["weight_init"] = WeightInit(
            params.get("weight_init", "auto"), params.pop("bias_init")
        )
    return params
