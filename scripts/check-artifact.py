"""Checks classifier.onnx with Python: onnx's checker, onnxruntime on the CPU, Pillow for the photos. Nothing of Rootstock runs but the export.

Needs onnx, onnxruntime, numpy, pillow. Usage: python scripts/check-artifact.py ["MODEL and flags of rootstock export" ...]
"""
import base64
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from PIL import Image

MODELS = ["mobilenet --alpha 0.25 --weights none", "resnet50 --weights none", "inceptionV3 --weights none"]
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
failures = []


def check(what, is_right, found):
    print(f"{'ok  ' if is_right else 'FAIL'} {what:<72} {found}", flush=True)
    if not is_right:
        failures.append(what)


def read(picture, reading):
    """What any program has to do: decode, resize, float32 from 0 to 255, red first."""
    height, width = reading["size"]
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    return np.asarray(image.resize((width, height), FILTERS[reading["interpolation"]]), dtype=np.float32)


def check_file(path, what):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    texts = {prop.key: prop.value for prop in model.metadata_props}
    domains = {node.domain for node in model.graph.node} | {entry.domain for entry in model.opset_import}
    check(f"{what}: onnx.checker, full_check", domains == {""}, f"opset {model.opset_import[0].version}, {len(model.graph.node)} nodes")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    reading, parity, classes = (json.loads(texts[key]) for key in ["preprocessing", "parity", "class_names"])
    [photo], [answer] = session.get_inputs(), session.get_outputs()
    ends = [photo.name, photo.type, photo.shape[1:], answer.name, answer.shape[1:]]
    check(f"{what}: ends", ends == ["photo", "tensor(float)", [*reading["size"], 3], "probabilities", [len(classes)]], f"{ends[2]} to {ends[4]}")
    photos = np.stack([read(sample["picture"], reading) for sample in parity["samples"]])
    [found] = session.run(None, {"photo": photos})
    expected = np.array([sample["probabilities"] for sample in parity["samples"]])
    worst = float(np.abs(found - expected).max())
    check(f"{what}: answers of {len(photos)} samples decoded by Pillow", worst <= parity["tolerance"], f"{worst:.1e} (at most {parity['tolerance']:g})")
    spread = float(np.abs(expected - expected.mean(axis=0)).max())
    check(f"{what}: probabilities add up to 1", bool(np.allclose(found.sum(axis=1), 1, atol=5e-3)), f"samples differ by {spread:.1e}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for i, model in enumerate(sys.argv[1:] or MODELS):
            for precision in ["float32", "float16"]:
                path = os.path.join(folder, f"{i}-{precision}.onnx")
                name, *flags = shlex.split(model)
                command = ["npx", "tsx", "src/cli/main.ts", "export", name, path, *flags, "--precision", precision, "--quiet"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                check_file(path, f"{name} {precision}")
    print(f"{len(failures)} failures with onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, Pillow {Image.__version__}")
    sys.exit(1 if failures else 0)


main()
