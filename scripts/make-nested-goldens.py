"""Writes test/golden/nested.* and test/golden/sequential.*: small models of Keras's with models in them, and their answers.

Layers of one class stand outside and inside the nested models, some under automatic names that do not count from zero.
Run with Keras 3 and TensorFlow: KERAS_BACKEND=tensorflow python scripts/make-nested-goldens.py
"""

import json
import pathlib

import keras
import numpy as np

L = keras.layers
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "test" / "golden"


def fill(model):
    """Values that a test can compute again, of another kind for every weight."""
    for k, weight in enumerate(model.weights):
        values = (((np.arange(np.prod(weight.shape)) * 37 + k * 11) % 23 - 11) / 40).reshape(weight.shape)
        if weight.path.endswith("variance"):
            values = 0.5 + abs(values)
        weight.assign(values.astype("float32"))


def inner(name):
    x = keras.Input((8, 8, 4))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x))
    return keras.Model(x, L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(y)), name=name)


def base():
    x = keras.Input((8, 8, 4))
    y = inner(None)(L.BatchNormalization()(x))
    model = keras.Model(x, L.Conv2D(4, 3, padding="same", use_bias=False)(y), name="base")
    for layer in model.layers[:3]:
        layer.trainable = False
    return model


def nested():
    # Counters that have moved on, as in any session of some length.
    for _ in range(3):
        L.Conv2D(1, 1), L.BatchNormalization()
    x = keras.Input((8, 8, 3))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x))
    first, second = base(), inner(None)
    y = L.Add()([first(y), second(y), second(first(y))])
    y = L.GlobalAveragePooling2D()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(y)))
    return keras.Model(x, L.Dense(3, "softmax")(y))


def sequential():
    def block(name):
        return keras.Sequential([keras.Input((8, 8, 4)), L.Conv2D(4, 3, padding="same"), L.BatchNormalization()], name=name)

    x = keras.Input((8, 8, 4))
    y = L.Add()([block("body")(x), inner("functional")(x), block(None)(L.Conv2D(4, 3, padding="same")(x))])
    late = keras.Sequential([L.Conv2D(4, 3, padding="same"), L.GlobalAveragePooling2D(), L.BatchNormalization()])
    return keras.Model(x, L.Dense(3, "softmax")(late(y)))


for make in nested, sequential:
    model = make()
    fill(model)
    shape = (2, *model.input_shape[1:])
    pixels = ((np.arange(np.prod(shape)) * 37 % 256) / 255).astype("float32").reshape(shape)
    answers = model.predict(pixels, verbose=0).ravel()
    for ending in "keras", "h5", "weights.h5":
        path = str(GOLDEN / f"{make.__name__}.{ending}")
        (model.save_weights if ending.startswith("weights") else model.save)(path)
    (GOLDEN / f"{make.__name__}.json").write_text(json.dumps({"probabilities": [round(float(p), 7) for p in answers]}) + "\n")
