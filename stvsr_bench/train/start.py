"""Where the weights of a run begin."""

import torch
from torch import nn

from stvsr_bench import methods
from stvsr_bench.errors import UsageError


def keep_the_signal(net: nn.Module, seed: int) -> None:
    """Draw every convolution and linear layer anew so that variance passes through unchanged, with zero biases.

    The frameworks' default shrinks the signal to a third in every layer and adds a random bias; after the ten or more
    layers between a pixel and its restored one, which these nets put without a shortcut, the pixel is a hundredth
    of the bias. Long training mends that, a thousand steps do not. Layers of zeros (offset heads, last ones) stay.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear) and bool(module.weight.any()):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


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
