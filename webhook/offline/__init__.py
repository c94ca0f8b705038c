"""What the command line does with policies when no server runs: check, test, move, scan.

Uses the same snapshot and the same `decide` as the server. Nothing here is loaded while serving.
"""
