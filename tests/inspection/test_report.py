"""A report is one file that needs nothing else, and says what is true."""

import json
import re
import shutil
import subprocess
import sys
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import training_report
from skbackprop.inspection.evaluation import Evaluation
from skbackprop.mlp import MLPClassifier, MLPRegressor
from skbackprop.nn.losses import Pinball

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"<b>size</b>": RNG.normal(size=90), "a & b": RNG.normal(size=90)})
SUM = TABLE.sum(axis=1).to_numpy()
LABELS = np.array(["<low>", "mid", "top & more"])[np.digitize(SUM, [-0.5, 0.5])]
SMALL = {"max_iter": 5, "n_members": 2, "hidden_layer_sizes": (4,), "random_state": 0}
EMPTY = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Tags in order, those still open, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def classifier():
    return BackpropClassifier(**SMALL).fit(TABLE[:60], LABELS[:60])


def report(model, tmp_path, **params):
    text = training_report(model, tmp_path / "report.html", **params).read_text("utf-8")
    return text, Page(text)


def test_the_page_is_whole_and_loads_nothing(tmp_path):
    text, page = report(classifier(), tmp_path, X_test=TABLE[60:], y_test=LABELS[60:])
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for tag, attrs in page.tags:
        for name, value in attrs.items():
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("#", "data:")), (tag, value)
    assert re.findall(r"\w+://", text) == []
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    names = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(names) == len(set(names))  # no picture refers to a part of another one
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
    assert {a or b for a, b in used} <= set(names)


def test_names_are_escaped(tmp_path):
    text, page = report(
        classifier(), tmp_path, X_test=TABLE[60:], y_test=LABELS[60:], title="<i>mine</i>"
    )
    assert {"b", "i", "low"} & {tag for tag, _ in page.tags} == {"b"}  # those of the scores
    assert "<b>size" not in text
    assert "<title>&lt;i&gt;mine" in text
    for name in ("<b>size</b>", "a & b", "<low>", "top & more"):
        assert name in page.text


def test_the_numbers_are_those_of_the_model(tmp_path):
    model = classifier()
    test = Evaluation(model, TABLE[60:], LABELS[60:])
    scores = test.scores()
    assert scores["accuracy"] == accuracy_score(LABELS[60:], model.predict(TABLE[60:]))
    assert scores["log loss"] == log_loss(LABELS[60:], model.predict_proba(TABLE[60:]))
    _, page = report(model, tmp_path, X_test=TABLE[60:], y_test=LABELS[60:])
    assert f"{scores['log loss']:.4g}" in page.text
    assert "Warnings" not in page.text
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert labels == [
        "Loss",
        "Learning rate of the epochs",
        "Calibration",
        "Confusion",
        "Importance of the columns by permutation",
    ]
    for name, value in model.resolved_params_.items():
        assert f"{name} {' '.join(repr(value).split())}" in page.text
    changed = [attrs for tag, attrs in page.tags if tag == "tr" and attrs.get("class") == "changed"]
    assert len(changed) == len(SMALL)


def test_a_regressor_has_residuals(tmp_path):
    model = BackpropRegressor(**SMALL).fit(TABLE[:60], SUM[:60])
    test = Evaluation(model, TABLE[60:], SUM[60:])
    assert test.scores()["R²"] == r2_score(SUM[60:], model.predict(TABLE[60:]))
    rows, _ = test.importances()
    assert {row[0] for row in rows} == set(TABLE.columns)
    assert rows[0][1] >= rows[1][1]
    _, page = report(model, tmp_path, X_test=TABLE[60:], y_test=SUM[60:])
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert labels[2:4] == ["Residuals", "True against predicted"]


