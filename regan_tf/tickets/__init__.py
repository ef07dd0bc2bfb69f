"""Lottery tickets of GANs by iterative magnitude pruning."""
