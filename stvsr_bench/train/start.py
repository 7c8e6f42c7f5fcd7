"""Where the weights of a run begin."""

import torch
from torch import Tensor, nn

from stvsr_bench import methods
from stvsr_bench.errors import UsageError
from stvsr_bench.nn.deform import ModulatedDeformConv
from stvsr_bench.train.recipe import Straight


def straighten(net: nn.Module, how: Straight, seed: int) -> None:
    """Begin with a net that hands detail through: every convolution near the identity, with zero biases.

    These nets put ten and more layers without a shortcut between a pixel and its restored one. The framework's default
    shrinks the signal to a third in each and adds random biases, and a flat grey is a hundred times stronger than the
    detail that is wanted: long training mends that, a thousand steps do not. So convolutions start as the identity
    plus noise (fusions of two as their mean), the first as filters that see no flat grey, and what closes a residual
    branch at zero. Layers of zeros (offset heads, last ones) stay.

    Raises:
        UsageError: the recipe names a module that the net does not have.
    """
    known = dict(net.named_modules())
    for name in [*how.high_pass, *how.zero, *how.own]:
        if name not in known:
            raise UsageError(f"straight: this net has no module '{name}'")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, module in known.items():
            left_alone = any(name == own or name.startswith(own + ".") for own in how.own)
            if left_alone or not isinstance(module, nn.Conv2d | ModulatedDeformConv) or not bool(module.weight.any()):
                continue
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if name in how.zero:
                nn.init.zeros_(module.weight)
            elif name in how.high_pass:
                module.weight.sub_(module.weight.mean((2, 3), keepdim=True)).mul_(how.gain)
            elif isinstance(module, ModulatedDeformConv):
                module.weight.mul_(how.noise).add_(2 * identity_like(module.weight))  # its masks start at a half
            elif module.out_channels <= 2 * module.in_channels:  # not where pixels are shuffled: those must differ
                module.weight.mul_(how.noise).add_(identity_like(module.weight))


def identity_like(weight: Tensor) -> Tensor:
    """Weights of this shape that pass channels through; a 1x1 fusion of twice as many gives the mean of both halves."""
    rows, columns, size = weight.shape[:3]
    same = torch.zeros_like(weight)
    if columns == 2 * rows and size == 1:
        half = torch.eye(rows)[:, :, None, None] / 2
        return torch.cat([half, half], dim=1)
    return nn.init.dirac_(same)


def take_over(net: nn.Module, spec: str) -> None:
    """Copy from a trained net every value whose name and shape agree.

    Raises:
        UsageError: there is none.
    """
    given = methods.build(spec).net.state_dict()
    own = net.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise UsageError(f"start = '{spec}': none of its weights fits this net")
    net.load_state_dict(fitting, strict=False)
