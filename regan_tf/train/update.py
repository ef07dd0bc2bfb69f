"""An update of one network: its gradients, made at once or in parts."""

import tensorflow as tf


class Update:
    """One update of a network by its optimiser, in replica context.

    An update may be made in parts: the gradients of microbatches, slices of
    the very batch and latents that it would have as a whole, are added up
    (`add`) and applied once (`apply`). That is the same within rounding,
    spectral norms included where real and fake images share a pass, but for
    statistics over a batch (batch normalisation, minibatch deviation): each
    part has its own, and running averages move once a part.

    Args:
        names: of the figures, in any order.
        inputs: function (*args, part) of what the gradients are computed
            from, a tuple of tensors (or None); `part` is None for the whole.
        gradients: function (*inputs) that gives figures, a dict of float32
            scalars which sum over replicas (and parts) to global means, and
            the gradients of the variables times the loss scale.
        optimizer: a built Keras optimiser.
        variables: that it moves.
        total: a `GradientSum` of the variables, or None: never in parts.
        every: steps from one such update to the next.
    """

    def __init__(
        self,
        names,
        inputs,
        gradients,
        optimizer,
        variables,
        total=None,
        every=1,
    ):
        self.names = tuple(names)
        self.inputs = inputs
        self.gradients = gradients
        self.optimizer = optimizer
        self.variables = variables
        self.total = total
        self.every = every

    def due(self, step):
        """Bool scalar: whether it is to be made in step `step`."""
        return tf.equal(step % self.every, 0)

    def whole(self, *args):
        """Makes the update; gives its figures."""
        figures, gradients = self.gradients(*self.inputs(*args, None))
        self.optimizer.apply(gradients, self.variables)
        return figures

    def add(self, *args):
        """Adds a part, the last argument; gives its figures."""
        figures, gradients = self.gradients(*self.inputs(*args))
        self.total.add(gradients)
        return figures

    def apply(self):
        """Ends an update whose parts were added."""
        self.optimizer.apply(self.total.take(), self.variables)