def test_without_test_rows_it_says_so(tmp_path):
    plain = MLPRegressor((4,), solver="lbfgs", max_iter=5, random_state=0)
    _, page = report(plain.fit(TABLE, SUM), tmp_path)
    assert "No test rows were given" in page.text
    assert "Scores on the test rows" not in page.text
    assert [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"] == ["Loss"]
    with pytest.raises(ValueError, match="X_test and y_test go together"):
        training_report(plain, tmp_path / "report.html", X_test=TABLE)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        training_report(plain, tmp_path / "report.html", X_test=TABLE, y_test=SUM[:-1])


def test_two_classes_several_targets_sparse_rows_and_many_rows(tmp_path):
    X, two = TABLE.to_numpy(), SUM > 0
    model = MLPClassifier((4,), max_iter=5, random_state=0).fit(csr_matrix(X), two)
    _, page = report(model, tmp_path, X_test=csr_matrix(X), y_test=two)
    assert "Not computed for sparse rows" in page.text
    assert "Mean probability of True" in page.text
    both = MLPRegressor((4,), max_iter=5, random_state=0).fit(X, X)
    _, page = report(both, tmp_path, X_test=X, y_test=X)
    assert "Predictions" not in page.text
    one_class = Evaluation(model, X[two], two[two], max_rows=10)
    assert "ROC AUC" not in one_class.scores()
    assert "5 shuffles of 10 rows" in one_class.importances()[1]


def test_what_is_not_defined_is_left_out(tmp_path):
    X = TABLE.to_numpy()
    quantiles = BackpropRegressor(loss=Pinball((0.1, 0.9)), **SMALL).fit(X, SUM)
    _, page = report(quantiles, tmp_path, X_test=X, y_test=SUM)
    assert "There is no score for several predictions" in page.text
    assert "Not computed for a model without a score" in page.text
    one = BackpropClassifier(**SMALL).fit(X, np.zeros(90))
    assert Evaluation(one, X, np.zeros(90)).scores() == {"accuracy": 1.0}
    report(one, tmp_path, X_test=X, y_test=np.zeros(90))
    texts = np.array(["a good film", "a bad film", "so good"] * 30)
    model = make_pipeline(TfidfVectorizer(), MLPClassifier((3,), max_iter=3)).fit(texts, SUM > 0)
    _, page = report(model, tmp_path, X_test=texts, y_test=SUM > 0)
    assert "Not computed for texts" in page.text
    unseen = Evaluation(classifier(), TABLE, np.full(90, "new"))
    assert unseen.scores() == {"accuracy": 0.0}
    column = Evaluation(BackpropRegressor(**SMALL).fit(X, SUM), X, SUM[:, None])
    assert "R²" in column.scores()


def test_other_frames_keep_the_names_of_their_columns():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = polars.DataFrame({"size": SUM, "city": ["Bern", "Graz", "Lyon"] * 30})
    model = BackpropRegressor(**SMALL).fit(frame, SUM)
    for X in (frame, frame.to_arrow()):
        rows, _ = Evaluation(model, X, SUM).importances()
        assert rows[0][0] == "size"
        assert len(rows) == 2


def test_searches_of_pipelines_and_what_went_wrong(tmp_path):
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=5, random_state=0))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2).fit(TABLE, LABELS)
    _, page = report(search, tmp_path, X_test=TABLE, y_test=LABELS)
    assert "the best of GridSearchCV, StandardScaler → MLPClassifier" in page.text
    assert f"The search chose {search.best_params_!r}" in page.text
    model = search.best_estimator_[-1]
    model._fitted.run.stop_reason = "interrupted"
    _, page = report(model, tmp_path)
    assert "Training ended early: interrupted by the user" in page.text


def test_matplotlib_is_named_when_it_is_missing(tmp_path, monkeypatch):
    model = classifier()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "skbackprop\[plot\]"'):
        training_report(model, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


# In a browser.

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FRAME = """<!DOCTYPE html><body><iframe id="f" width="400" height="900" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const d = document.getElementById("f").contentDocument;
  const color = getComputedStyle(d.body).backgroundColor;
  const size = s => {{ const r = s.getBoundingClientRect(); return [r.width, r.height]; }};
  const pictures = [...d.querySelectorAll("svg")].map(size);
  const found = {{width: d.documentElement.scrollWidth, color, pictures}};
  document.body.dataset.found = JSON.stringify(found);
}}</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_in_400_pixels(scheme, tmp_path):
    text, _ = report(classifier(), tmp_path, X_test=TABLE[60:], y_test=LABELS[60:])
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=escape(text)), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    options += [f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"]
    command = [BROWSER, *options, "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    (attributes,) = (attrs for tag, attrs in Page(done.stdout).tags if tag == "body")
    found = json.loads(attributes["data-found"])
    assert found["width"] <= 400
    assert len(found["pictures"]) == 5
    assert all(200 < width < 400 and height > 100 for width, height in found["pictures"])
    brightness = np.mean([int(number) for number in re.findall(r"\d+", found["color"])])
    assert (brightness < 100) == (scheme == "dark")
