"""Spoken digits: a recording becomes a small spectrogram.

Three steps, with SciPy alone, turn the waveform into numbers of a fixed count.

1. A short-time Fourier transform gives the power at each frequency, 100 times a second.
2. Triangles that are evenly spaced on the *mel* scale, ``m = 2595 log₁₀(1 + f/700)``, collect
   the frequencies into 24 bands, as the recorder does: narrow ones low, wide ones high.  Then the
   logarithm, since loudness is heard in ratios.
3. Silence is cut from both ends, and time is stretched to 24 steps, so that a slow "seven"
   and a quick one give pictures of the same size.

The 24 × 24 = 576 numbers go to a network with one hidden layer.  The data is the Free Spoken
Digit Dataset: 6 speakers say 10 digits 50 times; takes 0 to 4 are the official test.

    python examples/speech_digits.py                  # downloads the recordings once
    python examples/speech_digits.py --data fsdd.npz  # reads a local copy
    python examples/speech_digits.py --quick          # a third of the clips to learn from

The settings were chosen by cross-validation within the training clips.
"""

import argparse
import sys
from time import perf_counter

import numpy as np
from _data import load_fsdd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft, rfftfreq
from scipy.signal import get_window
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop.mlp import MLPClassifier

SAMPLE_RATE = 8000  # samples per second
WINDOW, HOP = 256, 80  # samples: 32 ms, every 10 ms
BANDS, STEPS = 24, 24
AUDIBLE = 30  # dB below the loudest moment: quieter than that at the ends is silence
FLOOR = 60  # dB below the loudest band: quieter than that is nothing


def mel_triangles():
    """The share of each frequency in each band, of shape ``(n_frequencies, BANDS)``."""
    mel = 2595 * np.log10(1 + rfftfreq(WINDOW, 1 / SAMPLE_RATE) / 700)
    corners = np.linspace(mel[2], mel[-1], BANDS + 2)  # from 62.5 Hz
    rising = (mel[:, None] - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - mel[:, None]) / np.diff(corners)[1:]
    return np.maximum(0, np.minimum(rising, falling))


def log_mel(clip, triangles):
    """A clip of any length as ``BANDS × STEPS`` numbers in decibels."""
    frames = sliding_window_view(clip / 32768, WINDOW)[::HOP] * get_window("hann", WINDOW)
    power = np.abs(rfft(frames)) ** 2 @ triangles  # (time, band)
    loudness = 10 * np.log10(power.sum(axis=1) + 1e-12)
    heard = np.flatnonzero(loudness > loudness.max() - AUDIBLE)
    power = power[heard[0] : heard[-1] + 1]

    decibels = 10 * np.log10(power + 1e-12)
    decibels = np.maximum(decibels, decibels.max() - FLOOR)
    moments = np.linspace(0, len(decibels) - 1, STEPS)
    picture = [np.interp(moments, np.arange(len(decibels)), band) for band in decibels.T]
    return np.ravel(picture) - np.mean(picture)  # whoever speaks louder says the same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="npz file to read instead of downloading")
    parser.add_argument("--quick", action="store_true", help="a subset, a few seconds")
    args = parser.parse_args()

    clips, digits, takes = load_fsdd(args.data)
    limit = 0.93
    if args.quick:
        print("--quick: takes 0 to 19 of the 50")
        clips = [clip for clip, take in zip(clips, takes, strict=True) if take < 20]
        digits, takes, limit = digits[takes < 20], takes[takes < 20], 0.90

    start = perf_counter()
    triangles = mel_triangles()
    X = np.array([log_mel(clip, triangles) for clip in clips], dtype=np.float32)
    prepared = perf_counter() - start

    test = takes < 5
    model = make_pipeline(
        StandardScaler(), MLPClassifier((128,), "relu", alpha=1.0, tol=1e-2, random_state=0)
    )
    start = perf_counter()
    model.fit(X[~test], digits[~test])
    seconds = perf_counter() - start

    print(f"{'part':6}  {'clips':>5}  {'accuracy':>8}")
    for part, rows in (("train", ~test), ("test", test)):
        accuracy = model.score(X[rows], digits[rows])
        print(f"{part:6}  {rows.sum():5}  {accuracy:8.4f}")
    print(f"\nfeatures {prepared:.1f} seconds, training {seconds:.1f} seconds")

    print("\nthe test clips by digit:")
    right = model.predict(X[test]) == digits[test]
    print("  ".join(f"{digit}: {right[digits[test] == digit].mean():.2f}" for digit in range(10)))
    if accuracy < limit:
        sys.exit(f"test accuracy {accuracy:.4f} is below the limit {limit:.2f}")


if __name__ == "__main__":
    main()
