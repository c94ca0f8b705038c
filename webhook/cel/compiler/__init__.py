"""Compiles plans to Python functions that know the way without errors.

Where anything goes wrong on that way (a missing key, a wrong type, an overflow) the function
raises, and the exact evaluator runs the expression again: it alone knows what CEL absorbs.
"""
