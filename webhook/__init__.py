"""Propylon: policy as code for Kubernetes, as an admission webhook."""
