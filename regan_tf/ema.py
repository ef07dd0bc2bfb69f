"""The averaged generator."""


class MovingAverage:
    """Exponential moving average of a model's trainable weights.

    Non-trainable weights (batch-norm statistics, masks) are the live ones, as
    in AutoGAN's code, so the average is exactly as sparse as the model.

    Args:
        model: the live `keras.Model`.
        average: a model with the same variables, which becomes the average;
            it starts as a copy.
        decay: weight of the past in each update, in [0, 1).
    """

    def __init__(self, model, average, decay):
        self.model = model
        self.average = average
        self.decay = decay
        average.set_weights(model.get_weights())

    def update(self):
        """average ← decay·average + (1 − decay)·live. Traceable.

        To be called in cross-replica context, once a step.
        """
        for mean, live in zip(
            self.average.variables, self.model.variables, strict=True
        ):
            if live.trainable:
                mean.assign(mean + (1.0 - self.decay) * (live - mean))
            else:
                mean.assign(live)
