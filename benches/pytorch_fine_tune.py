"""A plain fine-tune of ResNet-18 in PyTorch, to hold Fovea's trainings against.

Every layer at one rate, AdamW, one cycle, photos squashed to a square and
flipped both ways: what a first notebook would do. Needs torch, torchvision and
pillow:

    python pytorch_fine_tune.py --photos DIR --split docs/model-split.csv --weights resnet18.pth

DIR holds a labels.csv and images/, as `fovea data prepare` writes them or as
the photos came; its name is its name in the split. Told after each epoch are
the figures of the split's validation photos, after the last also those of the
folders named by --also, none of whose photos were trained on. The temperature
is fitted on the validation photos, as Fovea fits it.
"""

import argparse
import csv
import pathlib
import sys
import time

import numpy
import torch
import torchvision
from PIL import Image

GRADES = 5
GRADE_COLUMNS = ("grade", "level", "retinopathy_grade", "diagnosis")
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def rows(folder):
    """Name and grade of every photo of a folder."""
    with open(folder / "labels.csv", newline="") as table:
        for row in csv.DictReader(table):
            column = next(name for name in GRADE_COLUMNS if name in row)
            yield row["image"], int(row[column])


def load(folder, labels, size):
    """Pictures `[n, 3, size, size]` of bytes, and their grades."""
    files = {file.stem: file for file in (folder / "images").rglob("*.*")}
    pictures = numpy.empty((len(labels), size, size, 3), numpy.uint8)
    for index, (name, _) in enumerate(labels):
        photo = files.get(pathlib.Path(name).stem) or files.get(name)
        if photo is None:
            sys.exit(f"{folder}: no photo for {name} below images/")
        with Image.open(photo) as opened:
            pictures[index] = opened.convert("RGB").resize((size, size), Image.BILINEAR)
    grades = torch.tensor([grade for _, grade in labels])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), grades


def normalised(pictures):
    return (pictures.float() / 255 - MEAN) / STD


def flipped(pictures):
    """Each mirrored and each upside down half of the time."""
    for axis in (2, 3):
        some = torch.rand(len(pictures)) < 0.5
        pictures[some] = pictures[some].flip(axis)
    return pictures


def logits(network, pictures):
    network.eval()
    with torch.no_grad():
        return torch.cat([network(normalised(part)) for part in pictures.split(64)])


def quadratic_kappa(grades, predicted):
    confusion = torch.zeros(GRADES, GRADES)
    for grade, answer in zip(grades, predicted):
        confusion[grade, answer] += 1
    scale = torch.arange(GRADES)
    weights = (scale[:, None] - scale[None]) ** 2
    chance = confusion.sum(1)[:, None] * confusion.sum(0)[None] / confusion.sum()
    return 1 - ((weights * confusion).sum() / (weights * chance).sum()).item()


def referable_auc(grades, answers):
    """Mann-Whitney's statistic of the probability of grade 2 or above."""
    score = answers.softmax(1)[:, 2:].sum(1)
    ill, well = score[grades >= 2], score[grades < 2]
    above = (ill[:, None] > well[None]).float() + 0.5 * (ill[:, None] == well[None]).float()
    return above.mean().item()


def temperature(grades, answers):
    candidates = torch.logspace(-0.7, 0.7, 141)
    loss = torch.nn.functional.cross_entropy
    return min(candidates, key=lambda t: loss(answers / t, grades).item()).item()


def figures(grades, answers, scale):
    predicted = answers.argmax(1)
    loss = torch.nn.functional.cross_entropy(answers / scale, grades).item()
    return (
        f"accuracy {(predicted == grades).float().mean().item():.3f}, "
        f"kappa {quadratic_kappa(grades, predicted):.3f}, cross-entropy {loss:.3f}, "
        f"referable AUC {referable_auc(grades, answers):.3f}"
    )


def main():
    reader = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    reader.add_argument("--photos", type=pathlib.Path, required=True)
    reader.add_argument("--split", type=pathlib.Path, required=True)
    reader.add_argument("--weights", type=pathlib.Path, required=True)
    reader.add_argument("--also", type=pathlib.Path, action="append", default=[])
    reader.add_argument("--size", type=int, default=128)
    reader.add_argument("--epochs", type=int, default=8)
    reader.add_argument("--batch", type=int, default=32)
    reader.add_argument("--rate", type=float, default=3e-4)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    torch.manual_seed(given.seed)

    grade = dict(rows(given.photos))
    with open(given.split, newline="") as table:
        ours = [row for row in csv.DictReader(table) if row["dataset"] == given.photos.name]
    part = lambda name: [
        (row["image"], grade[row["image"]])
        for row in ours
        if row["part"] == name and row["image"] in grade
    ]
    photos, truth = load(given.photos, part("train"), given.size)
    unseen, unseen_truth = load(given.photos, part("validation"), given.size)
    print(f"{len(photos)} photos to train on, {len(unseen)} for validation", flush=True)

    network = torchvision.models.resnet18()
    network.load_state_dict(torch.load(given.weights))
    network.fc = torch.nn.Linear(512, GRADES)
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=given.rate, weight_decay=0.01)
    steps = len(photos) // given.batch
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, given.rate, total_steps=steps * given.epochs
    )
    for epoch in range(1, given.epochs + 1):
        network.train()
        began, total = time.time(), 0.0
        for batch in torch.randperm(len(photos))[: steps * given.batch].split(given.batch):
            pictures = flipped(normalised(photos[batch]))
            pictures = pictures.contiguous(memory_format=torch.channels_last)
            loss = torch.nn.functional.cross_entropy(network(pictures), truth[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            total += loss.item()
        took = time.time() - began
        answers = logits(network, unseen)
        scale = temperature(unseen_truth, answers)
        told = figures(unseen_truth, answers, scale)
        print(f"epoch {epoch}: {took:.0f} s, training loss {total / steps:.3f}, {told}", flush=True)
    for folder in given.also:
        labels = list(rows(folder))
        pictures, grades = load(folder, labels, given.size)
        told = figures(grades, logits(network, pictures), scale)
        print(f"{folder.name}, {len(labels)} photos never trained on: {told}")


if __name__ == "__main__":
    main()
