"""The e-commerce case: who will spend much, reached within a budget, and what a campaign could prove of it."""
