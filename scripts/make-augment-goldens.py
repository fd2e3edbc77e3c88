"""Writes test/golden/augment.json: what Keras's preprocessing layers make of tiny pictures for given parameters.

Run with Keras 3 and TensorFlow: KERAS_BACKEND=tensorflow python scripts/make-augment-goldens.py
"""

import json
import pathlib

import keras
import numpy as np

L = keras.layers
FILLS = ["reflect", "nearest", "wrap", "constant"]
INTERPOLATIONS = ["bilinear", "nearest"]


def picture(height, width, step):
    """Whole values 0 to 255 that a test can compute again."""
    i = np.arange(height * width * 3)
    return ((i * step + (i // 7) * 31) % 256).astype("float32").reshape(height, width, 3)


PICTURES = {"wide": (5, 7, 37), "tall": (6, 4, 53), "line": (1, 5, 91)}


def rounded(values):
    return [round(float(v), 5) for v in np.asarray(values).ravel()]


def geometric():
    rows = []
    for name, (height, width, step) in PICTURES.items():
        x = picture(height, width, step)
        for fill in FILLS:
            for interpolation in INTERPOLATIONS:
                how = dict(fill_mode=fill, interpolation=interpolation, fill_value=9.0)

                def add(kind, parameters, layer, transformation):
                    # The layers' own batch call: one picture in a batch of one.
                    y = layer.transform_images(x[None], transformation)[0]
                    rows.append(dict(picture=name, kind=kind, parameters=parameters, fillMode=fill, interpolation=interpolation, values=rounded(y)))

                for degrees in [17.0, -100.0, 171.5]:
                    layer = L.RandomRotation(0.5, **how)
                    zero, one = np.zeros(1, "float32"), np.ones(1, "float32")
                    matrix = layer._compute_affine_matrix(
                        0.5, 0.5, keras.ops.convert_to_tensor([degrees]), zero, zero, one, zero, zero, height, width
                    )
                    add("rotation", [degrees], layer, {"rotation_matrix": matrix})
                for h, w in [(0.7, 1.4), (1.9, 0.35)]:
                    layer = L.RandomZoom(0.5, **how)
                    t = {"height_zoom": keras.ops.convert_to_tensor([[h]]), "width_zoom": keras.ops.convert_to_tensor([[w]])}
                    add("zoom", [h, w], layer, t)
                for right, down in [(1.3, -2.6), (-9.2, 12.7)]:
                    layer = L.RandomTranslation(0.5, 0.5, **how)
                    add("translation", [right, down], layer, {"translations": keras.ops.convert_to_tensor([[right, down]])})
                layer = L.RandomShear(0.5, 0.5, **how)
                add("shear", [0.41, -0.23], layer, {"shear_factor": keras.ops.convert_to_tensor([[0.41, -0.23]])})
    return rows


def colour():
    rows = []
    for name, (height, width, step) in PICTURES.items():
        for low, high in [(0, 255), (0, 1)]:
            x = picture(height, width, step) / (255 if high == 1 else 1)
            r = dict(value_range=(low, high))

            def add(kind, parameters, layer, transformation):
                y = layer.transform_images(keras.ops.convert_to_tensor(x[None]), transformation, training=True)[0]
                rows.append(dict(picture=name, kind=kind, parameters=parameters, valueRange=[low, high], values=rounded(y)))

            for factor in [0.3, 1.7]:
                add("contrast", [factor], L.RandomContrast(0.5, **r), {"contrast_factor": np.float32(factor)})
            for delta in [-0.4, 0.25]:
                add("brightness", [delta], L.RandomBrightness(0.5, **r), {"rgb_delta": np.float32(delta * (high - low))})
            add("colour", [0.6], L.RandomColorDegeneration(0.5, **r), {"factor": np.float32([[[[0.6]]]])})
            for factor in [0.1, 0.9]:
                add("sharpness", [factor], L.RandomSharpness(0.5, **r), {"factor": np.float32([factor])})
            for bits in [1, 3, 8]:
                add("posterize", [bits], L.RandomPosterization(4, **r), {"shift_factor": np.uint8([8 - bits])})
            add("solarize", [20.5, 90.25], L.Solarization(0.5, 0.5, **r), {"additions": np.float32(20.5), "thresholds": np.float32(90.25)})
            add("autoContrast", [], L.AutoContrast(**r), None)
            add("equalize", [], L.Equalization(**r), None)
    return rows


def crops():
    rows = []
    for name, (height, width, step) in PICTURES.items():
        x = picture(height, width, step)
        for size in [(3, 3), (8, 9), (5, 2), (2, 8)]:
            layer = L.RandomCrop(*size)
            if height > size[0] and width > size[1]:
                continue
            start = layer.get_random_transformation(x[None], training=True)
            y = layer.transform_images(x[None], start)[0]
            rows.append(dict(picture=name, size=size, values=rounded(y)))
    return rows


def mixes():
    x = np.stack([picture(5, 7, step) for step in (37, 53, 91)])
    y = np.eye(3, 4, dtype="float32")
    order = np.int64([2, 0, 1])
    weights = np.float32([0.25, 0.5, 0.9])
    mix = {"mix_weight": weights, "permutation_order": order}
    up = L.MixUp()
    boxes = np.float32([[0.0, 3.2, 0.4, 4.9], [2.5, 2.6, 1.0, 2.0], [1.0, 7.0, 0.0, 5.0]])
    cut = L.CutMix()
    masks, share = cut._generate_batch_mask(x.shape, tuple(keras.ops.convert_to_tensor(boxes[:, i]) for i in range(4)))
    mask = {"batch_masks": masks, "mix_weight": share, "permutation_order": order}
    return dict(
        order=order.tolist(),
        weights=rounded(weights),
        mixup=dict(x=rounded(up.transform_images(x, mix)), y=rounded(up.transform_labels(y, mix))),
        boxes=[rounded(row) for row in boxes],
        cutmix=dict(x=rounded(cut.transform_images(x, mask)), y=rounded(cut.transform_labels(y, mask))),
    )


if __name__ == "__main__":
    result = dict(
        keras=keras.__version__, pictures=PICTURES, geometric=geometric(), colour=colour(), crops=crops(), mixes=mixes()
    )
    path = pathlib.Path(__file__).parent.parent / "test" / "golden" / "augment.json"
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes")
