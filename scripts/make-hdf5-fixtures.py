"""Makes the crafted HDF5 files of test/fixtures/hdf5 (needs h5py). Usage: python scripts/make-hdf5-fixtures.py"""

import json
import os
import pathlib

import h5py
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "hdf5"
FOLDER.mkdir(parents=True, exist_ok=True)
os.chdir(FOLDER)
for old in FOLDER.glob("*.h5"):
    old.unlink()

KERNEL = (np.arange(24, dtype="f4").reshape(2, 3, 4) - 12) / 8


def make(name, **options):
    return h5py.File(FOLDER / f"{name}.h5", "w", **options)


def layer(file, name, weights):
    group = file.create_group(name)
    group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in weights]
    for key, value in weights.items():
        group.create_dataset(f"{name}/{key}:0", data=value)


def weight_file(name, layers, **options):
    with make(name, **options) as file:
        file.attrs["layer_names"] = [key.encode() for key in layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.1.0"
        for key, weights in layers.items():
            layer(file, key, weights)


# Sound files: every element type, every layout, both forms of the library.
def everything(name, dense=False, **options):
    with make(name, **options) as file:
        for kind, types in {"float": "<f2 <f4 <f8 >f4 >f8", "signed": "i1 <i2 <i4 <i8 >i4", "unsigned": "u1 <u2 <u4 <u8 >u2"}.items():
            for dtype in types.split():
                values = KERNEL if "f" in dtype else np.arange(24).reshape(2, 3, 4) - (5 if kind == "signed" else 0)
                file[f"{kind}/" + dtype.replace("<", "").replace(">", "big-")] = values.astype(dtype)
        file["scalar"] = np.float32(2.5)
        file["empty"] = np.zeros((0, 4), "f4")
        file.create_dataset("deep/er/text", data=np.bytes_("no number"))
        attributes = file["deep"].attrs
        attributes["vlen"] = "Grüße"
        attributes["fixed"] = np.bytes_("fixed text")
        attributes["vlen_list"] = ["a", "", "ccc"]
        attributes["fixed_list"] = np.array([b"a", b"bb", b"ccc"])
        attributes["integer"] = 3
        attributes["floats"] = np.array([0.5, 1.5])
        attributes["none"] = np.array([])
        for i in range(12 if dense else 0):
            file[f"dense/{i}"] = np.float32(i)


everything("types")
everything("types-latest", libver="latest", track_order=True)
everything("dense", dense=True, libver="latest")
with make("chunked") as file:
    large = np.arange(5 * 7 * 3, dtype="f4").reshape(5, 7, 3)
    file.create_dataset("all", data=large, chunks=(2, 3, 2), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("none", data=large, chunks=(5, 2, 3))
    file.create_dataset("sum", data=large.astype("u1"), chunks=(1, 7, 3), fletcher32=True)
with make("dense-attributes", libver="latest") as file:
    for i in range(12):
        file.attrs[str(i)] = i
    for i in range(100):
        file.attrs[f"text {i}"] = "é" * (i % 50)
with make("dense-names") as file:
    names = [f"{i:03}-é-{'x' * (i * 20)}" for i in range(25)]
    for name in names:
        file.create_group(name)
    for name in names[::5]:
        del file[name]

PAIR = {
    "conv1": {"kernel": np.arange(2 * 2 * 3 * 4, dtype="f4").reshape(2, 2, 3, 4) / 64, "bias": np.arange(4, dtype="f4")},
    "bn1": {k: np.arange(4, dtype="f4") + i for i, k in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))},
    "relu1": {},
    "dense_2": {"kernel": np.ones((4, 2), "f4"), "bias": np.zeros(2, "f4")},
}
weight_file("keras2", PAIR)
weight_file("keras2-nan", {"conv1": {"kernel": np.array([1, np.nan], "f4")}})
permuted = dict(PAIR)
permuted["bn1"] = {k: PAIR["bn1"][k] for k in ("moving_mean", "moving_variance", "gamma", "beta")}
weight_file("keras2-permuted", permuted)
with make("keras2-nested") as file:
    file.attrs["layer_names"] = [b"input_1", b"inner", b"head"]
    layer(file, "input_1", {})
    layer(file, "head", PAIR["dense_2"])
    group = file.create_group("inner")
    inner = [("conv1", "kernel"), ("conv1", "bias"), ("bn1", "gamma"), ("bn1", "beta"), ("bn1", "moving_mean"), ("bn1", "moving_variance")]
    group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for name, key in inner]
    for name, key in inner:
        group[f"{name}/{key}:0"] = PAIR[name][key]
with make("keras2-split") as file:
    file.attrs["layer_names0"] = [b"conv1", b"bn1"]
    file.attrs["layer_names1"] = [b"relu1", b"dense_2"]
    for key, weights in PAIR.items():
        layer(file, key, weights)
with make("keras2-names-outside") as file:
    file.attrs["layer_names"] = [b"../conv1"]
    layer(file, "conv1", PAIR["conv1"])
with make("keras3-proto.weights") as file:
    file["layers/__proto__/vars/0"] = KERNEL
    file["layers/constructor/vars/0"] = KERNEL

