"""The CEL engine: Kubernetes' dialect, compiled to Python functions."""
