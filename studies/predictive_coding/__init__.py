"""Does gradient descent through spikes find predictive coding of a linear system?"""
