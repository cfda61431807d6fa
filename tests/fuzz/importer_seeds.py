#!/usr/bin/env python3
"""Writes the first inputs of importer_fuzz, tiny models of many kinds: importer_seeds.py FOLDER

Needs the package onnx. The result lies in tests/fuzz/corpus."""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


def value(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def constant(name, numbers, kind=np.float32):
    return numpy_helper.from_array(np.array(numbers, kind), name)


def op(kind, inputs, outputs, domain="", **attributes):
    return h.make_node(kind, inputs.split(), outputs.split(), domain=domain, **attributes)


def model(nodes, inputs, outputs, constants=(), opset=17):
    graph = h.make_graph(nodes, "g", inputs, [onnx.ValueInfoProto(name=name) for name in outputs], list(constants))
    imports = [h.make_opsetid("", opset), h.make_opsetid("com.microsoft", 1)]
    return h.make_model(graph, opset_imports=imports, ir_version=8, producer_name="")


def body(nodes, inputs, outputs, constants=()):
    return h.make_graph(nodes, "b", inputs, outputs, list(constants))


def seeds():
    x = value("x", ["N", 3])
    image = value("x", [1, 2, 4, 4])
    yield "mlp", model([op("Gemm", "x w b", "h", transB=1), op("Relu", "h", "r"), op("Softmax", "r", "y")], [x], ["y"],
                       [constant("w", [[1, 2, 3], [4, 5, 6]]), constant("b", [1, 2])])
    yield "conv", model([op("Conv", "x w", "c", pads=[1, 1, 1, 1]), op("MaxPool", "c", "y", kernel_shape=[2, 2])],
                        [image], ["y"], [constant("w", np.ones((2, 2, 3, 3)))])
    yield "shape", model([op("Shape", "x", "s"), op("Slice", "s zero one", "n"), op("Concat", "n three", "t", axis=0),
                          op("Reshape", "x t", "y")], [x], ["y"],
                         [constant("zero", [0], np.int64), constant("one", [1], np.int64),
                          constant("three", [-1], np.int64)])
    yield "nonzero", model([op("NonZero", "x", "p"), op("Transpose", "p", "t"), op("GatherND", "x t", "y")], [x], ["y"])
    yield "unique", model([op("Unique", "x", "y i j k", axis=1), op("TopK", "y one", "v w")], [x], ["v", "i"],
                          [constant("one", [1], np.int64)])
    then = body([op("Neg", "x", "r")], [], [onnx.ValueInfoProto(name="r")])
    other = body([op("Abs", "x", "r")], [], [onnx.ValueInfoProto(name="r")])
    yield "if", model([op("ReduceMax", "x", "m", keepdims=0), op("Cast", "m", "c", to=T.BOOL),
                       op("If", "c", "y", then_branch=then, else_branch=other)], [x], ["y"])
    loop = body([op("Add", "v one", "w"), op("Less", "w limit", "go_on"), op("Identity", "w", "seen")],
                [value("i", [], T.INT64), value("go", [], T.BOOL), value("v", [])],
                [value("go_on", [], T.BOOL), value("w", []), value("seen", [])])
    yield "loop", model([op("ReduceSum", "x", "s", keepdims=0), h.make_node("Loop", ["", "", "s"], ["y", "all"], body=loop)],
                        [x], ["y", "all"], [constant("one", 1), constant("limit", 3)])
    scan = body([op("Add", "s r", "t"), op("Identity", "t", "o")], [value("s", [3]), value("r", [3])],
                [value("t", [3]), value("o", [3])])
    yield "scan", model([op("Scan", "zero x", "y all", body=scan, num_scan_inputs=1)], [value("x", [2, 3])],
                        ["y", "all"], [constant("zero", [0, 0, 0])])
    yield "scan8", model([h.make_node("Scan", ["", "s", "x"], ["y", "all"], body=scan, num_scan_inputs=1)],
                         [value("s", [1, 3]), value("x", [1, 2, 3])], ["y", "all"], opset=8)
    yield "lstm", model([op("LSTM", "x w r", "y h c", hidden_size=1)], [value("x", [2, 1, 3])], ["y", "h"],
                        [constant("w", np.ones((1, 4, 3))), constant("r", np.ones((1, 4, 1)))])
    yield "quantised", model([op("QuantizeLinear", "x s z", "q"), op("QLinearMatMul", "q s z w s z s z", "p"),
                              op("DequantizeLinear", "p s z", "y")], [x], ["y"],
                             [constant("s", 0.5), constant("z", 3, np.uint8), constant("w", np.ones((3, 2)), np.uint8)])
    yield "attention", model([op("Attention", "q k v", "y", q_num_heads=1, kv_num_heads=1, is_causal=1)],
                             [value(name, [1, 2, 2]) for name in "qkv"], ["y"], opset=23)
    yield "grouped", model([h.make_node("GroupQueryAttention", ["q", "k", "v", "", "", "last", "total"], ["y"],
                                        domain="com.microsoft", num_heads=2, kv_num_heads=1)],
                           [value("q", [1, 1, 4]), value("k", [1, 1, 2]), value("v", [1, 1, 2])], ["y"],
                           [constant("last", [0], np.int32), constant("total", 1, np.int32)])
    yield "nbits", model([op("MatMulNBits", "x w s", "y", domain="com.microsoft", K=16, N=1, block_size=16)],
                         [value("x", [1, 16])], ["y"],
                         [constant("w", np.ones((1, 1, 8)), np.uint8), constant("s", [[0.5]])])
    yield "norms", model([op("LayerNormalization", "x w b", "n"), op("SkipLayerNormalization", "n x w b", "y",
                                                                     domain="com.microsoft")], [x], ["y"],
                         [constant("w", [1, 2, 3]), constant("b", [0, 0, 1])])
    yield "resize", model([h.make_node("Resize", ["x", "", "s"], ["r"], mode="linear"),
                           op("RoiAlign", "r boxes which", "y", output_height=2, output_width=2)], [image], ["y"],
                          [constant("s", [1, 1, 2, 2]), constant("boxes", [[0, 0, 2, 2]]),
                           constant("which", [0], np.int64)])
    yield "einsum", model([op("Einsum", "x x", "e", equation="ij,kj->ik"), op("CumSum", "e zero", "y")], [x], ["y"],
                          [constant("zero", 0, np.int64)])
    yield "suppression", model([op("NonMaxSuppression", "boxes scores most", "y")],
                               [value("boxes", [1, 2, 4]), value("scores", [1, 1, 2])], ["y"],
                               [constant("most", [1], np.int64)])
    yield "sequence", model([op("SplitToSequence", "x", "s", axis=1), op("SequenceAt", "s one", "y"),
                             op("ConcatFromSequence", "s", "z", axis=0)], [x], ["y", "z"],
                            [constant("one", 1, np.int64)])
    yield "signal", model([op("DFT", "x", "f", axis=1), op("ReduceL2", "f", "y")], [value("x", [1, 4, 1])], ["y"])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in seeds():
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())


if __name__ == "__main__":
    main()
