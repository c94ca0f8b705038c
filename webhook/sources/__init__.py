"""Where documents come from, and the store that holds what was built from them."""
