"""Does gradient descent through spikes find the balanced code?"""
