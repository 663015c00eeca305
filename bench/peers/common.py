"""What the PyTorch peers share: threads, device, timing, memory, and the one JSON line that bench/run.mjs reads."""

import argparse
import json
import os
import re
import subprocess
import time

import torch


def arguments(**options):
    """Parses --NAME for each option; its default gives the type.

    Always there: `threads`, `repeats`, `device` (cpu or cuda) and `precision`. PyTorch computes convolutions on a GPU in
    TF32 unless told otherwise; "float32" tells it.
    """
    parser = argparse.ArgumentParser()
    common = {"threads": 2, "repeats": 10, "device": "cpu", "precision": "default"}
    for name, default in {**common, **options}.items():
        parser.add_argument("--" + name, type=type(default), default=default)
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    if parsed.precision == "float32":
        torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    return parsed


def seconds(call, repeats, warmup):
    """Seconds of each of `repeats` calls, after `warmup` calls that do not count."""
    durations = []
    for index in range(warmup + repeats):
        start = time.perf_counter()
        call(index)
        durations.append(time.perf_counter() - start)
    return durations[warmup:]


class PeakMemory:
    """Peak resident memory from its creation on, in MB over what was resident then, at least 1; None without Linux's /proc."""

    def __init__(self):
        try:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")  # sets the peak back to the present size
            self.start = self._status("VmRSS")
        except OSError:
            self.start = None

    def megabytes(self):
        return None if self.start is None else max(1, (self._status("VmHWM") - self.start) / 1024)

    def resident(self):
        """The peak itself, with all that the process held before, in MB."""
        return None if self.start is None else self._status("VmHWM") / 1024

    @staticmethod
    def _status(field):
        with open("/proc/self/status") as file:
            return int(re.search(field + r":\s+(\d+)", file.read()).group(1))


class DeviceMemory:
    """What a GPU's memory holds more at the end than at its creation, in MB, by the driver's count; None for the CPU.

    The caching allocator keeps what it once took, so the end is the peak.
    """

    def __init__(self, device):
        self.start = None if device == "cpu" else self._used()

    def megabytes(self):
        return None if self.start is None else max(1, self._used() - self.start)

    @staticmethod
    def _used():
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
        try:
            return int(subprocess.run(query, check=True, capture_output=True, text=True).stdout)
        except (OSError, subprocess.CalledProcessError):
            return None


def blas():
    """The matrix library in use. Debian's fallback without OpenBLAS is about 50 times slower: the name must show."""
    try:
        with open("/proc/self/maps") as file:
            loaded = {os.path.basename(line.split()[-1]) for line in file if ".so" in line}
    except OSError:
        return "unknown BLAS"
    for name in ("openblas", "mkl", "blis", "libblas"):
        if any(name in library.lower() for library in loaded):
            return name
    return "built-in BLAS"


def report(measures, device="cpu", **facts):
    """Prints the result: lists of numbers by measure, and facts that must be equal on both sides or are shown."""
    where = f"{blas()}, {torch.get_num_threads()} threads" if device == "cpu" else torch.cuda.get_device_name()
    facts["runtime"] = f"PyTorch {torch.__version__}, {where}"
    measures = {name: values for name, values in measures.items() if None not in values}
    print(json.dumps(dict(measures=measures, facts=facts)), flush=True)
