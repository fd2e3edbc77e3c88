"""
Makes photos: OUT COUNT [SOURCE] writes COUNT JPEG files of two classes into OUT. Without SOURCE they are coloured noise as large and as
detailed as a snapshot; with a folder of photos they are these, and where they are too few, or OUT is not called train, other croppings of these:
photos in two parts of a split would be found and warned of.
"""
import io
import pathlib
import random
import sys

import numpy
from PIL import Image

CLASSES = ("cat", "dog")
# Classes that nothing told apart would rightly be warned of: the loss would not fall.
TINTS = ((25, 0, -25), (-25, 0, 25))


def drawn(rng, tint):
    """Noise of coarse, middle and fine grain, about 40 KB as a JPEG."""
    seeded = numpy.random.default_rng(rng.getrandbits(32))
    photo = numpy.zeros((375, 500, 3)) + tint
    for cells, strength in ((8, 80), (60, 25), (375, 6)):
        grain = Image.fromarray(seeded.integers(0, 256, (cells, cells * 4 // 3, 3), dtype=numpy.uint8)).resize((500, 375), Image.BICUBIC)
        photo += strength * (numpy.asarray(grain) / 255 - 0.5)
    return Image.fromarray((photo + 128).clip(0, 255).astype(numpy.uint8))


def cropped(photo, rng):
    width, height = photo.size
    left, top = int(width * rng.uniform(0, 0.2)), int(height * rng.uniform(0, 0.2))
    return photo.crop((left, top, width - int(width * rng.uniform(0, 0.1)), height - int(height * rng.uniform(0, 0.1))))


def jpeg(photo):
    buffer = io.BytesIO()
    photo.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def main(out, count, source=None):
    part = pathlib.Path(out).name
    rng = random.Random(part)
    originals = sorted(path for path in pathlib.Path(source).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")) if source else []
    for name in CLASSES:
        pathlib.Path(out, name).mkdir(parents=True, exist_ok=True)
    for i in range(int(count)):
        if originals:
            path = originals[i % len(originals)]
            data = path.read_bytes() if part == "train" and i < len(originals) else jpeg(cropped(Image.open(path), rng))
        else:
            data = jpeg(drawn(rng, TINTS[i % 2]))
        pathlib.Path(out, CLASSES[i % 2], f"{i // 2}.jpg").write_bytes(data)


main(*sys.argv[1:])
