#!/usr/bin/env python3
"""Trains the small CNN of this example and writes what the example runs on.

  digits.onnx    the network, batch size open (symbol N)
  images.npy     f32 [450, 1, 8, 8], held-out images, 0 to 1
  labels.npy     i64 [450], what they show
  expected.json  the network's accuracy on them by PyTorch

Needs PyTorch, onnx and scikit-learn; nobody who runs the example needs it: its results lie beside it. The images are the
"Optical Recognition of Handwritten Digits" test set of the UCI repository, as scikit-learn ships it; see DATA.md.
"""
import json
import pathlib

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = pathlib.Path(__file__).parent


class Digits(nn.Module):
    """Four convolutions and two dense layers, 232 thousand parameters, none of them more than a third of the whole."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(),
            nn.Conv2d(128, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.head(self.features(x))


def shifted(images, generator):
    """Each image moved by up to one pixel, so that the network does not learn positions by heart."""
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    y, x = torch.randint(0, 3, (2,), generator=generator).tolist()
    return padded[:, :, y:y + 8, x:x + 8]


def train(images, labels, epochs=60):
    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    model = Digits()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, epochs=epochs, steps_per_epoch=(len(images) + 63) // 64)
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=generator).split(64):
            loss = nn.functional.cross_entropy(model(shifted(images[batch], generator)), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def main():
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    train_x, test_x, train_y, test_y = train_test_split(images, digits.target, test_size=450, random_state=0, stratify=digits.target)
    model = train(torch.from_numpy(train_x), torch.from_numpy(train_y))
    with torch.no_grad():
        accuracy = float((model(torch.from_numpy(test_x)).argmax(1).numpy() == test_y).mean())
    torch.onnx.export(model, torch.zeros(1, 1, 8, 8), HERE / "digits.onnx", dynamo=False, opset_version=17,
                      input_names=["image"], output_names=["scores"], dynamic_axes={"image": {0: "N"}, "scores": {0: "N"}})
    np.save(HERE / "images.npy", test_x)
    np.save(HERE / "labels.npy", test_y.astype(np.int64))
    (HERE / "expected.json").write_text(json.dumps({"accuracy": round(accuracy, 6), "images": len(test_y), "torch": torch.__version__}) + "\n")
    print(f"accuracy {accuracy:.3f} on {len(test_y)} held-out images")


if __name__ == "__main__":
    main()
