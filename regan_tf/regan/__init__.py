"""The Re-GAN method, in parts that know no network."""
