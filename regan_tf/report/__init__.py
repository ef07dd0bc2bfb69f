"""Finished runs side by side, and beside the paper: python -m regan_tf.report.

Importable without TensorFlow.
"""
