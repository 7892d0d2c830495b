"""A fitted encoder as a file gives it back."""

import json

from skbackprop.io.decode import Decoder
from skbackprop.io.encode import Encoder


def stored(encoder):
    """The same encoder from JSON and arrays."""
    writer = Encoder()
    state = json.dumps(writer.encode(encoder, "encoder"))
    return Decoder(writer.tensors).decode(json.loads(state), "encoder")
