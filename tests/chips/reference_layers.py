"""Layers that learn by random feedback, as one loop in plain numpy: the reference for Brian2's."""

import numpy as np


def simulate(spikes, labels, weights, feedback, rules, n_present, n_settle, n_label, floor=-1.0):
    """Weights onto each layer, and how often each neuron has spiked, after all given spikes.

    `weights` (target, source) in units of the threshold, `feedback` (n_neurons, n_classes) onto
    hidden layers; `rules` give eta, low, high and w_max of each. dt 1 ms, tau 20 ms, 2 ms of
    refractoriness.
    """
    W = [w.copy() for w in weights]
    n_classes = len(W[-1])
    v, u = ([np.zeros(len(w)) for w in W] for _ in range(2))
    last, counts = ([np.full(len(w), value) for w in W] for value in (-1000, 0))
    positive, negative = np.zeros(n_classes), np.zeros(n_classes)
    for step, arriving in enumerate(spikes):
        label = np.zeros(n_classes)
        if step % n_label == 0:
            label[labels[step // n_present]] = 1
        fired = []
        for k in range(len(W)):
            v[k] -= v[k] / 20
            u[k] -= u[k] / 20
            fired.append((v[k] > 1) & (step - last[k] >= 2))
            last[k][fired[k]] = step
            counts[k] += fired[k]
        up, down = positive >= 1, negative >= 1
        learning = step % n_present >= n_settle
        sources = [arriving > 0.5, *fired[:-1]]
        for k, rule in enumerate(rules):
            inside = (v[k] > rule.low) & (v[k] < rule.high)
            change = -rule.eta * u[k] * inside * learning
            acting = W[k] + np.outer(change, sources[k])
            W[k] = np.clip(acting, -rule.w_max, rule.w_max)
            v[k] = v[k] + W[k] @ sources[k]
        for k, G in enumerate([*feedback, np.eye(n_classes)]):
            u[k] += G @ (up.astype(float) - down)
        positive += fired[-1] - label
        negative -= fired[-1] - label
        for k in range(len(W)):
            v[k][fired[k]] -= 1
        positive[up] -= 1
        negative[down] -= 1
        positive, negative = np.maximum(positive, floor), np.maximum(negative, floor)
    return W, counts
