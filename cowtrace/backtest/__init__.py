"""Predictions beside measurements: what a rerun under another setting cost, and how far the prediction was off.

measured   what a store says of one run: totals of each measure, by process name
compare    predictions and runs into one table: predicted, measured, error, noise, covered; a pure function
"""
