"""Can a trained spiking network hold two pulses, and answer with their exclusive or?"""
