"""
Text on the sparse path
=======================

scikit-learn contains no text data, so this example generates messages: a few words of a message
come from the vocabulary of its subject, most from all subjects. TF-IDF makes a sparse matrix of
the words and pairs of words. It is never made dense.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skbackprop.mlp import MLPClassifier

rng = np.random.default_rng(0)
subjects = {
    "cooking": "bake boil butter cream dough flour fry garlic oven pepper salt sauce stir sugar",
    "sailing": "anchor boat deck harbor keel knot mast port reef rudder sail storm tide wind",
    "gardening": "bloom bulb compost garden hedge lawn plant prune rain root seed soil tree weed",
}
common = "a about and for have in is it my new of on the this to was with you how what"


def message(subject):
    own = rng.choice(subjects[subject].split(), 2).tolist()
    others = [rng.choice(list(subjects)) for _ in range(2)]
    words = own + [rng.choice(subjects[other].split()) for other in others]
    words += rng.choice(common.split(), 12).tolist()
    return " ".join(rng.permutation(words))


labels = rng.choice(list(subjects), 900)
texts = [message(label) for label in labels]
print(labels[0], "-", texts[0])

# %%
train, test, y_train, y_test = train_test_split(texts, labels, random_state=0)
network = MLPClassifier((8,), solver="lbfgs", alpha=10.0, random_state=0)
model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), network).fit(train, y_train)
print(f"accuracy on new messages: {model.score(test, y_test):.3f}")

# %%
# How much a word speaks for each subject: the probability of the subject when the message is this
# word.
words = np.array([word for word in model[0].get_feature_names_out() if " " not in word])
log_p = model.predict_log_proba(words)
fig, axes = plt.subplots(1, 3, figsize=(9, 3.5), layout="constrained")
for ax, name, column in zip(axes, model.classes_, log_p.T, strict=True):
    best = np.argsort(column)[-8:]
    ax.barh(words[best], np.exp(column[best]))
    ax.set(title=name, xlabel="probability", xlim=(0, 1))
plt.show()
