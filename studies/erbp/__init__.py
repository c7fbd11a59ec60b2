"""Do layers of spiking neurons learn to classify by random feedback, and does it bear mismatch?"""
