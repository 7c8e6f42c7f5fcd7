"""How types that people and files fill are checked: unknown keys are errors."""

from pydantic import ConfigDict

# infinite PSNR (equal frames) is written as the string "Infinity": JSON has no such number
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="strings")
