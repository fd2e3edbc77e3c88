"""PyTorch's side of the comparisons."""
import pathlib

import numpy
import timm
import torch
from PIL import Image
from torch.nn import functional

import turns

NETWORKS = {
    "vgg16": "vgg16",
    "resnet50": "resnet50",
    "inceptionV3": "inception_v3",
    "xception": "legacy_xception",
    "mobilenet": "mobilenetv1_100",
}
LAYOUTS = {"channels last": torch.channels_last, "contiguous": torch.contiguous_format}


def network(name):
    model = timm.create_model(NETWORKS[name], pretrained=False)
    return stride_first(model) if name == "resnet50" else model


def stride_first(model):
    """Keras's ResNet50 halves the photo in the first convolution of a block, timm's in the second, at more cost: make them the same."""
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    return model


def size_of(name):
    return 299 if name in ("inceptionV3", "xception") else 224


def noise(job, layout):
    size = size_of(job["network"])
    return (2 * torch.rand(job["photos"], 3, size, size) - 1).contiguous(memory_format=layout)


def train(job):
    """Whole training steps in float32, in the faster layout."""
    return turns.fastest({name: step_of(job, layout) for name, layout in LAYOUTS.items()})


def step_of(job, layout):
    model = network(job["network"]).to(memory_format=layout).train()
    if job["frozenBatchNorm"]:
        freeze_batch_norm(model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-4, momentum=0.9)
    x, y = noise(job, layout), torch.arange(job["photos"])

    def step():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def freeze_batch_norm(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval().requires_grad_(False)


def features(job):
    """Features in bf16, sixteen photos at a time, channels last, by the faster way; contiguous ones are much slower."""
    return turns.fastest({"autocast": autocast_features(job), "bfloat16 weights": bfloat16_features(job)})


def bfloat16_features(job):
    model = Features(job["network"]).to(torch.bfloat16, memory_format=torch.channels_last).eval()
    batches = [batch.to(torch.bfloat16) for batch in noise(job, torch.channels_last).split(16)]

    @torch.inference_mode()
    def work():
        for batch in batches:
            model(batch)

    return work


def autocast_features(job):
    model = Features(job["network"]).to(memory_format=torch.channels_last).eval()
    batches = noise(job, torch.channels_last).split(16)

    @torch.inference_mode()
    @torch.autocast("cpu", torch.bfloat16)
    def work():
        for batch in batches:
            model(batch)

    return work


class Features(torch.nn.Module):
    """Without the top, averaged over the photo."""

    def __init__(self, name):
        super().__init__()
        self.body = network(name)

    def forward(self, x):
        return self.body.forward_features(x).mean((2, 3))


class Photos(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.files = sorted(folder.glob("*/*.jpg"))
        self.classes = sorted({file.parent.name for file in self.files})

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        photo = Image.open(self.files[i]).convert("RGB").resize((224, 224), Image.BILINEAR)
        x = torch.from_numpy(numpy.array(photo)).permute(2, 0, 1) / 127.5 - 1
        return x, self.classes.index(self.files[i].parent.name)


def finetune(job):
    """The last stage of ResNet50 and a new top train, the rest is frozen; bf16 by autocast, weights in float32."""
    model = network("resnet50").to(memory_format=torch.channels_last)
    model.reset_classifier(2)
    model.requires_grad_(False).eval()
    for part in (model.layer4, model.fc):
        part.requires_grad_(True).train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    photos = Photos(pathlib.Path(job["folder"], "train"))
    for _ in range(job["epochs"]):
        for x, y in torch.utils.data.DataLoader(photos, batch_size=16, shuffle=True, num_workers=2):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = functional.cross_entropy(model(x.contiguous(memory_format=torch.channels_last)), y)
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    torch.manual_seed(0)
    turns.run({"train": train, "features": features}, {"finetune": finetune})
