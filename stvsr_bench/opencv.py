"""OpenCV with one code path for every processor, so that a number does not depend on who computes it.

OpenCV picks code by processor (SSE to AVX-512) and calls Intel IPP, which picks its own. Most results are equal; those
of enlarging `resize` on bytes, `remap` and the optical flows are not, and DIS turns one grey level into pixels of flow.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
_lock = threading.Lock()
_inside = 0  # how many contexts are open, in all threads
_quiet = 0  # the same of those that want no messages
_told = 0  # the level of messages before the first of them
_before = True  # what `useOptimized` was before the first of them


@contextmanager
def portable() -> Iterator[None]:
    """Inside this context OpenCV gives the same bits on every x86 processor.

    It was no slower where it was tried: DIS of 448x256 12.9 ms, 15.1 ms by OpenCV's own choice (one thread, Zen 3).
    May be nested and used from several threads. Afterwards `cv2.useOptimized()`, IPP and OpenCL are as they were, also
    when the body raises. The switch is the process's: until the last context ends, other threads' OpenCV calls take
    the portable path too.
    """
    global _inside, _before  # noqa: PLW0603 - OpenCV's switch is global, so is the count of those who want it off
    # setUseOptimized also sets IPP and OpenCL, and those two belong to the calling thread alone
    ipp, opencl = cv2.ipp.useIPP(), cv2.ocl.useOpenCL()
    with _lock:
        if _inside == 0:
            _before = cv2.useOptimized()
        _inside += 1
        cv2.setUseOptimized(False)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                cv2.setUseOptimized(_before)
        cv2.ipp.setUseIPP(ipp)
        cv2.ocl.setUseOpenCL(opencl)


@contextmanager
def silent() -> Iterator[None]:
    """Inside this context OpenCV writes nothing on the terminal; in all threads, as the switch is the process's."""
    global _quiet, _told  # noqa: PLW0603 - as above
    logs = cv2.utils.logging
    with _lock:
        if _quiet == 0:
            _told = logs.getLogLevel()
            logs.setLogLevel(logs.LOG_LEVEL_SILENT)
        _quiet += 1
    try:
        yield
    finally:
        with _lock:
            _quiet -= 1
            if _quiet == 0:
                logs.setLogLevel(_told)


def dis_flow(first: Grey, second: Grey) -> NDArray[np.float32]:
    """DIS flow (preset medium) of one 8-bit frame to another, (H, W, 2), x before y, in pixels."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    nothing: Any = None  # no first guess
    with portable():
        return np.asarray(dis.calc(first, second, nothing), np.float32)
