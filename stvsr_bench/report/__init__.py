"""Rows to what people read: tables, figures, ledger, comparisons and one page. Never imports torch."""
