"""Writes test/golden/keras1.h5, keras1-sequential.h5 and keras2-half-frozen.h5: small models of Keras 1.2.2 and 2.2.4, and their answers.

The old versions run on today's TensorFlow in its mode of version 1, with a few names put back that Python and TensorFlow have lost:
pip install tensorflow-cpu scipy pyyaml h5py; pip install --no-deps --target FOLDER keras==1.2.2 (or keras==2.2.4
keras_applications keras_preprocessing); KERAS_BACKEND=tensorflow HOME=$(mktemp -d) python scripts/make-old-keras-goldens.py FOLDER
"""

import collections
import collections.abc
import inspect
import json
import pathlib
import sys

import numpy as np
import scipy  # noqa: F401 (before the names below change what numpy is)
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
for name in ["Iterable", "Callable", "Mapping", "MutableMapping", "Sequence"]:
    setattr(collections, name, getattr(collections.abc, name))
Spec = collections.namedtuple("Spec", "args varargs keywords defaults")
inspect.getargspec = lambda f: Spec(*inspect.getfullargspec(f)[:4])
np.float, np.int, np.object = float, int, object
ops = sys.modules["tensorflow.python.framework.ops"]
ops._TensorLike = tf.Tensor
tf.python = sys.modules["tensorflow.python"]
sys.modules["tensorflow"] = tf
for name in [name for name in sys.modules if name.split(".")[0] == "keras"]:
    del sys.modules[name]
sys.path.insert(0, sys.argv[1])

import keras  # noqa: E402
from keras import backend  # noqa: E402
from keras import layers as L  # noqa: E402
from keras.models import Model, Sequential  # noqa: E402

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "test" / "golden"


def fill(model):
    """Values of another kind for every weight, of which no two layers have the same."""
    for k, weight in enumerate(model.weights):
        shape = backend.int_shape(weight)
        values = (((np.arange(np.prod(shape)) * 37 + k * 11) % 23 - 11) / 40).reshape(shape)
        if "std" in weight.name or "variance" in weight.name:
            values = 0.5 + abs(values)
        backend.set_value(weight, values.astype("float32"))


def pictures(channels):
    return (((np.arange(2 * 8 * 8 * channels) * 37) % 256) / 255).reshape(2, 8, 8, channels).astype("float32")


def keras1():
    """Paddings, merges, batch norms, a half-frozen model in a model, and the head of the tutorials: a sequential model on an output."""
    x = L.Input((8, 8, 3))
    padded = L.ZeroPadding2D((1, 2, 1, 0))(L.ZeroPadding2D((1, 1))(x))
    y = L.Convolution2D(4, 3, 3, subsample=(2, 1), init="he_normal", bias=False)(padded)
    y = L.Activation("relu")(L.BatchNormalization(mode=0, axis=3)(y))
    wide = L.AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2), border_mode="same")(y)
    y = L.merge([L.merge([y, wide], mode="sum"), L.merge([y, wide], mode="mul")], mode="concat")
    inner = L.Input((6, 9, 8))
    z = L.BatchNormalization()(L.Convolution2D(4, 1, 1)(inner))
    base = Model(inner, L.Convolution2D(4, 1, 1)(L.Convolution2D(4, 1, 1)(z)))
    base.layers[3].trainable = False
    y = L.GlobalAveragePooling2D()(L.MaxPooling2D((2, 2), border_mode="same")(base(y)))
    head = Sequential([L.Dense(4, activation="relu", input_shape=(4,)), L.Dropout(0.5), L.Dense(3, activation="softmax")])
    return Model(x, head(y))


def keras1_sequential():
    """A chain that begins with another one."""
    first = Sequential([L.ZeroPadding2D({"top_pad": 1, "right_pad": 2}, input_shape=(8, 8, 3)), L.Convolution2D(4, 3, 3)])
    return Sequential([first, L.BatchNormalization(), L.Flatten(), L.Dense(3, activation="softmax")])


def keras2_half_frozen():
    """TensorFlow 1 calls the weights of what is built a second time first_1, second_1 and norm_1."""

    def base():
        x = L.Input((8, 8, 4))
        y = L.Conv2D(4, 3, name="second")(L.Conv2D(4, 3, name="first")(x))
        return Model(x, L.GlobalAveragePooling2D()(L.BatchNormalization(name="norm")(y)), name="base")

    base()
    again = base()
    again.layers[1].trainable = False
    x = L.Input((8, 8, 4))
    return Model(x, L.Dense(3, activation="softmax", name="head")(again(x)))


def save(name, model, channels):
    fill(model)
    model.save(str(GOLDEN / (name + ".h5")))
    probabilities = backend.function(model.inputs + [backend.learning_phase()], model.outputs)([pictures(channels), 0])[0]
    (GOLDEN / (name + ".json")).write_text(json.dumps({"probabilities": probabilities.ravel().astype(float).tolist()}) + "\n")


if keras.__version__.startswith("1."):
    backend.set_image_dim_ordering("tf")
    save("keras1", keras1(), 3)
    save("keras1-sequential", keras1_sequential(), 3)
else:
    save("keras2-half-frozen", keras2_half_frozen(), 4)
