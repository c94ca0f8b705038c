"""Certificates: made here, loaded here, replaced here while the server runs."""
