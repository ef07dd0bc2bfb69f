"""One process of `benchmarks.peer`: PyTorch networks of a file, in steps.

Runs in a Python of its own, which has PyTorch and need not have this package.
The update is ours with PyTorch's means: `--critic_steps` critic updates on
fresh fakes and one generator update, hinge loss, Adam (0, 0.9).

With `--halves=two` real and fake images pass the discriminator one after the
other and fakes are made with their graph, as the authors' script has it; with
`--halves=one` in one pass, and fakes without.
"""

import argparse
import importlib.util
import json
import resource
import sys
import time


class Step:
    """Networks and optimisers of the file, and their update."""

    def __init__(self, args):
        import torch

        self.torch, self.args = torch, args
        torch.set_num_threads(args.threads)
        torch.manual_seed(0)
        spec = importlib.util.spec_from_file_location("networks", args.networks)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.generator = getattr(module, args.generator)(128)
        self.discriminator = getattr(module, args.discriminator)()
        self.optimizers = [
            torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.0, 0.9))
            for n in (self.generator, self.discriminator)
        ]
        shape = (args.batch_size, 3, 32, 32)
        self.images = torch.rand(shape) * 2 - 1

    def _latents(self):
        return self.torch.randn(self.args.batch_size, 128)

    def _critic(self):
        torch, relu = self.torch, self.torch.relu
        self.discriminator.zero_grad()
        if self.args.halves == "one":
            with torch.no_grad():
                fake = self.generator(self._latents())
            logits = self.discriminator(torch.cat([self.images, fake]))
            real, fake = logits.chunk(2)
            (relu(1 - real).mean() + relu(1 + fake).mean()).backward()
        else:
            relu(1 - self.discriminator(self.images)).mean().backward()
            fake = self.generator(self._latents()).detach()
            relu(1 + self.discriminator(fake)).mean().backward()
        self.optimizers[1].step()

    def __call__(self):
        start = time.monotonic()
        for _ in range(self.args.critic_steps):
            self._critic()
        self.generator.zero_grad()
        fake = self.generator(self._latents())
        (-self.discriminator(fake).mean()).backward()
        self.optimizers[0].step()
        return time.monotonic() - start


def main():
    """Makes a step for each line of standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--networks", required=True)
    parser.add_argument("--generator", default="ResGenerator32")
    parser.add_argument("--discriminator", default="ResDiscriminator32")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--critic_steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--halves", choices=("one", "two"), default="one")
    step = Step(parser.parse_args())
    for _ in sys.stdin:
        seconds = step()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(
            json.dumps({"seconds": seconds, "peak_memory_bytes": peak}),
            flush=True,
        )


if __name__ == "__main__":
    main()
