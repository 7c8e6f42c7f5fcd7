#!/usr/bin/env bash
# What to run on a CUDA machine, at most 8 minutes: parity of every network, precisions, profiles. Writes reports/gpu/.
#     PYTHON=python bash tests/device/check.sh [cuda]
set -uo pipefail
cd "$(dirname "$0")/../.."
device="${1:-cuda}"
python="${PYTHON:-.venv/bin/python}"
out="${OUT:-reports/gpu}"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p "$out"
timeout 270 "$python" tests/device/check.py --device "$device" --out "$out" --minutes 4
for size in 64x112 180x320; do
  timeout 75 "$python" -m stvsr_bench profile --methods stdan@none,stdan:top_t=1@none,stdan:top_t=9@none,zsm@none,tmnet@none \
    --size "$size" --device "$device" --budget 4 --quiet --out "$out" >"$out/profile-$size.txt" 2>&1 || echo "profile $size: exit $?"
done
ls -l "$out"
