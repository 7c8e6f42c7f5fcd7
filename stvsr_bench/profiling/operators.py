"""Multiply-adds of each tensor operator, by fvcore's formulas, and what is not counted.

One multiply-add counts as one. Bilinear sampling and resizing count four per value made (fvcore's rule), a layer norm
five per value, a running sum one per value. Elementwise arithmetic, activations and softmax are not counted and are
listed; moving data costs no arithmetic and is not listed.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from fvcore.nn import jit_handles
from torch import Size, Tensor

Shape = tuple[int, ...]
Formula = Callable[[Sequence[Any], Sequence[Any]], int]


# fvcore counts on a TorchScript trace, which torch calls deprecated and which does not look into autograd functions;
# this stands in for a value of the trace, so that its formulas serve operators as they are executed
class Value:
    """A tensor's shape where fvcore's formulas expect a value of a traced graph."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def isCompleteTensor(self) -> bool:
        """Always: the shape is known."""
        return True

    def type(self) -> "Value":
        """Itself, for `value.type().sizes()`."""
        return self

    def sizes(self) -> list[int]:
        """The shape."""
        return list(self.shape)


def multiply_adds(operator: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> int | None:
    """The multiply-adds of one call of e.g. `aten::addmm`; None if no formula is known."""
    formula = FORMULAS.get(operator)
    # None and not 0: what has no formula is listed as not counted, never silently free
    return None if formula is None else int(formula(inputs, outputs))


def moves_only(operator: str) -> bool:
    """Whether an operator only moves, makes, compares or names data."""
    name = operator.partition("::")[2]
    return name.rstrip("_") in MOVES or name.startswith(("new_", "_to", "view", "empty", "as_strided", "is_", "sym_"))


def _values(found: Sequence[Any]) -> list[Any]:
    return [Value(tuple(item.shape)) if isinstance(item, Tensor) else item for item in found]


def _fvcore(handle: Callable[[list[Any], list[Any]], Any], first: int = 0) -> Formula:
    # `first` leaves away the matrix that baddbmm adds: an addition is no multiply-add
    return lambda inputs, outputs: int(handle(_values(inputs[first:]), _values(outputs)))


# input 6 of aten::convolution is `transposed`: its products are counted per input pixel, not per output pixel
def _convolution(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    shapes = [list(tensor.shape) for tensor in (inputs[0], inputs[1], outputs[0])]
    return int(jit_handles.conv_flop_count(*shapes, transposed=bool(inputs[6])))


# fused kernels have names of their own on each device; as two products they count what unfused attention counts
def _attention(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """Queries times keys, and weights times values."""
    query, key, value = (tuple(tensor.shape) for tensor in inputs[:3])
    return int(prod(query) * key[-2] + prod(query[:-1]) * key[-2] * value[-1])


def _per_output(each: int) -> Formula:
    return _fvcore(jit_handles.elementwise_flop_counter(0, each))


def _norm(weight_at: int) -> Formula:
    """fvcore's rule: four per value, five with a weight."""

    def formula(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
        return prod(_shape(inputs[0])) * (5 if isinstance(inputs[weight_at], Tensor) else 4)

    return formula


def _batch_norm(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """In eval mode, folded into a scale and a shift: one multiply-add per value, two with a weight (fvcore)."""
    return prod(_shape(inputs[0])) * (2 if isinstance(inputs[1], Tensor) else 1)


def _matrix_vector(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    return prod(_shape(inputs[-2] if len(inputs) == 2 else inputs[1]))


def _deformable(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """torchvision's deformable convolution: the dense part, and four per sampled value."""
    rows, columns, *kernel = _shape(inputs[1])
    out = _shape(outputs[0])
    pixels = out[0] * prod(out[2:])
    channels = _shape(inputs[0])[1]
    return pixels * prod(kernel) * (rows * columns + 4 * channels)


def _shape(tensor: Any) -> Size:
    return tensor.shape  # type: ignore[no-any-return]


FORMULAS: dict[str, Formula] = {
    "aten::convolution": _convolution,
    "aten::addmm": _fvcore(jit_handles.addmm_flop_jit),
    "aten::mm": _fvcore(jit_handles.matmul_flop_jit),
    "aten::bmm": _fvcore(jit_handles.bmm_flop_jit),
    "aten::baddbmm": _fvcore(jit_handles.bmm_flop_jit, first=1),
    "aten::mv": _matrix_vector,
    "aten::addmv": _matrix_vector,
    "aten::dot": _matrix_vector,
    "aten::_scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten::_scaled_dot_product_flash_attention": _attention,
    "aten::_scaled_dot_product_efficient_attention": _attention,
    "aten::_scaled_dot_product_cudnn_attention": _attention,
    "aten::_scaled_dot_product_fused_attention_overrideable": _attention,
    "aten::grid_sampler_2d": _per_output(4),  # four neighbours per value
    "aten::upsample_bilinear2d": _per_output(4),
    "aten::upsample_bicubic2d": _per_output(16),  # 4 x 4 neighbours
    "aten::native_layer_norm": _norm(2),
    "aten::native_group_norm": _norm(1),
    "aten::native_batch_norm": _batch_norm,
    "aten::_native_batch_norm_legit_no_training": _batch_norm,
    "aten::cumsum": _per_output(1),
    "aten::cumprod": _per_output(1),
    "aten::logcumsumexp": _per_output(1),
    "torchvision::deform_conv2d": _deformable,
}

_MOVES = """
alias arange argmax argmin argsort bernoulli bitwise_and bitwise_not bitwise_or cat channel_shuffle chunk clone
constant_pad_nd contiguous copy detach diagonal embedding eq equal expand eye fill flatten flip full full_like
gather ge gt index index_put index_select isfinite isinf isnan item le lift_fresh linspace local_scalar_dense
_local_scalar_dense lt masked_fill masked_scatter max_pool2d_with_indices meshgrid movedim narrow ne nonzero normal
one_hot ones ones_like pad permute pixel_shuffle pixel_unshuffle rand rand_like randn randperm reflection_pad2d
repeat repeat_interleave replication_pad2d replication_pad3d reshape _reshape_alias resize roll scalar_tensor
scatter select set slice slice_scatter sort split split_with_sizes squeeze stack t tile topk transpose tril triu
unbind unfold _unsafe_index _unsafe_view unsqueeze uniform upsample_nearest2d where zero zeros zeros_like im2col
logical_and logical_not logical_or _assert_async _has_compatible_shallow_copy_type
"""
MOVES = frozenset(_MOVES.split())
