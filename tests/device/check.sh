#!/usr/bin/env bash
# What to run on a CUDA machine, at most 8 minutes: parity of every network, precisions, profiles. Writes reports/gpu/.
# Each part has its own time limit and keeps what it has: one that fails costs no other.
#     PYTHON=python bash tests/device/check.sh [cuda]
set -uo pipefail
cd "$(dirname "$0")/../.."
device="${1:-cuda}"
python="${PYTHON:-.venv/bin/python}"
out="${OUT:-reports/gpu}"
end="${SECONDS_IN_ALL:-470}"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p "$out"

limited() { # limited SECONDS COMMAND...: ends it after so long, and when the time of all is over
  local left=$((end - SECONDS)) most=$1
  shift
  [ "$left" -gt 5 ] || return 124
  timeout -k 5 $((left < most ? left : most)) "$@"
}

profile() { # profile SECONDS METHODS SIZE
  limited "$1" "$python" -m stvsr_bench profile --methods "$2" --size "$3" --device "$device" --budget 2 --quiet \
    --out "$out" >>"$out/profile-$3.txt" 2>&1
}

limited 60 "$python" -c "from stvsr_bench.restore import pick_device as p; import torch; print(p('$device'), torch.__version__)" || exit
limited 225 "$python" tests/device/check.py --device "$device" --out "$out" --minutes 3.5 || echo "check.py: exit $?"
methods=stdan@none,stdan:top_t=1@none,stdan:top_t=9@none,zsm@none,tmnet@none
for size in 64x112 180x320; do
  : >"$out/profile-$size.txt"
  profile 120 "$methods" "$size" && continue
  code=$?
  echo "all together: exit $code; profile.jsonl has the methods that were measured" | tee -a "$out/profile-$size.txt"
  [ "$code" = 124 ] && continue # no time, and one by one takes longer
  for method in ${methods//,/ }; do
    profile 40 "$method" "$size" || echo "$method: exit $?" | tee -a "$out/profile-$size.txt"
  done
done
ls -l "$out"
