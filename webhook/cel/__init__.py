"""The CEL engine: Kubernetes' dialect, compiled to Python functions."""

from webhook.cel.adapter import Budget, Environment, Program
from webhook.cel.errors import CompileError, EvaluationError
from webhook.cel.library import Function, Library
from webhook.cel.values import Duration, Optional, Timestamp, Uint

__all__ = [
    "Budget",
    "CompileError",
    "Duration",
    "Environment",
    "EvaluationError",
    "Function",
    "Library",
    "Optional",
    "Program",
    "Timestamp",
    "Uint",
]
