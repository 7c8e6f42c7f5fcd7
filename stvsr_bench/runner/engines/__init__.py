"""How tasks are shared out: `local` (this machine), `dask` (a cluster). Any engine writes the same rows."""
