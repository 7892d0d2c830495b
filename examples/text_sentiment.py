"""Film reviews: a sentence is a sparse row of TF-IDF weights.

Words, pairs of words and parts of words give tens of thousands of columns, of which a sentence
has a few dozen.  The matrix stays sparse: the first layer computes a sparse product, and an array
of its full shape is never made.

The sentences are SST-2, positive or negative, in their official three parts: the network
is trained on `train`, `dev` (`X_val`) chooses the epoch, `test` is used once.

    python examples/text_sentiment.py                     # downloads three small files once
    python examples/text_sentiment.py --data sst2.csv.gz  # reads a local copy
    python examples/text_sentiment.py --quick             # 3,000 sentences to learn from

The features and settings were chosen by cross-validation within `train` and `dev`.
"""

import argparse
import sys
from time import perf_counter

import numpy as np
from _data import load_sst2
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union

from skbackprop.mlp import MLPClassifier


def tfidf():
    """One or two neighboring words, and three to five neighboring letters of a word."""
    common = {"sublinear_tf": True, "dtype": np.float32}
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, token_pattern=r"\S+", **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=5, **common),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="csv.gz file to read, not download")
    parser.add_argument("--quick", action="store_true", help="a subset, a few seconds")
    args = parser.parse_args()

    parts = load_sst2(args.data)
    (train, y_train), (dev, y_dev), (test, y_test) = parts["train"], parts["dev"], parts["test"]
    limit = 0.80
    if args.quick:
        print("--quick: 3,000 of the 6,920 training sentences")
        train, y_train, limit = train[:3000], y_train[:3000], 0.74

    vectorizer = tfidf()
    X_train = vectorizer.fit_transform(train).tocsr()
    X_dev, X_test = vectorizer.transform(dev), vectorizer.transform(test)
    rows, columns = X_train.shape
    print(f"{rows} sentences, {columns} columns, {X_train.nnz / rows:.0f} non-zeros in a row:")
    print(
        f"{X_train.nnz * 8 / 1e6:.0f} MB sparse, would be {rows * columns * 4 / 1e6:.0f} MB dense"
    )

    model = MLPClassifier(
        (16,), "relu", batch_size=64, early_stopping=True, n_iter_no_change=3, random_state=0
    )
    start = perf_counter()
    model.fit(X_train, y_train, X_val=X_dev, y_val=y_dev)
    seconds = perf_counter() - start

    print(f"\n{'part':6}  {'sentences':>9}  {'accuracy':>8}")
    accuracies = {}
    for part, X, y in (
        ("train", X_train, y_train),
        ("dev", X_dev, y_dev),
        ("test", X_test, y_test),
    ):
        accuracies[part] = model.score(X, y)
        print(f"{part:6}  {len(y):9}  {accuracies[part]:8.4f}")
    print(f"\nepoch {model.best_iter_} of {model.n_iter_} kept, {seconds:.1f} seconds")
    if accuracies["test"] < limit:
        sys.exit(f"test accuracy {accuracies['test']:.4f} is below the limit {limit:.2f}")


if __name__ == "__main__":
    main()
