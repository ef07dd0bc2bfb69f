"""Adam for networks whose layers join training at different times."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("regan_tf")
class CountingAdam(keras.optimizers.Adam):
    """Adam whose bias correction counts each variable's own updates.

    Keras counts the optimiser's: a variable that joins after a thousand
    updates would take a first step 1 / √(1 − β2) times too large. PyTorch,
    which the recipes were tuned with, counts as this does. Otherwise as
    `keras.optimizers.Adam`, whose arguments it has but for `amsgrad`.

    Raises:
        ValueError: `amsgrad` is asked for.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if self.amsgrad:
            raise ValueError(
                "`amsgrad` must be False: CountingAdam has no such form. "
                "Received: amsgrad=True"
            )

    def build(self, variables):
        super().build(variables)
        self._counts = [
            self.add_variable((), name=f"count_{i}")
            for i in range(len(variables))
        ]

    def update_step(self, gradient, variable, learning_rate):
        """One update of one variable (Kingma and Ba 2015, section 2)."""
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        count = self._counts[index]
        self.assign_add(count, ops.ones(()))
        gradient = ops.cast(gradient, variable.dtype)
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(
            square, (ops.square(gradient) - square) * (1 - self.beta_2)
        )
        updates = ops.convert_to_tensor(count)
        rate = ops.cast(learning_rate, variable.dtype)
        rate *= ops.sqrt(1 - ops.power(self.beta_2, updates)) / (
            1 - ops.power(self.beta_1, updates)
        )
        self.assign_sub(
            variable, rate * mean / (ops.sqrt(square) + self.epsilon)
        )
