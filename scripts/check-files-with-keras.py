"""Checks the files that Rootstock writes against Keras, h5py, onnx and onnxruntime, and what it reads against Keras's own answers.

Needs keras, tensorflow-cpu (or another backend), h5py, onnx, onnxruntime, safetensors. Usage: python scripts/check-files-with-keras.py
"""
import json
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import h5py
import keras
import numpy as np
import onnx
import onnxruntime

L = keras.layers
rows = []


def row(what, worst, limit):
    rows.append((what, worst, limit))
    print(f"{'ok  ' if worst <= limit else 'FAIL'} {what:<66} {worst:9.2e}  (at most {limit:g})", flush=True)


def array(tensor):
    return np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])


def apart(found, wanted):
    return float(np.max(np.abs(np.asarray(found, np.float64) - np.asarray(wanted, np.float64)), initial=0))


def rootstock(folder, *options):
    subprocess.run(["npx", "tsx", "scripts/write-files.ts", folder, *options], check=True)


def by_path(model):
    """Weights under "layer/weight", as Rootstock calls them, nested models flattened."""
    found = {}
    for layer in model._flatten_layers(include_self=False):
        for weight in [] if isinstance(layer, keras.Model) else layer.weights:
            found["/".join([layer.name, weight.name])] = weight
    return found


def check_weights(what, model, wanted, limit=0.0):
    found = by_path(model)
    assert set(found) == set(wanted), (what, set(found) ^ set(wanted))
    row(what, max(apart(found[path].numpy(), array(tensor)) for path, tensor in wanted.items()), limit)


def check_models(folder, expected):
    for name in ["nested", "transfer"]:
        case = expected[name]
        x, probabilities = array(case["x"]), array(case["probabilities"])
        for ending in ["keras", "h5"]:
            model = keras.saving.load_model(f"{folder}/{name}.{ending}")
            check_weights(f"Keras opens {name}.{ending}: weights", model, case["weights"])
            row(f"Keras opens {name}.{ending}: answers", apart(model.predict(x, verbose=0), probabilities), 1e-5)
            row(f"Keras opens {name}.{ending}: steps done", abs(int(model.optimizer.iterations.numpy()) - 1), 0)
            frozen = {path for path, weight in by_path(model).items() if not weight.trainable and "moving" not in path}
            row(f"Keras opens {name}.{ending}: frozen weights", len(frozen ^ set(case["frozen"])), 0)
            row(f"Keras opens {name}.{ending}: loss and metrics", 0 if compiled_alike(model) else 1, 0)
            fresh = keras.saving.load_model(f"{folder}/{name}.keras", compile=False)
            for weight in fresh.weights:
                weight.assign(np.zeros(weight.shape))
            weights = {"keras": "weights.h5", "h5": "old-weights.h5"}[ending]
            fresh.load_weights(f"{folder}/{name}.{weights}")
            check_weights(f"Keras loads {name}.{weights}", fresh, case["weights"])
        check_onnx(folder, name, x, probabilities)
        check_safetensors(f"{folder}/{name}.safetensors", case["weights"])


def compiled_alike(model):
    config = json.dumps(model.get_compile_config())
    texts = ['"label_smoothing": 0.1', '["accuracy", ', '"k": 2', '"num_thresholds": 50', '"average": "micro"', '"amsgrad": false']
    return all(text in config for text in texts)


def check_onnx(folder, name, x, probabilities):
    for ending, limit in [("onnx", 1e-5), ("half.onnx", 1e-2)]:
        path = f"{folder}/{name}.{ending}"
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {""} and {entry.domain for entry in model.opset_import} == {""}
        assert not model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for count in [5, 1]:
            found = session.run(None, {session.get_inputs()[0].name: x[:count]})[0]
            row(f"onnx.checker, onnxruntime, {name}.{ending}, {count} at once", apart(found, probabilities[:count]), limit)


def check_safetensors(path, wanted):
    from safetensors.numpy import load_file

    found = load_file(path)
    assert set(found) == set(wanted)
    row(f"safetensors reads {os.path.basename(path)}", max(apart(found[name], array(wanted[name])) for name in wanted), 0)


def check_optimizers(folder, expected):
    for name, case in expected.items():
        if not name.startswith("optimizer"):
            continue
        for ending in ["keras", "weights.h5"]:
            model = keras.saving.load_model(f"{folder}/{name}.keras")
            if ending == "weights.h5":
                model.optimizer.build(model.trainable_variables)
                for variable in model.optimizer.variables[2:]:
                    variable.assign(np.zeros(variable.shape))
                model.load_weights(f"{folder}/{name}.{ending}")
            check_h5_optimizer(f"{folder}/{name}.h5", model)
            model.train_on_batch(array(case["x"]), array(case["y"]))
            check_weights(f"Keras goes on with {name}.{ending}", model, case["weights"], 2e-6)


