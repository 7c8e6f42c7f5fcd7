"""Looking inside: an attention in numbers (`attention`) and pictures, the checks of `doctor`, the demo's choice."""
