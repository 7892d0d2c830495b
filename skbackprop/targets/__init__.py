"""From the target of the user to the target of the network, and from scores to predictions.

A codec encodes ``y`` into a target matrix ``(n, n_targets)`` and decodes raw scores
into predictions.  One for each kind of target:

=================  ==========================  ===============================
`LabelCodec`       one column of labels        one column for 2 classes, else one-hot
`MultilabelCodec`  an indicator matrix         itself
`HeadsCodec`       several columns of labels   the labels' targets side by side
`TargetCodec`      numbers                     themselves, standardized if asked
=================  ==========================  ===============================
"""

from typing import TypeAlias

from .label_codecs import HeadsCodec, LabelCodec, MultilabelCodec
from .number_codec import TargetCodec

Codec: TypeAlias = HeadsCodec | LabelCodec | MultilabelCodec | TargetCodec

__all__ = ["Codec", "HeadsCodec", "LabelCodec", "MultilabelCodec", "TargetCodec"]
