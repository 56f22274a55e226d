"""docs/do/from_keras.md: its program runs, its tables are found anew, its sentences hold."""

from __future__ import annotations

import re
import warnings
import zipfile

import numpy as np
import pytest

import minidl
from tests import from_keras
from tests.from_keras import BEGIN, END, MODULES, PAGE, VERSION
from tests.keras_arguments import compared
from tests.oracle import keras, tf

TABLES = PAGE.read_text(encoding="utf-8")
GUIDE = PAGE.parents[1] / "do" / "from_keras.md"
X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def model(**options: object) -> minidl.Sequential:
    made = minidl.Sequential(
        [minidl.Input((3,)), minidl.layers.Dense(2, "softmax", kernel_regularizer="l2")]
    )
    made.compile("adam", "sparse_categorical_crossentropy", **options)
    return made


def test_the_program_runs_with_other_imports():
    text = GUIDE.read_text(encoding="utf-8")
    instead, *blocks = re.findall(r"```pyt?h?o?n?\n(.*?)```", text, flags=re.S)
    names: dict[str, object] = {}
    minidl.utils.set_random_seed(1)
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    # Each line of imports stands there as for Keras, with another first name.
    imports = [line.replace("minidl as keras", "keras") for line in blocks[0].splitlines()]
    theirs = instead.replace("from tensorflow import", "import").replace(
        "tensorflow.keras", "minidl"
    )
    assert imports == theirs.splitlines()
    # Half of the rows are of each class; a straight line parts them, and dropout and L2 blur it.
    assert names["accuracy"] > 0.9
    assert len(names["history"].history["val_loss"]) == 20


def test_tensorflow_beside_minidl():
    """A tf.data.Dataset is the same as its arrays; TensorFlow's functions make a metric."""

    @tf.function
    def distance(y, predictions):
        return tf.reduce_mean(tf.abs(tf.cast(y, tf.float32) - predictions))

    made = minidl.Sequential([minidl.Input((3,)), minidl.layers.Dense(1)])
    made.compile("sgd", "mse", metrics=[distance, "mae"])
    rows = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)
    history = made.fit(rows.repeat(), steps_per_epoch=2, verbose=0).history
    # The mean of two equal batches, once of float32 means, once of a float32 sum.
    np.testing.assert_allclose(history["distance"], history["mae"], rtol=1e-6)
    whole = made.evaluate(X, Y, batch_size=10, verbose=0)
    np.testing.assert_array_equal(made.evaluate(rows, verbose=0), whole)
    np.testing.assert_array_equal(made.predict(rows), made.predict(X, batch_size=10))


def test_functions_of_keras_2s_backend_are_in_ops():
    for name in ("abs", "clip", "mean", "round", "sqrt", "square", "sum"):
        values = np.array([0.25, 2.0], np.float32)
        limits = (0.0, 1.0) if name == "clip" else ()
        # Both are NumPy's and Eigen's functions of float32: a unit in the last place.
        np.testing.assert_allclose(
            getattr(minidl.ops, name)(values, *limits),
            getattr(tf.keras.backend, name)(tf.constant(values), *limits),
            rtol=1e-6,
        )
    with pytest.raises(AttributeError, match="in minidl"):
        minidl.backend.square  # noqa: B018
    assert minidl.backend.epsilon() == keras.backend.epsilon()


def test_errors_where_keras_warns(tmp_path):
    with pytest.raises(ValueError, match="InverseTimeDecay"):
        minidl.optimizers.SGD(0.1, decay=1e-6)
    with pytest.warns(UserWarning, match="ignored"):
        keras.optimizers.SGD(0.1, decay=1e-6)
    watch = {"monitor": "val_acc", "save_best_only": True, "mode": "max"}
    path = tmp_path / "best.keras"
    with pytest.raises(ValueError, match="val_acc"):
        model().fit(X, Y, verbose=0, callbacks=minidl.callbacks.ModelCheckpoint(path, **watch))
    assert not path.exists()
    theirs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    theirs.compile("adam", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="val_acc available"):
        theirs.fit(X, Y, verbose=0, callbacks=[keras.callbacks.ModelCheckpoint(path, **watch)])
    assert path.exists()


def test_the_tables_are_what_the_packages_say():
    """With another version of Keras than the page's the tables are made all the same."""
    written = TABLES.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    found = list(from_keras.tables())
    assert found[0].startswith(f"Public names of Keras {VERSION},")
    if f"of Keras {VERSION}," in TABLES:
        assert written == found


def test_the_command_writes_between_the_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(from_keras, "tables", lambda: iter(["a", "b"]))
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\nafter\n")
    assert from_keras.main([str(page)]) == 0
    assert page.read_text() == f"before\n\n{BEGIN}\n\na\nb\n\n{END}\nafter\n"


