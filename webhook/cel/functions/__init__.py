"""Function libraries of the language, one module each."""