# Files that reach outside themselves.
pathlib.Path("secret.bin").write_bytes(KERNEL.tobytes())
for name, target in (("external-storage", "secret.bin"), ("external-storage-absolute", "/etc/passwd"), ("external-storage-device", "/dev/random")):
    with make(name) as file:
        file.create_dataset("conv1/kernel", (2, 3, 4), "f4", external=[(target, 0, 96)])
with make("target") as file:
    file["conv1/kernel"] = KERNEL
with make("external-link") as file:
    file["conv1"] = h5py.ExternalLink("target.h5", "/conv1")
with make("virtual") as file:
    layout = h5py.VirtualLayout((2, 3, 4), "f4")
    layout[:] = h5py.VirtualSource("target.h5", "conv1/kernel", (2, 3, 4))
    file.create_virtual_dataset("kernel", layout)

# Links.
with make("soft-link") as file:
    file["a/kernel"] = KERNEL
    file["b"] = h5py.SoftLink("/a")
with make("soft-link-broken") as file:
    file["b"] = h5py.SoftLink("/nowhere")
with make("soft-link-loop") as file:
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/a")
with make("hard-link-loop") as file:
    group = file.create_group("a/b")
    group["back"] = file["a"]
with make("hard-link-root") as file:
    file["self"] = file["/"]
with make("hard-link-twice") as file:
    file["kernel"] = KERNEL
    file["again"] = file["kernel"]
for kind, link in (("soft", h5py.SoftLink("/0")), ("external", h5py.ExternalLink("target.h5", "/conv1"))):
    with make(f"dense-{kind}-link", libver="latest") as file:
        for i in range(12):
            file[str(i)] = np.float32(i)
        file["link"] = link
with make("dense-loop", libver="latest") as file:
    for i in range(12):
        file[f"a/{i}"] = np.float32(i)
    file["a/back"] = file["a"]
dense = bytearray((FOLDER / "dense-soft-link.h5").read_bytes())
leaf = dense.index(b"BTLF") + 6
dense[leaf + 5 : leaf + 9] = b"\xff\xff\xff\x7f"  # the place in the heap of the first link
(FOLDER / "dense-outside.h5").write_bytes(dense)
with make("deep", libver="latest") as file:
    file.create_group("/".join(["g"] * 40))

# Absurd sizes.
with make("bomb-gzip") as file:
    file.create_dataset("kernel", (2**40,), "f4", chunks=(2**20,), compression="gzip")
with make("bomb-chunk") as file:
    file.create_dataset("kernel", (2**29,), "i1", chunks=(2**29,), compression="gzip")
with make("bomb-dimensions") as file:
    file.create_dataset("kernel", (2**31, 2**31, 2**31), "f4", chunks=(16, 16, 16))
with make("unwritten") as file:
    file.create_dataset("kernel", (2, 3, 4), "f4")
with make("unwritten-chunked") as file:
    file.create_dataset("kernel", (2, 3, 4), "f4", chunks=(2, 3, 4))
data = bytearray((FOLDER / "target.h5").read_bytes())
dims = np.array([2, 3, 4], "<u8").tobytes()
assert data.count(dims) == 2  # sizes and greatest sizes
data = data.replace(dims, np.array([2**31, 2**31, 2**31], "<u8").tobytes())
(FOLDER / "bomb-contiguous.h5").write_bytes(data)

# Filters and element types.
with make("filter-lzf") as file:
    file.create_dataset("kernel", data=KERNEL, compression="lzf")
with make("filter-scaleoffset") as file:
    file.create_dataset("kernel", data=np.arange(24), chunks=(24,), scaleoffset=8)
with make("committed-type") as file:
    file["type"] = np.dtype("f4")
    file.create_dataset("kernel", data=KERNEL, dtype=file["type"])
with make("bfloat16-like") as file:
    odd = h5py.h5t.IEEE_F32LE.copy()
    odd.set_fields(15, 7, 8, 0, 7)
    odd.set_precision(16)
    odd.set_size(2)
    odd.set_ebias(127)
    space = h5py.h5s.create_simple((4,))
    dataset = h5py.h5d.create(file.id, b"kernel", odd, space)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones(4, "f4"))

# Damaged and foreign files.
whole = (FOLDER / "keras2.h5").read_bytes()
(FOLDER / "truncated.h5").write_bytes(whole[: len(whole) // 2])
loop = bytearray(whole)
loop[2115], loop[2369] = 158, 1  # HDF5 2.0.0 reads the attributes of this file for ever
(FOLDER / "heap-loop.h5").write_bytes(loop)
(FOLDER / "empty.h5").write_bytes(b"")
(FOLDER / "page.h5").write_bytes(b"<!DOCTYPE html><html><title>404</title></html>")
(FOLDER / "target.h5").unlink()
pathlib.Path("secret.bin").unlink()
large = [path.name for path in FOLDER.glob("*.h5") if path.stat().st_size > 20_000]
print(json.dumps({"files": len(list(FOLDER.glob("*.h5"))), "too large": large}))
