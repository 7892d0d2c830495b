"""What is given to the Dask estimators: right, or refused in words that say what to do."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
pandas = pytest.importorskip("pandas")

from dask import delayed  # noqa: E402

from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 600
TABLE = pandas.DataFrame(rng.normal(size=(N, 3)), columns=list("abc"))
TABLE["city"] = np.where(rng.random(N) < 0.5, "Rome", "Oslo")
y = TABLE["a"] + TABLE["b"]
X = TABLE[list("abc")].to_numpy()


def model(kind=DaskBackpropRegressor, **params):
    small = {"max_iter": 2, "sample_rows": 300, "batch_size": 64, "random_state": 0}
    return kind(**small | params)


def parts(data, npartitions=2):
    return dd.from_pandas(data, npartitions=npartitions)


def rows():
    return da.from_array(X, chunks=(300, 3)), da.from_array(y.to_numpy(), chunks=300)


@pytest.mark.parametrize("kind", [DaskBackpropClassifier, DaskBackpropRegressor])
@pytest.mark.parametrize("partitioned", [False, True])
def test_own_parameters_are_checked_with_all_others(client, kind, partitioned):
    given = rows() if partitioned else (X, y)
    wrong = kind(sync="epochs", sample_rows=0, client="tcp://a", tol=-1.0)
    with pytest.raises(ValueError, match="'sync' parameter") as raised:
        wrong.fit(*given)
    text = str(raised.value)
    assert "Did you mean 'epoch'?" in text
    assert all(f"The {name!r} parameter of" in text for name in ("sample_rows", "client", "tol"))


def test_a_wrong_parameter_is_refused_before_anything_is_computed(client):
    computed = []
    part = delayed(lambda: computed.append(1))()
    with pytest.raises(ValueError, match="'sample_rows' parameter"):
        model(sample_rows=2.5).fit([part], [part])
    assert not computed


@pytest.mark.parametrize(
    ("match", "given"),
    [
        ("y is required, got None", lambda: (rows()[0], None)),
        ("X has no column 'price'", lambda: (parts(TABLE), "price")),
        ("X needs named columns, one of which is 'price', got Array", lambda: (rows()[0], "price")),
        (
            "Partition 0 needs named columns, one of which is 'y', got ndarray",
            lambda: ([delayed(X)], "y"),
        ),
        ("X needs rows and columns, got Array of 1 dim", lambda: (rows()[1], rows()[1])),
        ("X needs rows and columns, got Series of 1 dim", lambda: (parts(y), parts(y))),
        (r"X needs one of Dask arrays.* is \[part\]", lambda: (delayed(X), delayed(y))),
        ("got list of .*, ndarray", lambda: ([delayed(X), X], [delayed(y), y])),
        ("the same partitions, got {'X': 2, 'y': 3}", lambda: (parts(TABLE), parts(y, 3))),
    ],
)
def test_what_is_no_table_with_labels_is_refused(client, match, given):
    with pytest.raises((TypeError, ValueError), match=match):
        model().fit(*given())


def test_labels_in_another_order_are_said_and_rows_are_taken_by_position(client):
    other = y.sample(frac=1, random_state=0)
    numbers = pandas.Series(other.to_numpy(), TABLE.index)
    expected = model().fit([delayed(TABLE)], [delayed(numbers)]).predict(TABLE)
    with pytest.warns(UserWarning, match="The rows of y of partition 0 have the labels"):
        ours = model().fit([delayed(TABLE)], [delayed(other)])
    assert_array_equal(ours.predict(TABLE), expected)


def test_another_index_at_the_same_places_does_not_matter(client):
    other = y.set_axis(y.index + 1000)
    ours = model().fit(parts(TABLE), parts(other)).predict(TABLE)
    assert_array_equal(ours, model().fit(parts(TABLE), parts(y)).predict(TABLE))


def test_divisions_need_not_be_known(client):
    table = parts(TABLE.assign(y=y)).clear_divisions()
    ours = model().fit(table, "y")
    lazy = ours.predict(table.drop(columns="y"))
    assert not lazy.known_divisions
    assert_array_equal(lazy.compute(), ours.predict(TABLE))


def test_a_client_that_is_closed(client):
    closed = distributed.Client(client.scheduler.address, set_as_default=False)
    closed.close()
    with pytest.raises(ValueError, match="status 'closed'"):
        model(client=closed).fit(*rows())


def test_numbers_that_are_written_as_text(client):
    texts = TABLE.assign(a=[f"{value:.3f}" for value in TABLE["a"]])
    with pytest.warns(UserWarning, match="read as numbers"):
        ours = model().fit(parts(texts), parts(y))
    assert_array_equal(ours.predict(parts(texts)).compute(), ours.predict(texts))
    cells = texts.to_numpy(object)
    with pytest.warns(UserWarning, match="read as numbers"):
        ours = model().fit(cells, y)
    lazy = ours.predict(da.from_array(cells, chunks=(300, 4)))
    assert_array_equal(lazy.compute(), ours.predict(cells))


def test_a_prediction_has_the_model_once(client):
    ours = model().fit(TABLE, y)
    lazy = ours.predict(parts(TABLE, 20))
    held = [task for task in map(str, lazy.__dask_graph__()) if "BackpropRegressor" in task]
    assert len(held) == 1


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_predictions_of_what_is_no_collection_are_refused(client, method):
    ours = model(DaskBackpropClassifier).fit(TABLE, y > 0)
    with pytest.raises(TypeError, match=rf"{method} needs a Dask array .*\.{method}\)\(part\)"):
        getattr(ours, method)([delayed(TABLE)])
    with pytest.raises(ValueError, match="rows and columns, got Array of 1"):
        getattr(ours, method)(rows()[1])


def test_resolved_parameters(client):
    ours = model(sync="epoch").fit(TABLE, y)
    again = DaskBackpropRegressor(**ours.resolved_params_).fit(TABLE, y)
    assert again.sync == "epoch"
    assert_array_equal(again.predict(TABLE), ours.predict(TABLE))


def test_another_cluster_in_the_same_process(client):
    # Dask released the objects of the workers: their only futures were those of `client`.
    with distributed.Client(n_workers=1, processes=False, dashboard_address=":0") as other:
        found = model(client=other).fit(*rows())
    expected = model(client=client).fit(*rows())
    assert_array_equal(found.network_.theta, expected.network_.theta)
