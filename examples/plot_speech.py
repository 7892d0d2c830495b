"""
Spoken vowels from audio
========================

A network classifies the vowels of *heed*, *hid*, *head*, …, spoken by speakers that are not in the
training set. The example synthesizes the sound: pulses, as of the vocal folds, are filtered, as by
the mouth. The resonances of the filter, the *formants*, are those that Peterson and Barney
("Control methods used in a study of the vowels", 1952) measured for men, women and children. The
script ``speech_digits.py`` does the same with recordings of spoken digits.
"""

# %%
# The fundamental frequency and three formants of each vowel, in Hz.
import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import lfilter, spectrogram
from sklearn.metrics import ConfusionMatrixDisplay
from speech_digits import SAMPLE_RATE, WINDOW, mel_triangles

from skbackprop.mlp import MLPClassifier

WORDS = ["heed", "hid", "head", "had", "hod", "hawed", "hood", "who'd", "hud", "heard"]
MEASURED = {
    "men": [
        [136, 135, 130, 127, 124, 129, 137, 141, 130, 133],
        [270, 390, 530, 660, 730, 570, 440, 300, 640, 490],
        [2290, 1990, 1840, 1720, 1090, 840, 1020, 870, 1190, 1350],
        [3010, 2550, 2480, 2410, 2440, 2410, 2240, 2240, 2390, 1690],
    ],
    "women": [
        [235, 232, 223, 210, 212, 216, 232, 231, 221, 218],
        [310, 430, 610, 860, 850, 590, 470, 370, 760, 500],
        [2790, 2480, 2330, 2050, 1220, 920, 1160, 950, 1400, 1640],
        [3310, 3070, 2990, 2850, 2810, 2710, 2680, 2670, 2780, 1960],
    ],
    "children": [
        [272, 269, 260, 251, 256, 263, 276, 274, 261, 261],
        [370, 530, 690, 1010, 1030, 680, 560, 430, 850, 560],
        [3200, 2730, 2610, 2320, 1370, 1060, 1410, 1170, 1590, 1820],
        [3730, 3600, 3570, 3320, 3170, 3180, 3310, 3260, 3360, 2160],
    ],
}


def say(frequencies, rng, seconds=0.25, noise=0.001):
    """A vowel: pulses at the fundamental frequency, through one resonator for each formant."""
    pitch, *formants = frequencies
    n = int(seconds * SAMPLE_RATE)
    falling = pitch * np.linspace(1.05, 0.9, n)  # the voice falls
    sound = np.diff(np.floor(np.cumsum(falling) / SAMPLE_RATE), prepend=0.0)
    sound = lfilter([1], [1, -0.95], sound)  # the folds close softly
    for formant in formants:
        radius = np.exp(-np.pi * (50 + formant / 20) / SAMPLE_RATE)  # by the bandwidth
        b, c = 2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), -(radius**2)
        sound = lfilter([1 - b - c], [1, -b, -c], sound)
    return sound / abs(sound).max() + noise * rng.normal(size=n)


# %%
# In a spectrogram the formants are dark bars. What makes a vowel is where they are, and not the
# pitch, whose multiples are the fine stripes.
rng = np.random.default_rng(0)
fig, axes = plt.subplots(1, 4, figsize=(10, 3), sharey=True, layout="constrained")
for ax, (who, vowel) in zip(axes, [("men", 0), ("men", 4), ("women", 4), ("men", 9)], strict=True):
    frequencies = np.array(MEASURED[who])[:, vowel]
    f, t, power = spectrogram(say(frequencies, rng), SAMPLE_RATE, nperseg=WINDOW, noverlap=200)
    decibels = 10 * np.log10(power / power.max())
    ax.pcolormesh(t, f, decibels, cmap="gray_r", vmin=-60, vmax=0, shading="gouraud")
    for formant in frequencies[1:]:
        ax.axhline(formant, color="tab:red", linewidth=0.8, linestyle=":")
    ax.set(title=f"{WORDS[vowel]}, {who}", xlabel="seconds")
axes[0].set_ylabel("Hz")
plt.show()

# %%
# Every speaker has a mouth and a pitch of their own, and never says a vowel twice in the same way.
# The network gets the power in 24 bands of the mel scale, in decibels, as in ``speech_digits.py``.
triangles = mel_triangles()


def heard(sound):
    """The loudness of each band, less that of the whole."""
    _, _, power = spectrogram(sound, SAMPLE_RATE, nperseg=WINDOW)
    decibels = 10 * np.log10(power.mean(axis=1) @ triangles + 1e-9)
    return decibels - decibels.mean()


def speakers(n, rng):
    """The bands and the vowel of each clip: ``n`` speakers say each vowel twice."""
    X, y = [], []
    for _ in range(n):
        own = np.array(MEASURED[rng.choice(list(MEASURED), p=[0.43, 0.37, 0.2])], float)
        own[0] *= rng.normal(1, 0.1)
        own[1:] *= rng.normal(1, 0.04) * rng.normal(1, 0.06, (3, 10))
        for vowel in np.repeat(np.arange(10), 2):
            said = own[:, vowel] * rng.normal(1, [0.05, 0.05, 0.03, 0.03])
            X.append(heard(say(said, rng)))
            y.append(vowel)
    return np.array(X) / 10, np.array(y)


X_train, y_train = speakers(150, rng)
X_test, y_test = speakers(50, rng)
model = MLPClassifier((40,), alpha=1.0, max_iter=300, tol=1e-3, random_state=0)
model.fit(X_train, y_train)
print(f"accuracy on new speakers: {model.score(X_test, y_test):.3f}")
assert model.score(X_test, y_test) > 0.8

# %%
# The errors are between neighbors: vowels with similar formants, which listeners confuse as well.
fig, ax = plt.subplots(figsize=(6, 5.5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test,
    model.predict(X_test),
    display_labels=WORDS,
    cmap="Blues",
    xticks_rotation=60,
    colorbar=False,
    ax=ax,
)
plt.show()

# %%
# The weights of the first layer, a row for each unit, in the order of the band that it reacts to
# most. Many units have a few bands in a row that speak for them (blue) and others, above or below,
# that speak against them (red): they measure where a formant is.
W = model.coefs_[0].T
order = np.argsort(W.argmax(axis=1))
centers = triangles.argmax(axis=0) * SAMPLE_RATE / WINDOW
fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
scale = abs(W).max()
image = ax.imshow(W[order], cmap="RdBu", vmin=-scale, vmax=scale, aspect="auto")
bands = np.arange(0, 24, 4)
ax.set(
    xticks=bands, xticklabels=centers[bands].astype(int), xlabel="band, Hz", ylabel="hidden unit"
)
fig.colorbar(image, label="weight")
plt.show()
