"""Columns of text that are numbers, dates or times, and what is left out with a warning."""

import datetime
import re
import warnings

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.tables import ColumnEncoder
from skbackprop.tables.text_dates import DateNotation
from skbackprop.tables.text_numbers import SIGNS as ALL_SIGNS
from skbackprop.tables.text_numbers import NumberNotation, shapes_of

from .stored import stored

pd = pytest.importorskip("pandas")
N = 200
rng = np.random.default_rng(0)
V = rng.uniform(1100, 4000, N).round(2)
DAYS = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, N), "D")


def frame(cells, **others):
    return pd.DataFrame({"a": list(cells), **others})


def encode(X, test=None, **params):
    return ColumnEncoder(**params).fit(X).transform(X if test is None else test, np.float64)


NOTATIONS = {
    "plain": "{:.2f}",
    "spaces around": "  {:.2f} ",
    "thousands comma": "{:,.2f}",
    "dollar": "${:,.2f}",
    "code of a currency": "EUR {:.2f}",
    "percent": "{:.2f}%",
    "percent after a space": "{:.2f} %",
    "unit": "{:.2f} sqft",
    "unit of two words": "{:.2f} sq. ft.",
    "unit with a power": "{:.2f} m2",
    "exponent": "{:.8e}",
    "underscore": "{:_.2f}",
}


@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
def test_text_in_one_notation_is_encoded_as_its_numbers(notation):
    np.testing.assert_array_equal(encode(frame(map(notation.format, V))), encode(frame(V)))


SIGNS = [(".", ","), (",", "."), (",", " "), (",", "\u202f"), (".", "'"), (".", "’"), (",", "")]


@pytest.mark.parametrize(("decimal", "thousands"), SIGNS)
def test_decimal_signs_and_thousands_separators(decimal, thousands):
    swap = str.maketrans({",": thousands, ".": decimal})
    cells = [f"{v:,.2f}".translate(swap) for v in V]
    np.testing.assert_array_equal(encode(frame(cells)), encode(frame(V)))


def test_three_digits_after_a_comma_are_decimals_if_a_cell_says_so():
    cells = [f"{v:.3f}".replace(".", ",") for v in V / 1000]
    E = encode(frame([*cells, "0,123"]))
    np.testing.assert_array_equal(E, encode(frame([float(f"{v:.3f}") for v in V / 1000] + [0.123])))


def test_negative_numbers():
    values = np.where(np.arange(N) % 3, V, -V)
    for negative in ("({:,.2f})", "-{:,.2f}", "−{:,.2f}", "{:,.2f}-"):
        cells = [negative.format(-v) if v < 0 else f"{v:,.2f}" for v in values]
        np.testing.assert_array_equal(encode(frame(cells)), encode(frame(values)))


@pytest.mark.parametrize("word", ["?", " ", "NA", "-", "n/a", "call us", "2100 - 2850"])
def test_a_cell_that_does_not_parse_is_missing(word):
    cells, values = [f"{v:.2f}" for v in V], V.copy()
    cells[7], values[7] = word, np.nan
    np.testing.assert_array_equal(encode(frame(cells)), encode(frame(values)))
    mixed = [*V[:7].tolist(), word, *V[8:].tolist()]
    np.testing.assert_array_equal(encode(frame(mixed)), encode(frame(values)))


FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %B %Y", "%m/%d/%y"]
FORMATS += ["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %I:%M %p", "%Y/%m/%d", "%d-%b-%y", "%a, %d %b %Y"]


@pytest.mark.parametrize("form", FORMATS)
def test_dates_in_one_format_are_encoded_as_dates(form):
    X = frame(DAYS.strftime(form))
    np.testing.assert_array_equal(encode(X), encode(frame(DAYS)))
    np.testing.assert_array_equal(encode(X, test=frame(DAYS)), encode(frame(DAYS)))
    np.testing.assert_array_equal(encode(frame(DAYS), frame(DAYS.astype(str))), encode(frame(DAYS)))


def test_dates_with_a_time_zone():
    aware = DAYS.tz_localize("Europe/Berlin")
    expected = encode(frame(aware))
    np.testing.assert_array_equal(encode(frame([d.isoformat() for d in aware])), expected)
    np.testing.assert_array_equal(encode(frame(aware), frame(aware.tz_convert("UTC"))), expected)


