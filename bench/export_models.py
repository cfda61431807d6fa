#!/usr/bin/env python3
"""Exports the networks that Shoal is measured with: torchvision's classifiers and an encoder of BERT-base's shape.

    bench/export_models.py -o models                       all of them
    bench/export_models.py -o models resnet50 bert_base     these

Needs torch, torchvision and onnx. Weights are made up from a fixed seed: a network's time does not depend on them. Next
to NAME.onnx stand NAME.x.npy, an input, and NAME.y.npy, what PyTorch answers, by which results can be compared:

    shoal run models/resnet50.onnx --input models/resnet50.x.npy --output out
"""
import argparse
import pathlib
import warnings

import numpy
import torch
import torchvision

CLASSIFIERS = ("vgg16", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "squeezenet1_1",
               "shufflenet_v2_x1_0", "densenet121", "inception_v3", "convnext_tiny", "vit_b_16")
ENCODER = "bert_base"


class Encoder(torch.nn.Module):
    """12 layers of 768 with 12 heads, post-norm and GELU, over embeddings of 128 tokens."""

    def __init__(self):
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        for parameter in self.layers.parameters():  # copies of one layer would be exported as one, and stay in a cache
            torch.nn.init.normal_(parameter, std=0.02)

    def forward(self, x):
        return self.layers(x)


def network(name):
    if name == ENCODER:
        return Encoder(), torch.randn(1, 128, 768)
    options = {"aux_logits": False, "init_weights": True} if name == "inception_v3" else {}
    made = getattr(torchvision.models, name)(weights=None, **options)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # fresh ones do nothing, and would be folded away
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return made, torch.randn(1, 3, 224, 224)


def export(name, folder):
    torch.manual_seed(0)
    made, x = network(name)
    made.eval()
    with torch.no_grad():
        y = made(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(made, x, str(folder / f"{name}.onnx"), dynamo=False, opset_version=17, input_names=["data"],
                          output_names=["out"], dynamic_axes={"data": {0: "N"}, "out": {0: "N"}})
    numpy.save(folder / f"{name}.x.npy", x.numpy())
    numpy.save(folder / f"{name}.y.npy", y.numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*CLASSIFIERS, ENCODER)))
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="DIR")
    flags = parser.parse_args()
    for name in flags.names:
        if name not in (*CLASSIFIERS, ENCODER):
            parser.error(f"there is no {name}; there are {', '.join((*CLASSIFIERS, ENCODER))}")
    flags.output.mkdir(parents=True, exist_ok=True)
    for name in flags.names or (*CLASSIFIERS, ENCODER):
        export(name, flags.output)
        print(name, flush=True)


if __name__ == "__main__":
    main()
