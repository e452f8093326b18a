"""IDE's training beside a plain loop of the same recipe, made of torch's own parts."""

import copy

import torch
from reidbench_ide.learner import IDE
from torch.nn import functional as F


def plain_loop(ide, model, data, seed):
    """Train by SGD at 0.005 (head) and 0.001 (backbone), and at a tenth from step 8 of 12 on."""
    groups = [
        {"params": [*model.backbone.parameters()], "lr": 0.001},
        {"params": [*model.head.parameters()], "lr": 0.005},
    ]
    sgd = torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4, nesterov=True)
    for step in range(12):
        if step == 8:
            for group in sgd.param_groups:
                group["lr"] *= 0.1
        images = data.images(ide.rows(data, step, seed), torch.device("cpu"))
        mean, deviation = (
            torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        pooled = model.backbone(((images.pixels + 1) / 2 - mean) / deviation)
        loss = F.cross_entropy(model.head(pooled), images.pid)
        sgd.zero_grad()
        loss.backward()
        sgd.step()


def test_agrees_with_a_plain_loop_of_the_same_recipe(persons, loop):
    values = {"backbone": "small-resnet", "bottleneck": 32, "dropout": 0.0, "batch": 8, "epochs": 2}
    ide = IDE(**values, lr=0.005, backbone_lr=0.001, flip=False, enlarge=1.0)
    start, ours = ide.build(persons.num_pids), loop()
    fitted, plain = copy.deepcopy(start), copy.deepcopy(start).train()
    ide.fit(fitted, persons, ours)
    plain_loop(ide, plain, persons.classes(), ours.seed)
    for (name, a), b in zip(fitted.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-4, msg=name)
    for name in ("backbone.stem.0.weight", "head.4.weight"):
        a, b = fitted.get_parameter(name), start.get_parameter(name)
        assert (a - b).abs().max() > 1e-4
