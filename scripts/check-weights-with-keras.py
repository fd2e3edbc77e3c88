"""Loads weight files of the golden transfer model with Keras and compares answers with test/golden/transfer.keras.
Usage (needs keras and tensorflow): python scripts/check-weights-with-keras.py FILE.weights.h5 [FILE.h5 …]"""

import pathlib
import sys

import keras
import numpy as np

golden = pathlib.Path(__file__).resolve().parent.parent / "test" / "golden" / "transfer.keras"
x = np.random.RandomState(0).rand(4, 64, 64, 3).astype("f4") * 2 - 1
wanted = keras.models.load_model(golden).predict(x, verbose=0)
worst = 0.0
for path in sys.argv[1:]:
    model = keras.models.load_model(golden)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(path)
    difference = float(np.abs(model.predict(x, verbose=0) - wanted).max())
    print(path, difference)
    worst = max(worst, difference)
sys.exit(0 if worst <= 1e-5 else 1)
