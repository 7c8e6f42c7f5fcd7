"""The same networks in the order of their papers: every sum where it is written, nothing shared, nothing in pieces.

The oracle of the tests, and what `tests/benchmarks/networks.py` measures the shipped order against.
"""

import torch
import torch.nn.functional as F

from stvsr_bench.nn.pyramid import leaky
from stvsr_bench.nn.warp import warp


class PlainLiif:
    """LIIF with the modules of ours: 580 numbers per query and corner, all queries at once."""

    corners = ("top left (-,-)", "top right (-,+)", "bottom left (+,-)", "bottom right (+,+)")

    def __init__(self, net, axis):
        self.net, self.axis, self.seen = net, axis, {}

    def __call__(self, frames_BTChw, size):
        frames_NChw = frames_BTChw.flatten(0, 1)
        feat_NChw = self.note("encoder feature", self.net.encoder(frames_NChw))
        rows, columns = (self.axis(*pair) for pair in zip(frames_NChw.shape[-2:], size, strict=True))
        around_NUhw = F.unfold(feat_NChw, 3, padding=1).unflatten(-1, feat_NChw.shape[-2:])
        answers, areas = [], []
        for y in (0, 1):
            for x in (0, 1):
                dy, dx = (torch.from_numpy(side.offset_2n[i]) for side, i in ((rows, y), (columns, x)))
                place = (dy[:, None], dx[None], *torch.tensor([rows.cell, columns.cell], dtype=torch.float64))
                place_N4HW = torch.stack([p.expand(size).to(feat_NChw) for p in place]).expand(len(feat_NChw), 4, *size)
                at = around_NUhw[:, :, rows.pixel_2n[y][:, None], columns.pixel_2n[x][None]]
                given = self.note(f"imnet input at corner {self.corners[2 * y + x]}", torch.cat([at, place_N4HW], 1))
                answers.append(self.note(f"imnet output at corner {self.corners[2 * y + x]}", self.answer(given)))
                areas.append((dy[:, None] * dx[None]).abs() + 1e-9)
        shares = [area / sum(areas) for area in reversed(areas)]
        for corner, share in zip(self.corners, shares, strict=True):
            self.note(f"weight of corner {corner}", share.expand(len(feat_NChw), 1, *size))
        raw = sum(answer * share.to(answer) for answer, share in zip(answers, shares, strict=True))
        unclipped = self.note("raw output (blended, before *0.5+0.5)", raw) * 0.5 + 0.5
        return unclipped.clamp(0, 1).unflatten(0, frames_BTChw.shape[:2])

    def answer(self, given_NUHW):
        """The small network of one corner, as a row of linear layers."""
        function, x = self.net.function, given_NUHW.movedim(1, -1)
        for layer in (function.first, *function.hidden):
            x = layer(x).relu()
        return function.last(x).movedim(-1, 1)

    def note(self, name, tensor):
        self.seen[name] = tensor
        return tensor


class PlainBasicVsr:
    """BasicVSR with the modules of ours: every flow by itself, all features of both passes kept until the end."""

    def __init__(self, net):
        self.net = net

    def __call__(self, frames_BTChw):
        frames = frames_BTChw.unbind(1)
        later = self.carried(self.net.backward_, frames[::-1])[::-1]
        earlier = self.carried(self.net.forward_, frames)
        fused = [leaky(self.net.fuse(torch.cat(pair, dim=1))) for pair in zip(later, earlier, strict=True)]
        base = [F.interpolate(frame, scale_factor=4.0, mode="bilinear", align_corners=False) for frame in frames]
        return torch.stack([self.net.tail(y) + b for y, b in zip(fused, base, strict=True)], dim=1)

    def carried(self, trunk, frames):
        feats, before = [frames[0].new_zeros(len(frames[0]), trunk.features, *frames[0].shape[-2:])], None
        for frame in frames:
            carried = feats[-1]
            if before is not None:
                flow = self.net.flow(self.net.flow.pyramid(frame), self.net.flow.pyramid(before), frame.shape[-2:])
                carried = warp(carried, flow, outside="zeros")
            feats.append(trunk.blocks(leaky(trunk.enter(torch.cat([frame, carried], dim=1)))))
            before = frame
        return feats[1:]
