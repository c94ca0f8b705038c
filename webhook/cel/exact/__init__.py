"""An evaluator that follows upstream step by step: errors as values, cost charged on every path.

The compiled functions are much faster but only know the way without errors; where an error turns
up, this evaluator runs the expression again and says what value, error and cost upstream has.
"""