def check_h5_optimizer(path, model):
    """Keras 3.15 cannot go on with any whole-model .h5, not even its own: it builds the optimizer for no weights. So its state is compared."""
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        found = [group[name][()] for name in group.attrs["weight_names"]]
    wanted = [variable.numpy() for variable in model.optimizer.variables]
    row(f"optimizer_weights of {os.path.basename(path)}", max(apart(a, b) for a, b in zip(found, wanted, strict=True)), 1e-6)
    opened = keras.saving.load_model(path).optimizer.get_config()
    row(f"Keras opens {os.path.basename(path)}: its settings", 0 if opened == model.optimizer.get_config() else 1, 0)


def keras_models():
    """Models as people make them with Keras; none is random in a step of training."""
    i = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU(6.0)], name="inner")
    # Keras 3.15 forgets training=False of a call while a functional model trains; here nothing depends on it.
    inner.layers[1].trainable = False
    a = inner(i, training=False)
    y = L.Concatenate()([a, L.Add()([a, inner(L.Rescaling(0.5)(i))])])
    y = L.Dense(3, "softmax")(L.GlobalAveragePooling2D()(L.ZeroPadding2D(((0, 1), (0, 1)))(y)))
    yield "shared sequential in functional", keras.Model(i, y), (8, 8, 3)
    yield "sequential", keras.Sequential(
        [keras.Input((12, 12, 1)), L.Conv2D(4, 3, activation="relu", kernel_regularizer=None), L.MaxPooling2D(), L.SeparableConv2D(4, 3), L.Flatten(), L.Dense(3, "softmax")]
    ), (12, 12, 1)
    base = keras.applications.MobileNet(input_shape=(32, 32, 3), alpha=0.25, weights=None, include_top=False, pooling="avg")
    base.trainable = False
    i = keras.Input((32, 32, 3))
    yield "frozen MobileNet nested", keras.Model(i, L.Dense(3, "softmax")(base(i, training=False))), (32, 32, 3)
    # Large enough that the last batch norms see more than six numbers: they would amplify rounding.
    half = keras.applications.MobileNet(input_shape=(96, 96, 3), alpha=0.25, weights=None, include_top=False, pooling="avg", name="half")
    for layer in half.layers[:40]:
        layer.trainable = False
    yield "half frozen MobileNet nested", keras.Sequential([half, L.Dense(3, "softmax")]), (96, 96, 3)


def check_reading(folder):
    os.makedirs(f"{folder}/keras")
    cases, wanted = {}, {}
    optimizers = [keras.optimizers.AdamW(0.001, weight_decay=0.01), keras.optimizers.RMSprop(0.001, momentum=0.1, centered=True), keras.optimizers.SGD(0.01, 0.9), keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.001, 10))]
    rng = np.random.default_rng(0)
    for (name, model, shape), optimizer in zip(keras_models(), optimizers):
        x = rng.normal(size=(6, *shape)).astype("float32")
        y = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy", keras.metrics.AUC(num_thresholds=50)])
        for _ in range(2):
            model.train_on_batch(x, y)
        model.save(f"{folder}/keras/{name}.keras")
        model.save(f"{folder}/keras/{name}.h5")
        probabilities = model.predict(x, verbose=0)
        model.train_on_batch(x, y)
        cases[name] = {key: {"data": value.ravel().tolist(), "shape": value.shape} for key, value in {"x": x, "y": y}.items()}
        wanted[name] = (probabilities, {path: weight.numpy() for path, weight in by_path(model).items()})
    with open(f"{folder}/keras/cases.json", "w") as file:
        json.dump(cases, file)
    rootstock(folder, "--answers")
    with open(f"{folder}/answers.json") as file:
        answers = json.load(file)
    for file, answer in sorted(answers.items()):
        probabilities, weights = wanted[file.rsplit(".", 1)[0]]
        row(f"Rootstock opens {file}: answers", apart(array(answer["probabilities"]), probabilities), 1e-5)
        assert set(answer["weights"]) == set(weights), file
        apart_by = {path: apart(array(tensor), weights[path]) for path, tensor in answer["weights"].items()}
        row(f"Rootstock opens {file}: next step", max(apart_by.values()), 1e-4)


def main():
    with tempfile.TemporaryDirectory() as folder:
        rootstock(folder)
        with open(f"{folder}/expected.json") as file:
            expected = json.load(file)
        with h5py.File(f"{folder}/nested.weights.h5") as file:
            assert {"layers", "optimizer", "vars"} == set(file)
        check_models(folder, expected)
        check_optimizers(folder, expected)
        check_reading(folder)
    failed = [what for what, worst, limit in rows if worst > limit]
    print(f"{len(rows) - len(failed)} of {len(rows)} checks passed with Keras {keras.__version__}, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, h5py {h5py.__version__}")
    sys.exit(1 if failed else 0)


main()