def test_a_name_is_here_absent_or_answered():
    class Theirs:
        __module__ = "keras.made"
        one = two = three = 1

    class Ours:
        one = 1

        @property
        def two(self):
            raise AttributeError("write one")

    answers = {name: answer for name, *_, answer in from_keras.found(Theirs(), Ours())}
    assert answers == {"one": "", "two": "write one", "three": "absent"}


def test_arguments_are_compared():
    class Theirs:
        def __init__(self, a, b=1, c="x", d=None, e=2, f=None, g=None): ...

    class Ours:
        def __init__(self, a=0, e=2, b=2, *, f=None, g=(), **options):
            if f is not None:
                raise ValueError(f"f: expected None, because rows are flat, received {f!r}")
            if g:
                warnings.warn("Ours: g changes nothing, because it is late", stacklevel=2)
            if "c" in options:
                raise TypeError("unknown argument 'c'")

    assert [(name, said) for name, said in compared("Theirs", Theirs, Ours) if said] == [
        ("a", "`0`, in Keras needed"),
        ("b", "`2`, in Keras `1`"),
        ("c", "absent"),
        ("d", "by name only"),
        ("f", "expected None, because rows are flat"),
        ("g", "changes nothing, because it is late"),
        ("b", "argument 3, in Keras 2"),
    ]


def test_names_with_the_same_answer_are_one_line():
    def load(path="a", rows=1): ...
    def save(path="b", rows=1): ...
    def ours(path=None): ...

    things = [("load", load, ours, ""), ("save", save, ours, ""), ("other", load, None, "absent")]
    assert from_keras.arguments(things) == {
        ("`load`, `save`", "`None`, in Keras another for each"): ["path"],
        ("`load`, `save`", "absent"): ["rows"],
    }


# The sentences of "Answered otherwise, on purpose", one by one.


def test_random_numbers_are_others():
    first = []
    for package in (minidl, minidl, keras):
        package.utils.set_random_seed(3)
        network = package.Sequential([package.Input((3,)), package.layers.Dense(2)])
        first.append(network.get_weights()[0])
    np.testing.assert_array_equal(first[0], first[1])
    assert not np.allclose(first[0], first[2], atol=1e-3)


def test_bad_data_is_refused():
    x = X.copy()
    x[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"finite numbers .* nan in row 7"):
        model().fit(x, Y, verbose=0)
    with pytest.raises(ValueError, match="expected class numbers 0 … 1 for 2 output units"):
        model().fit(X, Y + 1, verbose=0)


def test_functions_of_ones_own():
    def error(y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    with pytest.raises(TypeError, match=r"minidl\.losses\.from_functions\(error, error_gradient\)"):
        model().compile("adam", error)
    model().compile("adam", "mse", metrics=[error])


def test_compile():
    with pytest.raises(ValueError, match="expected a loss"):
        minidl.Sequential([minidl.layers.Dense(1)]).compile("adam")
    for name, value in (("jit_compile", True), ("steps_per_execution", 8)):
        with pytest.warns(UserWarning, match=f"{name} changes nothing"):
            model(**{name: value})


def test_fit_says_once_that_it_goes_on():
    network = model()
    network.fit(X, Y, verbose=0)
    with pytest.warns(UserWarning, match="fit continues from step 1"):
        network.fit(X, Y, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = network.fit(X, Y, verbose=0).history
    parts = history["data_loss"][0] + history["penalty"][0]
    assert history["loss"][0] == pytest.approx(parts, rel=1e-6)  # three float32 sums


def test_a_saved_model(tmp_path):
    path = tmp_path / "model.npz"
    network = model()
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    # What reads the text is json, what reads the arrays refuses pickles: tests/saving shows both.
    assert [name for name in names if not name.endswith(".npy")] == ["config.json"]
    loaded = minidl.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    network.save(tmp_path / "model.keras")
    read = keras.models.load_model(tmp_path / "model.keras")
    # Sums of some ten products of float32, in another order.
    np.testing.assert_allclose(read.predict(X, verbose=0), network.predict(X), rtol=1e-5)


def test_layers_of_other_networks_answer_when_they_are_made():
    answered = [
        (name, ours)
        for name, _, ours, answer in from_keras.found(keras.layers, minidl.layers)
        if answer not in ("", "absent")
    ]
    assert len(answered) > 100
    for name, kind in answered:
        with pytest.raises(NotImplementedError, match=f"{name} is none of minidl's layers: "):
            kind(3)


def test_every_module_has_its_row():
    for name in MODULES:
        assert f"\n| `{name}` | " in TABLES
