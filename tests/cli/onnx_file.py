"""The smallest ONNX models, written by hand: protocol buffers of a few fields."""

from __future__ import annotations

from pathlib import Path

FLOAT = 1
Dimension = int | str


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _value(name: str, shape: list[Dimension]) -> bytes:
    sizes = (_bytes(2, d) if isinstance(d, str) else _number(1, d) for d in shape)
    dimensions = b"".join(_bytes(1, size) for size in sizes)
    tensor = _number(1, FLOAT) + _bytes(2, dimensions)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _node(operator: str, given: str, made: str) -> bytes:
    return _bytes(1, given) + _bytes(2, made) + _bytes(4, operator)


def write_onnx(path: Path, batch: Dimension = "batch", *, flatten: bool = True) -> Path:
    """Write a model that gives the mean of each channel, ``[B, 3]`` (``[B, 3, 1, 1]`` unflattened).

    Args:
        path: where to.
        batch: the number of images that it takes, or a name for any.
        flatten: whether the mean is flattened.
    """
    nodes = _bytes(1, _node("GlobalAveragePool", "images", "mean" if flatten else "out"))
    if flatten:
        nodes += _bytes(1, _node("Flatten", "mean", "out"))
    images = _bytes(11, _value("images", [batch, 3, "height", "width"]))
    out = _bytes(12, _value("out", [batch, 3] if flatten else [batch, 3, 1, 1]))
    graph = nodes + _bytes(2, "means") + images + out
    operators = _bytes(1, "") + _number(2, 13)
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, operators))
    return path
