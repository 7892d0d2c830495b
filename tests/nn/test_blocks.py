"""A formula in blocks is the formula."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.nn.blocks import BLOCK, blockwise


class Recorder:
    def __init__(self):
        self.sizes = []

    @blockwise(times=2)
    def double(self, x, out):
        self.sizes.append(x.size)
        np.multiply(x, 2, out=out)


LONG = BLOCK // 8 + 1  # rows of 16: a little more than 2 blocks
SHAPES = [(5,), (3, 4), (LONG, 16), (3, LONG, 16), (8, 64, 64), (2, 3, LONG, 16), (1, 3 * BLOCK)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("contiguous", [True, False])
def test_all_numbers_are_seen_and_written(shape, contiguous):
    wide = (*shape[:-1], shape[-1] + 1)
    x = np.arange(float(np.prod(wide))).reshape(wide)[..., 1:]
    out = np.zeros(wide)[..., 1:]
    if contiguous:
        x, out = np.ascontiguousarray(x), np.ascontiguousarray(out)
    Recorder().double(x, out)
    assert_array_equal(out, 2 * x)


def test_members_share_blocks():
    """Eight small matrices are a matter of one call; and no call sees more than it may."""
    recorder = Recorder()
    recorder.double(np.ones((8, 64, 64)), np.empty((8, 64, 64)))
    assert recorder.sizes == [2 * BLOCK]
    recorder.double(np.ones((3, LONG, 16)), np.empty((3, LONG, 16)))
    assert max(recorder.sizes) <= 2 * BLOCK
    assert sum(recorder.sizes[1:]) == 3 * LONG * 16
