"""From the target of the user to the target of the network, and from scores to predictions."""

from .codec import HeadsCodec, LabelCodec, MultilabelCodec, TargetCodec

__all__ = ["HeadsCodec", "LabelCodec", "MultilabelCodec", "TargetCodec"]
