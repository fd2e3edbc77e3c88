"""What Keras's own callbacks write, for test/golden/callback-files.json: CSV bytes, event tags and steps, buckets, pictures.

Needs keras, tensorflow and tensorboard. Usage: python scripts/make-callback-goldens.py
"""
import glob
import json
import math
import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

NAN, INF = math.nan, math.inf
CSV = [
    ({}, [[{"loss": 0.6931471824645996, "accuracy": 0.5, "val_loss": 1e-05, "val_accuracy": 1.0}, {"loss": 0.25, "accuracy": 0.75, "val_loss": 1234567.875, "val_accuracy": 0.0}]]),
    ({}, [[{"loss": 0.1, "accuracy": 1.0}, {"loss": NAN, "accuracy": INF, "val_loss": 3.0}]]),
    ({"separator": ";"}, [[{"loss": 1e16, "a;b": 1e-300, 'say "x"': -0.0}]]),
    ({"append": True}, [[{"loss": 0.5, "val_loss": 0.25}], [{"loss": 0.125, "val_loss": 5e-324}]]),
    ({}, [[{"loss": 0.5, "val_loss": 0.25}], [{"loss": 0.125, "val_loss": 1.7976931348623157e308}]]),
    ({}, [[{"loss": 0.5, "val_loss": 0.25}, {"val_loss": 0.5}, {"loss": 0.25, "val_loss": 0.5, "learning_rate": 0.001}]]),
]
SHAPES = [[7], [3, 5], [5, 3], [3, 3, 4], [2, 3, 3, 3], [2, 3, 3, 4], [1, 1, 4, 6], [3, 3, 2, 1], [2, 2, 2, 2], [1]]


def csv_files():
    rows = []
    for args, runs in CSV:
        path = os.path.join(tempfile.mkdtemp(), "log.csv")
        callback = keras.callbacks.CSVLogger(path, **args)
        for epochs in runs:
            callback.on_train_begin()
            for epoch, logs in enumerate(epochs):
                callback.on_epoch_end(epoch, logs)
            callback.on_train_end()
        text = {k: ("NaN" if v != v else "Infinity" if v == INF else v) for k, v in args.items()}
        plain = [[{k: repr(v) if not math.isfinite(v) else v for k, v in logs.items()} for logs in epochs] for epochs in runs]
        rows.append({"args": text, "runs": plain, "file": Path(path).read_bytes().decode()})
    return rows


def small_net():
    """The network of src/training/small.cases.ts."""
    keras.backend.clear_session()
    photo = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="body")(photo)
    x = keras.layers.Activation("relu")(keras.layers.BatchNormalization(name="norm")(x))
    y = keras.layers.Dense(3, activation="softmax", name="head")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(photo, y)


def series(folder):
    runs = {}
    for run in ("train", "validation"):
        if not glob.glob(f"{folder}/{run}/*tfevents*"):
            continue
        reader = event_accumulator.EventAccumulator(f"{folder}/{run}", size_guidance={"tensors": 0})
        reader.Reload()
        runs[run] = {t: {"plugin": reader.summary_metadata[t].plugin_data.plugin_name, "steps": [e.step for e in reader.Tensors(t)]} for t in reader.Tags()["tensors"]}
    return runs


def tensorboard():
    rows = []
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 8, 8, 3)).astype("f4"), np.eye(3, dtype="f4")[rng.integers(0, 3, 20)]
    for args in ({}, {"update_freq": "batch"}, {"update_freq": 2}, {"update_freq": 3, "write_steps_per_second": True}, {"histogram_freq": 2, "write_images": True, "write_graph": False}):
        net = small_net()
        net.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
        folder = tempfile.mkdtemp()
        net.fit(x, y, epochs=3, batch_size=4, validation_data=(x[:8], y[:8]), validation_batch_size=4, verbose=0, callbacks=[keras.callbacks.TensorBoard(folder, **args)])
        rows.append({"args": args, "runs": series(folder)})
    return rows


def values(shape):
    """Numbers from -0.3 to 1.3 that both sides compute alike."""
    count = math.prod(shape)
    return np.array([((i * 37) % 101) / 100 * 1.6 - 0.3 for i in range(count)], dtype="f4").reshape(shape)


def summary_tensor(write):
    folder = tempfile.mkdtemp()
    with tf.summary.create_file_writer(folder).as_default():
        write()
    reader = event_accumulator.EventAccumulator(folder, size_guidance={"tensors": 0})
    reader.Reload()
    tags = reader.Tags()["tensors"]
    return tf.make_ndarray(reader.Tensors(tags[0])[0].tensor_proto) if tags else None


def pictures():
    rows = []
    for shape in SHAPES:
        callback = keras.callbacks.TensorBoard(tempfile.mkdtemp())
        found = summary_tensor(lambda: callback._log_weight_as_image(keras.Variable(values(shape)), "w", 0))
        decoded = None if found is None else [tf.io.decode_png(png).numpy() for png in found[2:]]
        rows.append({"shape": shape, "size": None if found is None else [int(s) for s in found[:2]], "channels": decoded and decoded[0].shape[-1], "pixels": decoded and [p.flatten().tolist() for p in decoded]})
    return rows


def histograms():
    many = values([5000])
    inputs = {"many": many, "tenth": np.round(many, 1), "one": values([1]), "same": np.full(9, 0.1, "f4"), "tiny": many * np.float32(1e-20), "two": np.array([-1, 1], "f4")}
    return [{"name": k, "values": v.tolist() if v.size < 10 else None, "buckets": summary_tensor(lambda: tf.summary.histogram("h", v, step=0)).tolist()} for k, v in inputs.items()]


if __name__ == "__main__":
    golden = {"keras": keras.__version__, "tensorflow": tf.__version__, "csv": csv_files(), "tensorBoard": tensorboard(), "pictures": pictures(), "histograms": histograms()}
    path = Path(__file__).resolve().parent.parent / "test/golden/callback-files.json"
    path.write_text(json.dumps(golden) + "\n")
    print(path, path.stat().st_size, "bytes")
