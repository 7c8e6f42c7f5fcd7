"""A look inside an attention: numbers (`attention`) and pictures (`pictures`)."""
