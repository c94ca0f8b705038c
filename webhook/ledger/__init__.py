"""The ledger: every decision that is not a plain allow, kept for auditors.

`sink` takes decisions from the serving path without waiting, `store` writes them, `queries` reads.
"""
