"""Pure functions over JSON values: paths, patches, sameness, selectors, pod templates, quantities.

Nothing here knows about admission, rules or YAML, and nothing imports beyond the standard library.
"""
