"""A bundle's ResNet-18 as an ONNX file, for benches/onnxruntime_web.mjs.

Needs torch, torchvision, safetensors and onnx:

    python benches/resnet18_to_onnx.py www/model resnet18.onnx
"""

import json
import pathlib
import sys

import torch
import torchvision
from safetensors.torch import load_file


def main():
    bundle, target = pathlib.Path(sys.argv[1]), sys.argv[2]
    manifest = json.loads((bundle / "model.json").read_text())
    if manifest["architecture"] != "resnet18":
        sys.exit(f"{bundle}: is no resnet18 but {manifest['architecture']}")
    size = manifest["preprocessing"]["size"]
    weights = load_file(bundle / manifest["weights"]["file"])
    # The head for macular oedema costs as good as nothing and is not torchvision's.
    weights = {k: v.float() for k, v in weights.items() if not k.startswith("fc_beside.")}
    network = torchvision.models.resnet18(num_classes=len(manifest["classes"]))
    network.load_state_dict(weights, strict=False)
    network.eval()
    picture = torch.zeros(1, 3, size, size)
    torch.onnx.export(
        network, picture, target, input_names=["picture"], output_names=["logits"], dynamo=False
    )


main()