def test_days_that_cannot_be_told_from_months_are_refused():
    cells = [f"{i % 12 + 1:02d}/{i % 11 + 1:02d}/2020" for i in range(N)]
    with pytest.raises(ValueError, match="Column 'a' .* day cannot be told from the month"):
        ColumnEncoder().fit(frame(cells))
    ColumnEncoder().fit(frame([*cells, "31/01/2020"]))
    ColumnEncoder(["a"]).fit(frame(cells))


def test_periods_and_times_of_day():
    months = pd.period_range("2000-01", periods=N, freq="M")
    np.testing.assert_array_equal(encode(frame(months)), encode(frame(months.to_timestamp())))
    seconds = rng.integers(0, 86_400, N)
    times = [datetime.time(s // 3600, s // 60 % 60, s % 60) for s in seconds.tolist()]
    for cells in (times, map(str, times)):
        np.testing.assert_array_equal(encode(frame(cells)), encode(frame(seconds)))


def test_midnight_as_text_is_read_among_times_of_day():
    times = [datetime.time(hour) for hour in range(24)] * 5
    encoder, written = ColumnEncoder().fit(frame(times)), ["00:00:00", "00:00", "06:00:00"]
    expected = encoder.transform(frame([times[0], times[0], times[6]]))
    np.testing.assert_array_equal(encoder.transform(frame(written)), expected)


SPANS = pd.to_timedelta(np.random.default_rng(1).integers(-50_000, 400_000, N), "s")
SECONDS = np.arange(60_000, 60_000 + 999 * N, 999)
HOURS = [f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}" for s in SECONDS]


@pytest.mark.parametrize("write", [str, lambda span: str(span.to_pytimedelta())])
def test_durations_as_text_are_durations(write):
    cells = [write(span) for span in SPANS]
    encoder, expected = ColumnEncoder().fit(frame(cells)), ColumnEncoder().fit(frame(SPANS))
    for a in (encoder, expected):
        for X in (frame(cells), frame(SPANS)):
            np.testing.assert_array_equal(a.transform(X), expected.transform(frame(SPANS)))
    assert "read as durations" in encoder.message()


def test_hours_beyond_a_day_are_durations_and_others_times_of_day():
    expected = ColumnEncoder().fit(frame(SECONDS)).transform(frame(SECONDS))
    X = frame(HOURS)
    np.testing.assert_array_equal(ColumnEncoder().fit(X).transform(X), expected)
    encoder = ColumnEncoder().fit(frame(HOURS[:20]))
    assert "times of day" in encoder.message()
    with pytest.raises(ValueError, match="no cell of it can be read"):
        encoder.transform(frame(HOURS[-9:]))


LEFT_OUT = {
    "names": [f"name {i}" for i in range(N)],
    "ids": [f"A{i}" for i in range(N)],
    "long ids": [str(10**18 + i) for i in range(N)],
    "codes with leading zeros": [f"{i:05d}" for i in range(N)],
    "units that differ": [f"{v} {'kg' if i % 2 else 'g'}" for i, v in enumerate(V)],
    "ranges": [f"{v:.0f} - {v + i:.0f}" for i, v in enumerate(V)],
}


@pytest.mark.parametrize("cells", LEFT_OUT.values(), ids=LEFT_OUT)
def test_text_with_nearly_as_many_levels_as_rows_is_left_out(cells):
    encoder = ColumnEncoder().fit(frame(cells, b=V))
    assert encoder.describe() == [("a", "left out", 0), ("b", "numeric", 1)]
    assert "TfidfVectorizer" in encoder.message()


def test_few_integers_as_text_stay_categories():
    encoder = ColumnEncoder().fit(frame(rng.choice(["1", "2", "3"], N)))
    assert (encoder.describe(), encoder.notes) == ([("a", "one-hot", 3)], {})


def test_a_chosen_column_stays_a_category():
    cells = [f"{v:.0f}" for v in V // 100]
    encoder = ColumnEncoder(["a"]).fit(frame(cells))
    assert (encoder.describe()[0][1], encoder.notes) == ("embedded", {})
    assert ColumnEncoder().fit(frame(cells).astype("category")).describe()[0][1] == "embedded"


def test_rows_of_weight_zero_do_not_decide():
    cells = [*(f"{v:.2f}" for v in V), *(f"word {i}" for i in range(N))]
    weight = np.repeat([1.0, 0.0], N)
    encoder, expected = ColumnEncoder().fit(frame(cells), weight), ColumnEncoder().fit(frame(V))
    np.testing.assert_array_equal(encoder.transform(frame(V)), expected.transform(frame(V)))
    repeated = ["100"] * 20 + [f"w{i}" for i in range(20)]
    assert ColumnEncoder().fit(frame(repeated)).describe()[0][1] != "numeric"
    weight = np.repeat([9.0, 1.0], 20)
    rows = np.repeat(np.arange(40), weight.astype(int))
    one = ColumnEncoder().fit(frame(repeated), weight)
    two = ColumnEncoder().fit(frame(repeated).iloc[rows])
    assert (one.describe(), one._readings) == (two.describe(), two._readings)


REFUSED = [
    (
        frame(DAYS),
        frame(DAYS.astype("int64")),
        "held dates without a time zone .* now holds numbers",
    ),
    (frame(DAYS), frame(DAYS.tz_localize("UTC")), "now holds dates with a time zone"),
    (frame(DAYS.tz_localize("UTC")), frame(DAYS), "now holds dates without a time zone"),
    (frame(V), frame(DAYS), "held numbers in fit, and now holds dates"),
    (frame(DAYS), frame(["soon"] * N), "now holds text such as 'soon'"),
    (frame(map("{:.1f}%".format, V)), frame(V), "unit '%'.* now holds numbers without it"),
    (frame(map("${:.1f}".format, V)), frame(["call"]), "no cell of it can be read"),
    (frame(list("ab") * 9), frame([0, 1]), "with levels such as 'a', 'b', and now holds numbers"),
    (frame(list("ab") * 9).astype("category"), frame([0, 1]), "Pass the levels as in fit"),
    (frame([True, False]), frame(["yes"]), "held booleans"),
    (frame([True, False]), frame([1, 2]), "held booleans"),
]


@pytest.mark.parametrize(("train", "test", "message"), REFUSED)
def test_a_column_that_cannot_mean_the_same_is_refused(train, test, message):
    encoder = ColumnEncoder().fit(train)
    with pytest.raises(ValueError, match=f"Column 'a' .*{message}"):
        encoder.transform(test)


def test_a_column_of_new_levels_only_is_said():
    encoder, notes = ColumnEncoder().fit(frame(list("abcd") * 9)), []
    encoder.transform(frame(["x", "y", None]), notes=notes)
    assert len(notes) == 1
    assert "Column 'a': all levels are new, for example 'x', 'y'," in notes[0]
    for cells in (["x", "x"], ["x", "y", "A"], [None, None]):  # one new city may be right
        notes.clear()
        encoder.transform(frame(cells), notes=notes)
        assert not notes


def test_the_form_of_a_letter_and_marks_without_width_make_no_level():
    cells = ["ros\u00e9", "rose\u0301", "\ufeffth\u00e9", "th\u00e9\u200b"] * 9
    encoder = ColumnEncoder().fit(frame(cells))
    assert encoder.describe() == [("a", "binary", 1)]
    assert len(np.unique(encoder.transform(frame(cells)))) == 2
    assert ColumnEncoder().fit(frame([f"\ufeff{v}" for v in V])).describe()[0][1] == "numeric"


def test_dates_chosen_as_categories_are_no_integers():
    X = frame(pd.to_datetime(["2020-01-01", "2021-01-01"] * 9))
    encoder = ColumnEncoder(["a"]).fit(X)
    np.testing.assert_array_equal(encoder.transform(X.astype(str)), encoder.transform(X))
    with pytest.raises(ValueError, match="now holds numbers, which cannot be compared"):
        encoder.transform(X.astype("int64"))


SAME = [
    ([True, False], ["True", "false"]),
    (["TRUE", "FALSE"], [True, False]),
    (["0.0", "1.0"], [0, 1]),
    (["0", "1"], ["0.0", "1e0"]),
    (["a", "b"], [" a", "b  "]),
    (["01", "02"], [1, 2]),
    ([0.5, 1.5], np.float32([0.5, 1.5])),
]


@pytest.mark.parametrize(("cells", "others"), SAME)
def test_spellings_of_a_level(cells, others):
    E = encode(frame(cells), categorical_features=[0])
    assert len(np.unique(E)) == 2
    np.testing.assert_array_equal(encode(frame(cells), frame(others), categorical_features=[0]), E)


def test_new_words_are_missing_with_a_note():
    encoder = ColumnEncoder().fit(frame([*(f"${v}" for v in V), "?", "call"]))
    notes = []
    E = encoder.transform(frame(["$1500", "call", "?", "gone"]), notes=notes)
    assert (E[1] == E[2]).all()
    assert (E[1] == E[3]).all()
    assert len(notes) == 1
    assert "'gone'" in notes[0]


def test_one_warning_names_all_columns():
    X = frame(map("${:,.2f}".format, V), when=DAYS.strftime("%d/%m/%Y"), name=LEFT_OUT["names"])
    X["b"] = V
    model = BackpropRegressor(max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="Columns of X that hold text") as seen:
        model.fit(X, V)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    for words in ("'a': read as numbers", "'when': read as dates", "'name': left out"):
        assert words in str(seen[0].message)
    report = model.column_report_
    assert [row["column"] for row in report] == ["a", "when", "name", "b"]
    assert [row["encoding"] for row in report] == ["numeric", "numeric", "left out", "numeric"]
    assert report[3]["note"] == ""
    with pytest.warns(UserWarning, match="count as missing, for example 'gone'"):
        model.predict(X.head(2).assign(a=["$1", "gone"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BackpropClassifier(max_iter=2, categorical_features=["c"]).fit(
            pd.DataFrame({"b": V, "c": (V // 100).astype(int).astype(str)}), V > 2000
        )


def test_readings_are_stored():
    X = frame(map("${:,.2f}".format, V), when=DAYS.strftime("%d/%m/%Y"), c=list("ab") * (N // 2))
    encoder = ColumnEncoder().fit(X)
    again = stored(encoder)
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))
    assert again.report() == encoder.report()


# Many texts at once --------------------------------------------------------------------------

ALIKE = ["%d/%m/%Y %H:%M", "%m-%d-%y", "%b %d, %Y %I:%M %p", "%A, %d %B %Y", "%H:%M:%S", "%b %Y"]
ALIKE += ["%Y-%m-%d", "%d.%m.%Y %H:%M:%S.%f", "ISO 8601", "%Y/%m/%d %H:%M UTC"]


@pytest.mark.parametrize("form", ALIKE)
def test_dates_read_together_are_those_of_datetime(form):
    """Digits at random, so that many days and times do not exist."""
    digits = np.random.default_rng(0)
    moment = datetime.datetime(2023, 10, 11, 22, 33, 44, 551234)
    shown = {"ISO 8601": "%Y-%m-%dT%H:%M:%S.%f"}.get(form, form)
    texts = [moment.strftime(shown), moment.replace(month=5, hour=9).strftime(shown)] * 300
    texts = [re.sub("[0-9]", lambda _: str(digits.choice(list("0011235"))), t) for t in texts]
    texts += ["31.12.1999", "x", "24:00:00", "", "1.2.3", "0000-01-01"]
    notation = DateNotation(form, aware=form.endswith("UTC"))
    assert notation.parse_all(texts) == [notation.number(text) for text in texts]
    assert 20 < sum(value is not None for value in notation.parse_all(texts)) < 600


def test_numbers_of_one_shape_are_read_alike():
    """The digits of a number do not matter, those of a unit and leading zeros do."""
    digits, signs = np.random.default_rng(0), "0123456789" * 2 + ".,,'’ _-+()$%emk²/"
    texts = ["".join(digits.choice(list(signs), digits.integers(1, 9))) for _ in range(3000)]
    texts += [f"{a}{b}" for a in ("5", "05", "1e2", "1e9", "-1,234") for b in (" m2", " m3", " m4")]
    for notation in [NumberNotation(*pair) for pair in ALL_SIGNS] + [NumberNotation(suffix="m2")]:
        for text, shape in zip(texts, shapes_of(texts), strict=True):
            assert notation.find(text) == notation.find(shape), (text, shape)
        expected = [notation.parse_all([text])[0] for text in texts]
        assert notation.parse_all(texts) == expected


@pytest.mark.parametrize("preset", ["fast", "plain"])
def test_a_name_that_is_too_long_is_cut_in_messages(preset):
    long = frame(V, b=V).rename(columns={"b": "b" * 100_000})
    model = BackpropRegressor(preset=preset, random_state=0).partial_fit(frame(V, b=V), V)
    for call in (model.predict, lambda X: model.partial_fit(X, V)):
        with pytest.raises(ValueError, match="unseen at fit time") as error:
            call(long)
        assert len(str(error.value)) < 400


def test_ranges_are_categories_or_left_out_with_a_warning():
    """Half of a range is no number: "10-20" is not -20, and "< 5" is not 5."""
    few = ColumnEncoder().fit(frame(["10-20", "20-30", "< 5", "> 90"] * 50))
    assert few.describe()[0][1] == "one-hot"
    with pytest.warns(UserWarning, match="left out"):
        BackpropRegressor(random_state=0).partial_fit(
            frame([f"{i}-{i + 10}" for i in range(N)], b=V), V
        )
