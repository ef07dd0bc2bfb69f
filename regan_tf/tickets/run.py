"""Iterative magnitude pruning: trains, prunes, rewinds and trains again.

Chen et al. 2021 ("GANs Can Play Lottery Tickets Too", arXiv:2106.00134): the
smallest magnitudes among a trained network's weights are removed, those left
go back to what they were at the start, and everything is trained anew, round
after round. Each round is an ordinary run in a directory of its own. Unlike
there, the data come in the same order in every round.
"""

import json
import os

import keras
import numpy as np

from regan_tf.errors import UserError
from regan_tf.run import facts_of, prepare, start_tensorflow
from regan_tf.tickets.masks import (
    by_network,
    check_removes,
    next_masks,
    prunable_kernels,
)
from regan_tf.tickets.plan import masks_path, rounds_of
from regan_tf.tickets.totals import document, entry_of, ticket_result
from regan_tf.train.checkpoint import read_state
from regan_tf.train.result import keep_origin
from regan_tf.train.run_dir import RunDir, write_atomically, writing
from regan_tf.train.strategy import num_workers
from regan_tf.weight_files import load_masks, save_arrays


class TicketDir(RunDir):
    """The directory of a ticket, with one of an ordinary run for each round.

    Args:
        root: the directory.
    """

    def __init__(self, root):
        super().__init__(root)
        self.ticket = os.path.join(root, "ticket.json")

    def _folders(self):
        return (self.root,)


def run_ticket(config, images, overwrite=False, flags_text=""):
    """Trains all rounds of a ticket, or those that are left.

    Args:
        config: `ExperimentConfig` of the ticket, durations in steps.
        images: its `Images`.
        overwrite: move an old run directory aside.
        flags_text: the ticket as a flag file.

    Returns:
        Name of the signal that stopped it, or None: it is finished.

    Raises:
        UserError: the configuration fits neither data nor run directory.
        Diverged: training produced values that are not finite.
    """
    if num_workers() > 1:
        raise UserError(
            "--method=ticket trains in one process. Received: TF_CONFIG of "
            f"{num_workers()} workers; leave it out, or train the rounds one "
            "by one, the first with --prune=none, then with --method=fixed"
        )
    rounds = list(rounds_of(config))
    run_dir = TicketDir(config.output.run_dir)
    # Unlike in an ordinary run the length is not to change: rounds trained
    # before would be of another.
    facts = facts_of(config, images) | {"ticket.steps": config.training.steps}
    resume = not overwrite and run_dir.holds(facts)
    start_tensorflow(config)
    kernels = prunable_kernels(config)
    check_removes(kernels, rounds[1].removed, config.method.prune_scope)
    ticket = Ticket(config, images, run_dir, kernels, flags_text)
    if not resume:
        ticket.prepare(rounds[0], overwrite)
    run_dir.create(facts, flags_text, overwrite)
    try:
        return ticket.train(rounds)
    finally:
        run_dir.unlock()


class Ticket:
    """The rounds of a ticket, one after another.

    Args:
        config, images, flags_text: as of `run_ticket`.
        run_dir: its open `TicketDir`.
        kernels: names and shapes of `prunable_kernels`.
    """

    def __init__(self, config, images, run_dir, kernels, flags_text):
        self.config = config
        self.images = images
        self.run_dir = run_dir
        self.kernels = kernels
        self.flags_text = flags_text
        self.entries = []
        self._prepared = None

    def prepare(self, round_, overwrite=False):
        """Finds what is wrong with the next round before it is trained."""
        self._prepared = prepare(round_.config, self.images, overwrite)

    def train(self, rounds):
        """Trains what is left of the rounds.

        Args:
            rounds: all of them.

        Returns:
            Name of the signal that stopped it, or None: it is finished.
        """
        for round_ in rounds:
            signal = self._go_on(round_)
            if round_.finished:
                self._note(round_)
            if signal and len(self.entries) < len(rounds):
                if round_.finished:  # else its run has said so
                    print(
                        f"stopped by {signal} after round {round_.number}; "
                        "the same command goes on from there"
                    )
                return signal
        self._finish()
        return None

    def _go_on(self, round_):
        rounds, number = self.config.method.rounds, round_.number
        kind = f"{100 * round_.removed:.4g}% removed" if number else "dense"
        done = ": finished before" if round_.finished else ""
        print(f"round {number} of {rounds}, {kind}{done}")
        return None if done else self._train(round_)

    def _train(self, round_):
        if round_.number and not os.path.exists(round_.config.method.masks):
            save_arrays(round_.config.method.masks, self._masks(round_))
        if self._prepared is None:
            self.prepare(round_)
        text = round_.flags_text(self.flags_text)
        signal = self._prepared.execute(text)
        self._prepared = None
        # Names of Keras' layers count from 1 again, and memory is free.
        keras.backend.clear_session()
        return signal

    def _masks(self, round_):
        """The masks of a round, from what the round before has trained."""
        before = round_.number - 1
        folder = os.path.join(self.config.output.run_dir, f"round_{before}")
        trained = read_state(
            os.path.join(folder, "checkpoints"),
            [f"gan/{name}" for name in self.kernels],
        )
        kernels = {n: trained[f"gan/{n}"] for n in self.kernels}
        scope = self.config.method.prune_scope
        return next_masks(kernels, self._known(before), round_.removed, scope)

    def _known(self, number):
        """The masks of a round that has been trained."""
        if number:
            path = masks_path(self.config, number)
            return load_masks(path, self.kernels)
        return {n: np.ones(shape, bool) for n, shape in self.kernels.items()}

    def _note(self, round_):
        """Writes down a finished round."""
        sparsity = {}
        for network, masks in by_network(self._known(round_.number)).items():
            size = sum(mask.size for mask in masks.values())
            kept = sum(int(np.count_nonzero(m)) for m in masks.values())
            sparsity[network] = (size - kept) / size
        self.entries.append(entry_of(round_, sparsity))
        self._write(self.run_dir.ticket, document(self.config, self.entries))

    def _finish(self):
        root = self.run_dir.root
        name = os.path.basename(os.path.abspath(root))
        result = ticket_result(name, self.flags_text, self.entries)
        keep_origin(result, self.run_dir.result)
        self._write(self.run_dir.result, result)
        shown = result["cost"]["images_shown"]
        print(
            f"this ticket is finished, {shown:,} images shown in all: "
            f"{self.run_dir.ticket}\nits generator: {root}/round_"
            f"{self.config.method.rounds}/saved_model/sparse"
        )

    def _write(self, path, content):
        with writing(path):
            write_atomically(path, json.dumps(content, indent=1) + "\n")
