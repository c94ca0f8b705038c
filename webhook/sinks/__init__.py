"""Where results go besides the ledger: metrics and the audit log. Never block, never raise."""
