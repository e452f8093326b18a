"""The loops: training, translating and embedding, and what they run on."""
