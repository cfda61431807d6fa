#!/usr/bin/env python3
"""Trains the small network of this example with Keras and writes what the example runs on.

  mlp.onnx       Dense 64-32-16-1 on 100 inputs, batch size open (symbol N)
  inputs.npy     f32 [1000, 100]
  outputs.npy    f32 [1000, 1], what TensorFlow makes of them

Needs TensorFlow and tf2onnx; nobody who runs the example needs them: their results lie beside it. The task is made up:
a smooth function of the first inputs, so that nothing has to be downloaded.
"""
import pathlib

import numpy as np
import tensorflow as tf
import tf2onnx

HERE = pathlib.Path(__file__).parent


def target(x):
    return (np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3:10].sum(axis=1)).astype(np.float32)[:, None]


def main():
    tf.keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    train = random.uniform(-1, 1, (8000, 100)).astype(np.float32)
    test = random.uniform(-1, 1, (1000, 100)).astype(np.float32)
    layers = [tf.keras.layers.Dense(n, activation="relu") for n in (64, 32, 16)] + [tf.keras.layers.Dense(1)]
    model = tf.keras.Sequential([tf.keras.Input((100,), name="x"), *layers])
    model.compile("adam", "mse")
    model.fit(train, target(train), epochs=10, batch_size=64, verbose=0)

    run = tf.function(lambda x: {"y": model(x, training=False)})
    signature = [tf.TensorSpec((None, 100), tf.float32, name="x")]
    tf2onnx.convert.from_function(run, input_signature=signature, opset=17, output_path=str(HERE / "mlp.onnx"))

    outputs = model(test, training=False).numpy()
    np.save(HERE / "inputs.npy", test)
    np.save(HERE / "outputs.npy", outputs)
    print("mean squared error", float(np.mean((outputs - target(test)) ** 2)), "mean prediction", float(outputs.mean()))


if __name__ == "__main__":
    main()
