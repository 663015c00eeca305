"""vqkit's image tokenizers in PyTorch, to be trained on many GPUs.

`vqkit export MODEL --to pytorch --out DIR` copies this package beside a configuration and weights; `torchrun train.py`
trains them, and `vqkit import DIR` takes the result back. Every name of a weight is vqkit's, with dots for slashes, and
every formula is vqkit's too: losses, gradients and updates agree to float32's precision.

Letters: N images, H×W the latent grid, D numbers in a code, K codes in a codebook, Q codebooks, M = N·H·W latents.
"""
