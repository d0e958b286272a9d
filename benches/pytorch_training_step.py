"""PyTorch's side of benches/training_step.rs: one training step of ResNet-18.

Needs torch alone; the network is torchvision's, written out below. It takes its
orders on standard input, so that both sides can take turns on the same machine:

    python pytorch_training_step.py SIZE BATCH THREADS DEVICE PRECISION

PRECISION is single or mixed; mixed multiplies in bfloat16 (torch.autocast). On a GPU
single means TensorFloat-32 in products, and feature maps lie with the channels last,
both of which are PyTorch's fastest.

Each line read asks for one measurement of as many steps as it says. The answer
is the wall and the processor's seconds a step took, and the last loss.
"""

import resource
import sys
import time

import torch
from torch import nn


class Block(nn.Module):
    """The basic block of He et al. 2016, figure 5, left."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


def resnet18(classes):
    layers = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        layers.append(Block(inputs, width, 1 if stage == 0 else 2))
        layers.append(Block(width, width, 1))
        inputs = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)]
    return nn.Sequential(*layers)


def main():
    size, batch, threads = (int(argument) for argument in sys.argv[1:4])
    device, precision = sys.argv[4:6]
    torch.set_num_threads(threads)
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    layout = torch.channels_last if device == "cuda" else torch.contiguous_format
    network = resnet18(5).train().to(device, memory_format=layout)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    pictures = torch.randn(batch, 3, size, size).to(memory_format=layout)
    mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "mixed")
    grades = (torch.arange(batch) % 5).to(device)
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        steps = int(line)
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with mixed:
                value = loss(network(pictures.to(device)), grades)
            value.backward()
            optimizer.step()
            last = value.item()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print((time.perf_counter() - wall) / steps, spent / steps, last, flush=True)


main()
