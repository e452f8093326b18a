"""Mistakes in translators."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reidbench.engine.descent import descend
from reidbench.testing.toys import ToyTranslator
from tests.testing.planted import defect


class Plain(ToyTranslator):
    """The toy in parts that a defect replaces."""

    def loss(self, hop, clock):
        return F.l1_loss(hop.rec, hop.images.pixels) + F.mse_loss(
            hop.fake.mean((0, 2, 3)), hop.style.mean((0, 2, 3))
        )

    def extra(self, hop, extra_loss):
        return extra_loss((hop,))

    def finish(self, hop, loss):
        return (hop,), {"loss": loss.detach()}

    def training_step(self, batch, extra_loss, clock):
        hop = self._hop(batch)
        loss = self.loss(hop, clock)
        descend(self.adam, loss + self.extra(hop, extra_loss))
        return self.finish(hop, loss)


@defect("translator", "trains", "no attribute 'augmentation'")
class NoAugmentation(Plain):
    def __init__(self) -> None:
        super().__init__()
        del self.augmentation


@defect("translator", "trains", "'loss' is not finite")
class DividesByZero(Plain):
    def finish(self, hop, loss):
        return (hop,), {"loss": loss.detach() / 0}


@defect("translator", "trains", "'loss' is str, no scalar")
class TellsText(Plain):
    def finish(self, hop, loss):
        return (hop,), {"loss": f"{loss:.2f}"}


@defect("translator", "trains", "'loss' is Tensor\\[2\\], no scalar")
class TellsAVector(Plain):
    def finish(self, hop, loss):
        return (hop,), {"loss": loss.detach().expand(2)}


@defect("translator", "trains", "4 steps change no weight")
class NeverSteps(Plain):
    def training_step(self, batch, extra_loss, clock):
        hop = self._hop(batch)
        loss = self.loss(hop, clock) + self.extra(hop, extra_loss)
        loss.backward()
        return self.finish(hop, loss)


@defect("translator", "trains-on-one-image", "raised ValueError: Expected more than 1 value")
class NormalisesOneRow(Plain):
    def setup(self, ctx):
        self.norm = nn.BatchNorm1d(3)
        super().setup(ctx)

    def loss(self, hop, clock):
        return super().loss(hop, clock) + self.norm(hop.fake.mean((2, 3))).square().mean()


@defect("translator", "every-parameter-is-optimised-or-frozen", "optimisers in 'optimisers' are")
class OptimisersInAList(Plain):
    def setup(self, ctx):
        super().setup(ctx)
        self.optimisers = [self.adam, torch.optim.SGD(self.parameters(), 0.1)]


@defect("translator", "every-parameter-is-optimised-or-frozen", "no optimiser holds back.weight")
class ForgetsANetwork(Plain):
    def setup(self, ctx):
        super().setup(ctx)
        self.adam = torch.optim.Adam(self.there.parameters(), self.lr)


@defect("translator", "hops-are-what-it-provides", "provides names idt, but a hop lacks it")
class PromisesTooMuch(Plain):
    provides = frozenset({"rec", "idt"})


@defect("translator", "hops-are-what-it-provides", "hop.fake is Tensor\\[4, 3, 16, 12\\]")
class ShrinksItsFakes(Plain):
    def extra(self, hop, extra_loss):
        return extra_loss((replace(hop, fake=F.avg_pool2d(hop.fake, 2)),))


@defect("translator", "hops-are-what-it-provides", "hop.fake is in \\[.*not \\[-1, 1\\]")
class LeavesTheRange(Plain):
    def extra(self, hop, extra_loss):
        return extra_loss((replace(hop, fake=hop.fake * 100),))


@defect("translator", "hops-are-what-it-provides", "hop.dst names domain 7 of 2")
class UnknownDomain(Plain):
    def extra(self, hop, extra_loss):
        return extra_loss((replace(hop, dst=hop.dst + 6),))


@defect("translator", "hops-are-what-it-provides", "hop.dst is torch.float32, no index")
class DomainAsFloat(Plain):
    def extra(self, hop, extra_loss):
        return extra_loss((replace(hop, dst=hop.dst.float()),))


@defect("translator", "hops-are-what-it-provides", "training_step returns no hop")
class ReturnsNoHop(Plain):
    def finish(self, hop, loss):
        return (), {"loss": loss.detach()}


@defect("translator", "extra-loss-is-heeded", "extra_loss is not called in 4 steps")
class NeverAsks(Plain):
    def extra(self, hop, extra_loss):
        return torch.zeros(())


@defect("translator", "extra-loss-is-heeded", "its gradient goes nowhere")
class AsksAndForgets(Plain):
    def extra(self, hop, extra_loss):
        extra_loss((hop,))
        return torch.zeros(())


@defect("translator", "extra-loss-is-heeded", "given hops that are cut")
class AsksOfADetachedImage(Plain):
    def extra(self, hop, extra_loss):
        return extra_loss((hop.detach(),))


@defect("translator", "extra-loss-of-0-changes-nothing", "an extra loss of weight 0 trains")
class DrawsForAConstraint(Plain):
    def extra(self, hop, extra_loss):
        extra = extra_loss((hop,))
        return extra + (0.1 * hop.fake.mean() if extra.requires_grad else 0.0)


@defect("translator", "is-deterministic", "the same training gives: another")
class DrawsByNumpy(Plain):
    def loss(self, hop, clock):
        return super().loss(hop, clock) * float(np.random.rand())


@defect("translator", "is-deterministic", "the same training gives: another")
class DrawsByPython(Plain):
    def setup(self, ctx):
        super().setup(ctx)
        with torch.no_grad():
            self.there.weight.mul_(1 + random.random())


@defect("translator", "is-deterministic", "the same training gives: another")
class ReadsTheTime(Plain):
    def loss(self, hop, clock):
        return super().loss(hop, clock) + 1e-3 * (time.perf_counter_ns() % 997) * hop.fake.mean()


@defect("translator", "resumes-at-every-step", "resumed at step 1 it ends with another")
class CountsSteps(Plain):
    count = 0

    def loss(self, hop, clock):
        self.count += 1
        return super().loss(hop, clock) * self.count + self.count * hop.fake.mean()


@defect("translator", "resumes-at-every-step", "resumed at step")
class KeepsAScheduler(Plain):
    def setup(self, ctx):
        super().setup(ctx)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.adam, lambda step: 0.5**step)

    def finish(self, hop, loss):
        self.schedule.step()
        return super().finish(hop, loss)


@defect("translator", "resumes-at-every-step", "resumed at step")
class KeepsAPool(Plain):
    def setup(self, ctx):
        super().setup(ctx)
        self.pool = []

    def loss(self, hop, clock):
        self.pool.append(hop.fake.detach())
        return super().loss(hop, clock) + F.mse_loss(hop.fake, torch.stack(self.pool).mean(0))


@defect("translator", "is-deaf-to-target-persons", "other persons in the target train: another")
class ReadsTargetPersons(Plain):
    def training_step(self, batch, extra_loss, clock):
        hop = self._hop(batch)
        loss = self.loss(hop, clock) + batch.target.pid.float().mean() * hop.fake.mean()
        descend(self.adam, loss + self.extra(hop, extra_loss))
        return self.finish(hop, loss)


@defect("translator", "translate-keeps-shape-and-range", "translate gives Tensor\\[4, 3, 16, 12\\]")
class HalvesImages(Plain):
    def translate(self, images, src, dst, code=None):
        made = super().translate(images, src, dst, code)
        return made if self.training else F.avg_pool2d(made, 2)


@defect("translator", "translate-keeps-shape-and-range", "translate gives in \\[")
class ForgetsTanh(Plain):
    def translate(self, images, src, dst, code=None):
        if self.training:
            return super().translate(images, src, dst, code)
        return 9 * (self.there if dst else self.back)(images.pixels)


@defect("translator", "translate-keeps-shape-and-range", "translate gives of torch.uint8")
class ReturnsBytes(Plain):
    def translate(self, images, src, dst, code=None):
        made = super().translate(images, src, dst, code)
        return made if self.training else (made * 0).to(torch.uint8)


@defect("translator", "translate-keeps-shape-and-range", "translate gives Tensor\\[3, 32, 24\\]")
class SqueezesOneImage(Plain):
    def translate(self, images, src, dst, code=None):
        return super().translate(images, src, dst, code).squeeze(0)


@defect("translator", "translate-changes-something", "returns its input from domain 0 to 1")
class ReturnsItsInput(Plain):
    def translate(self, images, src, dst, code=None):
        made = super().translate(images, src, dst, code)
        return made if self.training else images.pixels


@defect("translator", "translate-keeps-rows-apart", "depends on the other rows")
class MixesRows(Plain):
    def translate(self, images, src, dst, code=None):
        pixels = images.pixels - images.pixels.mean(0, keepdim=True)
        return super().translate(replace(images, pixels=pixels), src, dst, code)


@defect("translator", "translate-is-repeatable", "other images at the second call")
class DropsOutForEver(Plain):
    def translate(self, images, src, dst, code=None):
        return F.dropout(super().translate(images, src, dst, code), 0.1).clamp(-1, 1)


@defect("translator", "translate-is-repeatable", "translate leaves: another seen")
class CountsImages(Plain):
    def setup(self, ctx):
        self.register_buffer("seen", torch.zeros(()))
        super().setup(ctx)

    def translate(self, images, src, dst, code=None):
        self.seen += len(images)
        return super().translate(images, src, dst, code)


@defect("translator", "codes-pick-translations", "not the same as the mean of the codes")
class OwnMeanCode(Plain):
    code_size = 1

    def translate(self, images, src, dst, code=None):
        shift = 0.1 if code is None else code.mean()
        return super().translate(replace(images, pixels=images.pixels + shift), src, dst)


@defect("translator", "sizes-obey-the-benchmark", "width=4 and width=8 give networks of the same")
class IgnoresWidth(Plain):
    def __init__(self, *, width: int = 64) -> None:
        super().__init__()


@defect("translator", "trains-in-bf16", "raised TypeError: Got unsupported ScalarType BFloat16")
class LeavesForNumpy(Plain):
    def loss(self, hop, clock):
        level = float(self.there(hop.images.pixels).detach().numpy().mean())
        return super().loss(hop, clock) + level * hop.fake.mean()
