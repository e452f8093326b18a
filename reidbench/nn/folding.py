"""Batch normalisation folded into the convolutions before it, for inference."""

from __future__ import annotations

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from reidbench.nn.norm import InstanceNorm


def fold_batch_norms(module: nn.Module) -> int:
    """Fold what can be folded, in place, and return the number of layers that went.

    A batch normalisation in evaluation mode scales and shifts each channel; so can the
    convolution whose output it takes, if nothing else takes that output. The result is the same up
    to rounding and a fifth to a third faster on a CPU.

    Which layers follow each other is read from a symbolic trace of ``forward``, but the module
    goes on running its own code; one that cannot be traced stays as it is.
    """
    if not any(isinstance(m, nn.BatchNorm2d) for m in module.modules()):
        return 0
    pairs = _pairs(module)
    for before, after in pairs:
        convolution, norm = module.get_submodule(before), module.get_submodule(after)
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        module.set_submodule(before, fuse_conv_bn_eval(convolution, norm))
        module.set_submodule(after, nn.Identity())
    return len(pairs)


class _Tracer(fx.Tracer):
    """Does not look into instance normalisation, whose way depends on the maps it is given."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, InstanceNorm) or super().is_leaf_module(m, module_qualified_name)


def _pairs(module: nn.Module) -> list[tuple[str, str]]:
    """Return the names of convolutions and of the normalisations that alone take their output."""
    try:
        graph = _Tracer().trace(module)
    except Exception:  # forward may do anything at all with what it takes for a tensor
        return []
    calls = {node: _called(module, node) for node in graph.nodes}
    uses = Counter(map(id, calls.values()))
    names = Counter(id(m) for _, m in module.named_modules(remove_duplicate=False))
    pairs = []
    for node, norm in calls.items():
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or len(before.users) > 1:
            continue
        layers = (calls[before], norm)
        if _fit(*layers) and all(uses[id(m)] == names[id(m)] == 1 for m in layers):
            pairs.append((str(before.target), str(node.target)))
    return pairs


def _called(module: nn.Module, node: fx.Node) -> nn.Module | None:
    return module.get_submodule(str(node.target)) if node.op == "call_module" else None


def _fit(convolution: nn.Module | None, norm: nn.Module | None) -> bool:
    # Subclasses may compute something else.
    if type(convolution) is not nn.Conv2d or type(norm) is not nn.BatchNorm2d:
        return False
    return not norm.training and norm.running_mean is not None
