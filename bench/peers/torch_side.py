"""PyTorch's side of the comparisons."""
import timm
import torch
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


if __name__ == "__main__":
    torch.manual_seed(0)
    turns.run({"train": train})
