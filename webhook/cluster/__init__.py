"""The only code that talks to the API server: requests, watches, lookups, lease, configurations."""
