"""Reading pickled lists: what NumPy writes is read, what a hostile hand writes is refused."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import DataFileError
from minidl.datasets._npz import read_npz


def object_array(items: list) -> np.ndarray:
    array = np.empty(len(items), object)
    for number, item in enumerate(items):
        array[number] = item
    return array


def header(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    return stream.getvalue()


def write(tmp_path: Path, pickled: bytes, length: int = 1) -> Path:
    """An .npz file whose array `x` has `pickled` behind a header for `length` objects."""
    file = tmp_path / "data.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", header(np.empty(length, object)) + pickled)
    return file


def read(file: Path) -> list:
    (items,) = read_npz(file, ("x",))
    return items


LISTS = [[3, 1, 2], [], [70_000, 2**40, -5]]


class TestReads:
    def test_what_numpy_saves(self, tmp_path: Path):
        file = tmp_path / "data.npz"
        for save in (np.savez, np.savez_compressed):
            save(file, x=object_array(LISTS), y=np.array([1, 0, 1]))
            x, y = read_npz(file, ("x", "y"))
            assert x == LISTS
            assert type(x[0][0]) is int
            assert y.tolist() == [1, 0, 1]

    @pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
    def test_both_names_of_numpys_core(self, tmp_path: Path, module: bytes):
        pickled = pickle.dumps(object_array(LISTS), protocol=3)
        pickled = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        pickled = pickled.replace(b"numpy.core.multiarray", module)
        assert read(write(tmp_path, pickled, 3)) == LISTS

    def test_what_python_2_wrote(self, tmp_path: Path):
        pickled = (
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\0(cnumpy\nndarray\n(I0\ntU\x01btR"
            b"(I1\n(I2\ntcnumpy\ndtype\n(U\x02O8I0\nI1\ntR(I3\nU\x01|NNNI-1\nI-1\nI63\ntbI00\n"
            b"](](I1\nI2\ne](I7\neetb."
        )
        assert pickle.loads(pickled).tolist() == [[1, 2], [7]]  # it is what it claims to be
        assert read(write(tmp_path, pickled, 2)) == [[1, 2], [7]]

    @pytest.mark.parametrize("code", ["i1", "u1", "<i2", ">i2", "<u4", "<i8", ">i8", ">u8"])
    def test_numpys_integers(self, tmp_path: Path, code: str):
        values = [np.array(value, code)[()] for value in (0, 100, np.iinfo(code).max)]
        # A scalar of foreign byte order must be pickled as such to be a test of it.
        pickled = pickle.dumps(object_array([values]))
        received = read(write(tmp_path, pickled))
        assert received == [[int(value) for value in values]]
        assert {type(value) for value in received[0]} == {int}

    def test_a_big_endian_scalar(self, tmp_path: Path):
        class Scalar:
            def __reduce__(self):
                build = np.int64(1).__reduce__()[0]
                return build, (np.dtype(">i4"), b"\xff\xff\xff\xfe")

        assert read(write(tmp_path, pickle.dumps(object_array([Scalar()])))) == [-2]


class Call:
    """Pickles to a call of `function` with `arguments`."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def marker_command(folder: Path) -> str:
    return f"echo run > {folder / 'marker'}"


