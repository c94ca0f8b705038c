"""The CEL engine: Kubernetes' dialect, compiled to Python functions."""

from webhook.cel.budget import Budget
from webhook.cel.compiler.compiler import Compiled
from webhook.cel.environment import Environment
from webhook.cel.errors import CompileError, EvaluationError
from webhook.cel.library import Function, Library
from webhook.cel.program import Group, Program, all_true
from webhook.cel.values import Duration, Optional, Timestamp, Uint

__all__ = [
    "Budget",
    "CompileError",
    "Compiled",
    "Duration",
    "Environment",
    "EvaluationError",
    "Function",
    "Group",
    "Library",
    "Optional",
    "Program",
    "Timestamp",
    "Uint",
    "all_true",
]
