import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.nn.image_pool import ImagePool

SIZE = (2, 3)


def numbered(start, count):
    """Return images whose every pixel is their number."""
    return torch.arange(start, start + count).float().view(-1, 1, 1, 1).expand(-1, 3, *SIZE)


def numbers(images):
    assert images.shape[1:] == (3, *SIZE)
    return images[:, 0, 0, 0].int().tolist()


class PublishedPool:
    """The pool of the CycleGAN release, on lists, with draws given from outside."""

    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, batch, swaps, slots):
        out = []
        for number, swap, slot in zip(batch, swaps, slots, strict=True):
            if len(self.images) < self.size:
                self.images.append(number)
                out.append(number)
            elif swap:
                out.append(self.images[slot])
                self.images[slot] = number
            else:
                out.append(number)
        return out


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(1, 4), min_size=1, max_size=8), st.integers(0, 99))
def test_pool_equals_the_published_one(size, batches, seed):
    ours, theirs = ImagePool(size, SIZE), PublishedPool(size)
    start = 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for count in batches:
            state = torch.get_rng_state()
            swaps = (torch.rand(count) < 0.5).tolist()
            slots = torch.randint(size, (count,)).tolist()
            torch.set_rng_state(state)
            images = numbered(start, count)
            expected = theirs.query(numbers(images), swaps, slots)
            assert numbers(ours(images)) == expected
            start += count


def test_half_of_the_images_of_a_full_pool_are_earlier_ones():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pool = ImagePool(50, SIZE)
        pool(numbered(0, 50))
        fresh = [numbers(pool(numbered(n, 1))) == [n] for n in range(50, 1050)]
    assert 450 < sum(fresh) < 550


def test_a_pool_of_size_0_passes_everything():
    images = numbered(0, 3)
    assert ImagePool(0, SIZE)(images) is images


def test_state_restores_content_and_fill():
    first = ImagePool(3, SIZE)
    first(numbered(5, 2))
    second = ImagePool(3, SIZE)
    second.load_state_dict(first.state_dict())
    assert second.filled == 2
    assert torch.equal(second.images, first.images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        a = [numbers(first(numbered(n, 1))) for n in range(20)]
        torch.manual_seed(1)
        b = [numbers(second(numbered(n, 1))) for n in range(20)]
    assert a == b


def test_what_comes_out_has_no_graph():
    fakes = numbered(0, 2).clone().requires_grad_()
    pool = ImagePool(1, SIZE)
    assert not pool(fakes * 2).requires_grad
    assert not pool.images.requires_grad
