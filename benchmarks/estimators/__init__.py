"""Perceptrons of minidl beside scikit-learn's: times of fits and predictions, and test scores."""
