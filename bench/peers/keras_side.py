"""Keras's side of the comparisons."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import json
import statistics
import tempfile
import time

import keras
import numpy

import turns

NETWORKS = {
    "vgg16": keras.applications.VGG16,
    "resnet50": keras.applications.ResNet50,
    "inceptionV3": keras.applications.InceptionV3,
    "xception": keras.applications.Xception,
    "mobilenet": keras.applications.MobileNet,
}


def predict(job):
    """`predict` on photos in memory, sixteen at a time."""
    net = NETWORKS[job["network"]](weights=None)
    x = numpy.random.default_rng(0).uniform(-1, 1, (job["photos"], *net.input_shape[1:])).astype("float32")
    return repeated(lambda: net.predict(x, batch_size=16, verbose=0))


def photos(job):
    """From files to features; the files are read ahead by threads."""
    net = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(299, 299, 3))
    data = folder(os.path.join(job["folder"], "train"), shuffle=False)
    return repeated(lambda: net.predict(data, verbose=0))


def repeated(work):
    work()
    return work, ""


def folder(path, shuffle):
    import tensorflow as tf

    data = keras.utils.image_dataset_from_directory(
        path, label_mode="categorical", image_size=(299, 299), batch_size=32, shuffle=shuffle, verbose=False
    )
    prepare = keras.applications.inception_v3.preprocess_input
    return data.map(lambda x, y: (prepare(x), y), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def tutorial(job):
    """The script of the tutorials: frozen InceptionV3, Dense 1024, softmax."""
    base = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(299, 299, 3))
    base.trainable = False
    x = keras.layers.GlobalAveragePooling2D()(base.output)
    x = keras.layers.Dense(1024, activation="relu")(x)
    net = keras.Model(base.input, keras.layers.Dense(2, activation="softmax")(x))
    net.compile(keras.optimizers.Adam(0.005, epsilon=1e-8), "categorical_crossentropy", metrics=["accuracy"])
    train, validation = (folder(os.path.join(job["folder"], part), part == "train") for part in ("train", "validation"))
    if job.get("inMemory"):
        train, validation = arrays(train), arrays(validation)
    data = {"x": train[0], "y": train[1], "batch_size": 32} if job.get("inMemory") else {"x": train}
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        best = os.path.join(out, "best.weights.h5")
        watching = [
            clock,
            keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True, save_weights_only=True),
            keras.callbacks.TensorBoard(os.path.join(out, "logs"), histogram_freq=1),
        ]
        net.fit(**data, epochs=job["epochs"], validation_data=validation, callbacks=watching, verbose=0)
    print(json.dumps(clock.said()))


class Clock(keras.callbacks.Callback):
    """The first of the callbacks, so that the others work between the end of an epoch and the beginning of the next."""

    def __init__(self):
        super().__init__()
        self.begins, self.ends = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.begins.append(time.perf_counter())

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.perf_counter())

    def on_train_end(self, logs=None):
        self.begins.append(time.perf_counter())

    def said(self):
        epochs = [end - begin for begin, end in zip(self.begins, self.ends)]
        between = [begin - end for begin, end in zip(self.begins[1:], self.ends)]
        # The first epoch is longer since the graph is traced in it, which does not depend on the number of photos.
        return {"once": 0, "epoch": statistics.median(epochs[1:] or epochs), "between": statistics.median(between)}


def arrays(data):
    parts = list(data.as_numpy_iterator())
    return numpy.concatenate([x for x, _ in parts]), numpy.concatenate([y for _, y in parts])


def cold(job):
    """One photo. The names of the classes would have to be downloaded."""
    net = keras.applications.MobileNet(alpha=0.25, weights=job["weights"])
    photo = keras.utils.load_img(os.path.join(job["folder"], "train", "cat", "0.jpg"), target_size=(224, 224))
    x = keras.applications.mobilenet.preprocess_input(keras.utils.img_to_array(photo)[None])
    print(numpy.argsort(net.predict(x, verbose=0)[0])[-3:])


if __name__ == "__main__":
    whole = {"tutorial": tutorial, "cold": cold}
    turns.run({"predict": predict, "photos": photos}, whole)
