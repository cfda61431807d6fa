#!/usr/bin/env python3
"""compare.py GOT WANT: two .npy files of f32, without NumPy. Ends with 1 when they are not close."""
import ast
import pathlib
import struct
import sys


def read(path):
    data = pathlib.Path(path).read_bytes()
    assert data[:6] == b"\x93NUMPY", f"{path} is no .npy file"
    wide = data[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = (12 if wide else 10) + length
    header = ast.literal_eval(data[start - length:start].decode())
    assert header["descr"] == "<f4", f"{path} holds {header['descr']}"
    return header["shape"], struct.unpack_from(f"<{(len(data) - start) // 4}f", data, start)


(got_shape, got), (want_shape, want) = read(sys.argv[1]), read(sys.argv[2])
if got_shape != want_shape:
    sys.exit(f"shape {got_shape}, TensorFlow's is {want_shape}")
largest = max(abs(a - b) for a, b in zip(got, want))
print(f"{len(got)} predictions, mean {sum(got) / len(got):.6f}, largest difference from TensorFlow {largest:.1g}")
sys.exit(0 if largest <= 1e-5 * max(map(abs, want)) else 1)
