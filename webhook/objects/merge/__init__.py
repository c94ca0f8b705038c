"""Structured merge of a partial value into an object, as server-side apply does it.

A port of what `structured-merge-diff` does for MutatingAdmissionPolicies (kubernetes-cel.md 5.3),
with its error texts. Field ownership does not exist here.
"""

from webhook.objects.merge.merging import MergeError, merge
from webhook.objects.merge.values import Foreign

__all__ = ["Foreign", "MergeError", "merge"]
