"""Configuration documents: YAML texts to checked Items, each mistake with line and column.

What a kind may contain is the business of the rules and policies that read the Items.
"""

from webhook.documents.items import Item, parse_document, parse_document_in_steps

__all__ = ["Item", "parse_document", "parse_document_in_steps"]
