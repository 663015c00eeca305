"""Trains this project: python train.py --data IMAGES, or torchrun --nproc-per-node 8 train.py --data IMAGES."""

from vqkit_torch.train import main

if __name__ == "__main__":
    main()
