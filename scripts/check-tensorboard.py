"""What the real TensorBoard reads in our event files. Needs the package tensorboard (with tensorflow).

Usage: npx tsx scripts/make-tensorboard-logs.ts LOGDIR && python scripts/check-tensorboard.py LOGDIR
Ends with 1 when a kind of data that the callback writes is missing or cannot be read.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.plugins.graph import keras_util
from tensorboard.plugins.projector import projector_config_pb2
from google.protobuf import text_format


def row(run, kind, what):
    print(f"{run:12} {kind:20} {what}")


def check_tensors(run, reader):
    by_plugin = {}
    for tag in reader.Tags()["tensors"]:
        by_plugin.setdefault(reader.summary_metadata[tag].plugin_data.plugin_name, []).append(tag)
    for plugin, tags in sorted(by_plugin.items()):
        events = [(tag, event) for tag in tags for event in reader.Tensors(tag)]
        arrays = [(tag, tf.make_ndarray(event.tensor_proto)) for tag, event in events]
        if plugin == "scalars":
            assert all(a.shape == () and a.dtype == np.float32 for _, a in arrays)
        if plugin == "histograms":
            assert all(a.shape == (30, 3) and (a[:, 0] <= a[:, 1]).all() and a[:, 2].sum() > 0 for _, a in arrays)
        if plugin == "images":
            for _, a in arrays:
                for png in a[2:]:
                    height, width, _ = tf.io.decode_png(png).shape
                    assert [str(width), str(height)] == [s.decode() for s in a[:2]]
        if plugin == "graph_keras_model":
            graph = keras_util.keras_model_to_graph_def(json.loads(arrays[0][1].item() if arrays[0][1].shape == () else arrays[0][1][0]))
            row(run, "keras graph", f"{len(graph.node)} layers, {sum(len(n.input) for n in graph.node)} edges")
        if plugin == "histograms" and run == "train":
            row(run, "gradients", f"{sum(tag.endswith('_grad') for tag in tags)} tags")
        row(run, plugin, f"{len(tags)} tags, {len(events)} values, e.g. {tags[0]}")
    return set(by_plugin)


def check_projector(folder):
    config = projector_config_pb2.ProjectorConfig()
    with open(f"{folder}/projector_config.pbtxt") as file:
        text_format.Parse(file.read(), config)
    (embedding,) = config.embeddings
    points = np.loadtxt(f"{folder}/{embedding.tensor_path}", delimiter="\t")
    labels = open(f"{folder}/{embedding.metadata_path}").read().splitlines()
    sprite = tf.io.decode_png(open(f"{folder}/{embedding.sprite.image_path}", "rb").read())
    assert len(labels) - ("\t" in labels[0]) == len(points)
    width, height = embedding.sprite.single_image_dim
    assert (sprite.shape[0] // height) * (sprite.shape[1] // width) >= len(points)
    row("projector", embedding.tensor_name, f"points {points.shape}, labels {labels[0]!r} …, sprite {tuple(sprite.shape)}")


def check(folder):
    seen, reader_tags = {}, {}
    for run in ("train", "validation"):
        path = f"{folder}/{run}"
        names = [name for name in sorted(os.listdir(path)) if "tfevents" in name]
        for name in names:
            # The loader checks both checksums of every record.
            count = sum(1 for _ in event_file_loader.EventFileLoader(f"{path}/{name}").Load())
            row(run, "events", f"{count} in {name}")
        reader = event_accumulator.EventAccumulator(path, size_guidance={"tensors": 0})
        reader.Reload()
        reader_tags[run] = reader.Tags()["tensors"]
        seen[run] = check_tensors(run, reader)
        if reader.Tags()["graph"]:
            row(run, "graph", f"{len(reader.Graph().node)} nodes")
            seen[run].add("graph")
    check_projector(f"{folder}/train")
    if not any(tag.endswith("_grad") for tag in reader_tags["train"]):
        sys.exit("missing: gradients")
    missing = {"scalars", "histograms", "images", "graph_keras_model", "graph"} - seen["train"] | {"scalars"} - seen["validation"]
    if missing:
        sys.exit(f"missing: {', '.join(sorted(missing))}")
    print("all read")


if __name__ == "__main__":
    check(sys.argv[1])