def array_pickle(subtype: bytes, dtype: bytes, shape: bytes, items: bytes) -> bytes:
    """The pickle of an array, in protocol 2, from its parts."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n("
        + subtype
        + b"(I0\ntC\x01btR(I1\n"
        + shape
        + dtype
        + b"I00\n"
        + items
        + b"tb."
    )


NDARRAY = b"cnumpy\nndarray\n"
OBJECT = b"cnumpy\ndtype\n(X\x02\0\0\0O8I0\nI1\ntR"


class TestRefuses:
    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (lambda d: Call(os.system, marker_command(d)), rf"{os.name}\.system"),
            (lambda d: Call(eval, f"open({str(d / 'marker')!r}, 'w')"), r"builtins\.eval"),
            (lambda d: Call(open, str(d / "marker"), "w"), r"\w*io\.open"),
            (lambda d: Call(np.save, str(d / "marker"), 1), r"numpy\.save"),
            (lambda d: Call(np.frombuffer, b"12345678"), r"\S*\.frombuffer"),
            (lambda d: Call(bytearray, b"1"), r"builtins\.bytearray"),
            (lambda d: np.float64, r"numpy\.float64"),
            (lambda d: marker_command, r"\S*\.marker_command"),
        ],
    )
    def test_other_names(self, tmp_path: Path, make, name: str, nested: bool):
        value = make(tmp_path)
        file = write(tmp_path, pickle.dumps(object_array([[1, value]]) if nested else value))
        with pytest.raises(DataFileError, match=rf"asks for {name}: the file may be hostile") as e:
            read(file)
        assert str(file) in str(e.value)
        assert "nothing of it was run" in str(e.value)
        assert not (tmp_path / "marker").exists()

    def test_the_hostile_files_would_work_without_the_guard(self, tmp_path: Path):
        file = write(tmp_path, pickle.dumps(Call(open, str(tmp_path / "marker"), "w")))
        with np.load(file, allow_pickle=True) as data:
            data["x"].close()
        assert (tmp_path / "marker").exists()

    @pytest.mark.parametrize(
        "pickled",
        [
            pytest.param(b"(ios\nsystem\n.", id="INST"),
            pytest.param(b"(cos\nsystem\nX\x04\0\0\0trueo.", id="OBJ"),
            pytest.param(b"\x80\x02cos\nsystem\n)\x81.", id="NEWOBJ"),
            pytest.param(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", id="STACK_GLOBAL"),
        ],
    )
    def test_every_opcode_that_names_something(self, tmp_path: Path, pickled: bytes):
        with pytest.raises(DataFileError, match=r"asks for os\.system"):
            read(write(tmp_path, pickled))

    def test_the_extension_registry(self, tmp_path: Path):
        copyreg.add_extension("os", "system", 240)
        try:
            with pytest.raises(DataFileError, match=r"asks for os\.system"):
                read(write(tmp_path, b"\x80\x02\x82\xf0."))
        finally:
            copyreg.remove_extension("os", "system", 240)

    @pytest.mark.parametrize(
        ("pickled", "message"),
        [
            pytest.param(b"Pelsewhere\n.", "persistent", id="persistent id"),
            pytest.param(
                pickle.dumps(Call(np.ndarray, (1,), "O", b"12345678")),
                "not callable",
                id="array over chosen memory",
            ),
            pytest.param(
                b"\x80\x02" + NDARRAY + b")\x81.", "must be a type|not a type", id="new ndarray"
            ),
            pytest.param(
                b"\x80\x02" + NDARRAY + b"}X\x08\0\0\0__call__K\x01sb.",
                "__dict__|attribute",
                id="change of a stand-in",
            ),
            pytest.param(
                b"\x80\x02" + NDARRAY + b"N}X\x08\0\0\0__call__K\x01s\x86b.",
                "read-only|attribute",
                id="change of a stand-in's slots",
            ),
            pytest.param(pickle.dumps(np.dtype("V8")), "the dtype 'V8'", id="raw bytes"),
            pytest.param(pickle.dumps(np.dtype("f8")), "the dtype 'f8'", id="float dtype"),
            pytest.param(
                pickle.dumps(object_array([np.float64(1.5)])), "the dtype 'f8'", id="float scalar"
            ),
            pytest.param(
                pickle.dumps(object_array([np.arange(3)]), protocol=4),
                "items are not objects",
                id="array of integers within",
            ),
            pytest.param(
                array_pickle(b"X\x01\0\0\0a", OBJECT, b"(I0\nt", b"]"),
                "an array of type 'a'",
                id="array of another type",
            ),
            pytest.param(
                array_pickle(NDARRAY, b"X\x02\0\0\0O8", b"(I0\nt", b"]"),
                "items are not objects",
                id="dtype that is none",
            ),
            pytest.param(
                array_pickle(NDARRAY, OBJECT, b"(I8\nt", b"C\x0812345678"),
                "shape and items disagree",
                id="bytes for items",
            ),
            pytest.param(
                array_pickle(NDARRAY, OBJECT, b"(I2\nt", b"](K\x01e"),
                "shape and items disagree",
                id="other length",
            ),
            pytest.param(
                pickle.dumps(object_array([1, 2])), r"shape \(1,\) over 2 items", id="other header"
            ),
            pytest.param(pickle.dumps({"a": 1}), "a pickled dict", id="no array"),
            pytest.param(b"", "Ran out of input", id="empty"),
            pytest.param(pickle.dumps(object_array([1]))[:-9], "truncated|expected", id="cut"),
        ],
    )
    def test_forged_arrays(self, tmp_path: Path, pickled: bytes, message: str):
        with pytest.raises(DataFileError, match=f"x to be .* received .*({message})"):
            read(write(tmp_path, pickled))
        # What was refused has left no trace in the reader.
        good = object_array(LISTS)
        assert read(write(tmp_path, pickle.dumps(good), 3)) == LISTS

    def test_an_integer_of_the_wrong_length(self, tmp_path: Path):
        build, (dtype, _) = np.int64(1).__reduce__()
        file = write(tmp_path, pickle.dumps(object_array([Call(build, dtype, b"1234")])))
        with pytest.raises(DataFileError, match="an integer i8 of 4 bytes"):
            read(file)


class TestDamaged:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        file = tmp_path / "data.npz"
        np.savez(file, x=object_array([[1, 2]] * 50), y=np.ones((2, 2)), z=np.array(["a"]))
        return file

    def test_cut_short(self, good: Path):
        good.write_bytes(good.read_bytes()[:-30])
        with pytest.raises(DataFileError, match=r"data.npz: expected an intact \.npz"):
            read(good)

    def test_no_archive(self, good: Path):
        good.write_bytes(b"<html>not here</html>")
        with pytest.raises(DataFileError, match=r"intact \.npz file, received File is not a zip"):
            read(good)

    def test_changed_bit(self, good: Path):
        content = bytearray(good.read_bytes())
        content[content.index(b"numpy._core" if b"numpy._core" in content else b"numpy.core")] ^= 1
        good.write_bytes(content)
        with pytest.raises(DataFileError, match=r"intact \.npz file, received Bad CRC-32"):
            read(good)

    def test_missing_array(self, good: Path):
        with pytest.raises(DataFileError, match="expected arrays x, w, received none named w"):
            read_npz(good, ("x", "w"))

    def test_more_than_one_axis(self, good: Path):
        with pytest.raises(DataFileError, match=r"y to be a one-dim.* received shape \(2, 2\)"):
            read_npz(good, ("y",))
