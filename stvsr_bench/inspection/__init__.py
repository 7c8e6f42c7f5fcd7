"""A look inside an attention: numbers (`looks`) and pictures (`pictures`)."""
